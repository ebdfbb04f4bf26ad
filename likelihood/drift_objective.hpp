// What a path of the coefficients costs when everything else stays at a mode: the likelihood with the national level
// integrated out, and a smooth prior. Shapes: T training weeks, C channels.
#pragma once

#include <vector>

#include "likelihood/gauss_newton.hpp"

namespace dcmmm {

/// A path is a channel's relative deviation from its constant coefficient in each training week, alike in all regions.
/// A sample of at most LikelihoodOptions::sample_regions regions takes part.
class DriftObjective {
 public:
  /// `covariance` was fixed at the mode's curves. A pass. Collective.
  DriftObjective(const LikelihoodData& data, const LikelihoodOptions& options, const FixedCovariance& covariance,
                 const Mode& mode, int64_t all_regions, const RegionLoop& loop);

  /// Negative log likelihood of a path [T, C] up to a constant, and its gradient [T, C]. Two all-reduces, of T + 1 and
  /// T C numbers, whatever the number of regions. Collective.
  double value(const RowMatrix& path_TC, RowMatrix& gradient_TC) const;

  /// Precision [T, T] of a channel's path before it is centred: the waves' prior, and as much as 5 % of its sd free
  /// from week to week.
  const Eigen::MatrixXd& prior_precision_TT() const { return prior_precision_TT_; }

  /// Weights of the weeks, summing to 1 for each channel, by which a path is centred: a centred path leaves the
  /// channel's share as it is.
  const RowMatrix& week_weight_TC() const { return week_weight_TC_; }

 private:
  struct Region {
    int64_t place = 0;
    RowMatrix response_TC;  // times share / mean: what a relative deviation of 1 adds
    Eigen::VectorXd residual_T;
    RegionPrecision precision;
  };

  int64_t weeks_, channels_;
  const RegionLoop& loop_;
  std::vector<Region> regions_;  // of this rank, those that take part
  Eigen::MatrixXd national_TT_;  // what the panel leaves of the national level's covariance
  // Experiments [E]: their weekly lifts at the mode in units of their sd, and what these leave of the measured ones
  // when nothing drifts.
  RowMatrix lift_ET_;
  Eigen::VectorXd lift_residual_E_;
  std::vector<int64_t> lift_channel_E_;
  Eigen::MatrixXd prior_precision_TT_;
  RowMatrix week_weight_TC_;
};

}  // namespace dcmmm
