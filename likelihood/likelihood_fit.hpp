// The likelihood, fitted: variance components by restricted maximum likelihood, then curves and effects by
// Gauss-Newton, for one fit and for draws of the priors around it. Shapes: T weeks, C channels, S patterns.
#pragma once

#include <functional>
#include <string>

#include "likelihood/draws.hpp"
#include "likelihood/robust.hpp"

namespace dcmmm {

struct LikelihoodFit {
  LikelihoodOptions options;
  LikelihoodData data;
  ComponentEstimate estimate;
  FixedCovariance covariance;  // its slopes frozen at the mode's curves
  Mode mode;
  Eigen::VectorXd national_T;  // the national level's path over all weeks and `future` more
};

/// `future`: weeks after the panel's last one for which the national level is wanted. Collective.
LikelihoodFit fit_likelihood(LikelihoodData data, const LikelihoodOptions& options, int64_t all_regions, int64_t future,
                             const RegionLoop& loop, const std::function<void(const std::string&)>& log);

/// A member of the ensemble: the fit again from a draw of the priors' centres (decay, exponent, half-saturation).
Mode refit_from_prior_draw(const LikelihoodFit& fit, RandomStream random, const RegionLoop& loop);

/// How a region differs from the nation.
struct RegionEffects {
  Eigen::VectorXd media_C;    // added to a channel's coefficient, as a share of m_r at full saturation
  Eigen::VectorXd pattern_S;  // added to the patterns' coefficients
};
RegionEffects region_effects(const LikelihoodFit& fit, int64_t region);

}  // namespace dcmmm
