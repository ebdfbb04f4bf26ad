// Draws from the posterior around a mode: the Gauss-Newton curvature, truncated at zero where a sign is known.
#pragma once

#include "common/random.hpp"
#include "likelihood/gauss_newton.hpp"
#include "likelihood/signed_terms.hpp"

namespace dcmmm {

/// One row a draw. Shapes: D draws, L linear terms, C channels, S coordinates of the curves.
struct Draws {
  RowMatrix linear_DL;  // shares first
  RowMatrix shapes_DS;
};

/// Mean responses (PanelSums::mean_P of the media) under other curves, relative to those under `shapes`, [D, C]: judged
/// on a sample of at most 64 of the panel's regions. Collective.
RowMatrix relative_mean_responses(const LikelihoodData& data, const Shapes& shapes, const RowMatrix& shapes_DS,
                                  int64_t all_regions, const RegionLoop& loop);

/// Draws from a normal whose terms of known sign are cut at zero: those by Gibbs sampling (Geweke 1991) after
/// `first_sweeps`, the rest given them. [draws, terms].
RowMatrix draw_signed(const Eigen::VectorXd& center, const Eigen::MatrixXd& covariance, const SignedTerms& terms,
                      int64_t draws, int first_sweeps, RandomStream& random);

/// Laplace's approximation: shares and all else from the normal that the curvature gives, cut where a sign is known.
Draws draw_posterior(const Mode& mode, const std::vector<int>& control_signs, int64_t draws, RandomStream random);

}  // namespace dcmmm
