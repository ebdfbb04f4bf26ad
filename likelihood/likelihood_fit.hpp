// The likelihood, fitted: variance components by restricted maximum likelihood, then curves and effects by
// Gauss-Newton, for one fit and for draws of the priors around it. Shapes: T weeks, C channels, S patterns.
#pragma once

#include <functional>
#include <string>

#include "likelihood/draws.hpp"
#include "likelihood/robust.hpp"

namespace dcmmm {

/// One member: a mode with all that follows from it.
struct LikelihoodMember {
  FixedCovariance covariance;  // regions' slopes at the mode's curves
  Mode mode;
  Eigen::VectorXd national_T;  // the national level's path over all weeks and some after them
};

struct LikelihoodFit {
  LikelihoodOptions options;
  LikelihoodData data;  // with its final scales and weights
  ComponentEstimate estimate;
  FixedCovariance covariance;  // under which the modes were found
  std::vector<LikelihoodMember> members;
};

/// Components, then `members` modes: the first from the priors' centres, the others from draws of them (decay,
/// exponent, half-saturation), keyed by their seeds. `future`: weeks after the panel's last one for which the national
/// level is wanted. Collective; the same on every rank.
LikelihoodFit fit_likelihood(LikelihoodData data, const LikelihoodOptions& options, const std::vector<uint64_t>& seeds,
                             int64_t all_regions, int64_t future, const RegionLoop& loop,
                             const std::function<void(const std::string&)>& log);

/// How a region differs from the nation.
struct RegionEffects {
  Eigen::VectorXd media_C;    // added to a channel's coefficient, as a share of m_r at full saturation
  Eigen::VectorXd pattern_S;  // added to the patterns' coefficients
};
RegionEffects region_effects(const LikelihoodFit& fit, const LikelihoodMember& member, int64_t region);

}  // namespace dcmmm
