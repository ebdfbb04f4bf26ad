// From sums over regions to the regression's normal equations, the national shock integrated out.
// Shapes: T training weeks, P columns, L linear terms (media, controls, patterns), C channels.
#pragma once

#include "likelihood/region_sums.hpp"

namespace dcmmm {

/// The national level's prior covariance K and what the panel leaves of it: (I + K A)^-1 K, A = sum of V_r^-1.
struct NationalLevel {
  Eigen::MatrixXd covariance_TT;  // zero without a national level
};
NationalLevel national_level(const RowMatrix& precision_TT, const Components& components);

/// What the regression sees of the regions' sums once the national level is integrated out: reduced_gram of
/// its national_level, without K in full, in a quarter of the time; and log |I + K A|.
struct IntegratedSums {
  Eigen::MatrixXd gram_PP;
  double log_determinant = 0;
};
IntegratedSums integrate_nation(const PanelSums& sums, const Components& components);

/// Covariance K of `weeks` weeks.
Eigen::MatrixXd national_covariance(const Components& components, int64_t weeks);

/// X' V^-1 X with V = the regions' V_r plus the national level: gram - weighted' C weighted.
Eigen::MatrixXd reduced_gram(const PanelSums& sums, const NationalLevel& national);

/// Independent normal priors of the linear terms.
struct LinearPrior {
  Eigen::VectorXd mean, precision;  // L each
};

/// Media in share coordinates, by what is known of their ROI; the last of the data's controls are events, the waves'
/// amplitudes have the variances of `waves` times the drift's.
LinearPrior linear_prior(const LikelihoodOptions& options, const LikelihoodData& data, const Components& components,
                         const ColumnLayout& layout, const Waves& waves);

/// Scales a symmetric matrix over raw columns so that a channel's coefficient is its share of the target: column /
/// mean. Channels whose mean is 0 get a zero column.
Eigen::VectorXd share_scale(const PanelSums& sums, const ColumnLayout& layout);

}  // namespace dcmmm
