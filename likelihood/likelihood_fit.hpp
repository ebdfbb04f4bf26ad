// The likelihood, fitted: variance components by restricted maximum likelihood, then curves and effects by
// Gauss-Newton, for one fit and for draws of the priors around it. Shapes: T weeks, C channels, S patterns.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "likelihood/curve_sampler.hpp"
#include "likelihood/draws.hpp"
#include "likelihood/robust.hpp"
#include "model/options.hpp"

namespace dcmmm {

/// One member: a mode with all that follows from it.
struct LikelihoodMember {
  uint64_t seed = 0;           // of its draw; 0: the plain fit
  FixedCovariance covariance;  // at the mode's curves
  Mode mode;
  Eigen::VectorXd national_T;  // the national level's path over all weeks and some after them

  RowMatrix gru_NC;  // the GRU's path where one was trained: relative deviations, [N, C]

  /// Relative deviation of the coefficients from their constants, [N, C]: by the GRU over as many weeks as national_T,
  /// or else by the waves over the panel's weeks.
  RowMatrix drift_NC() const;
};

struct LikelihoodFit {
  LikelihoodOptions options;
  LikelihoodData data;  // with its final scales and weights
  ComponentEstimate estimate;
  double drift_gain = 0;  // what drift added to the log likelihood; where it was too little, options.drift is kNone
  FixedCovariance covariance;                 // under which the modes were found
  std::vector<ExperimentReport> experiments;  // of the panel alone, and of the first member
  CurveSample sample;                         // of the posterior; empty without one
  double media_share = 0;                     // of the target, by the plain fit, whichever members are here
  std::vector<LikelihoodMember> members;
};

/// Where a fit of the same channels ended on fewer weeks, or on fewer regions: a search that begins there is short.
struct LikelihoodStart {
  std::array<double, kComponents> components;
  Eigen::VectorXd shape_coordinates;     // of decay, exponent and half-saturation, as Shapes has them
  std::vector<double> peak_coordinates;  // of the delayed channels
  Eigen::VectorXd shares;                // of the target, of each channel
  MediaUnit media_unit = MediaUnit::kRegion;
  double size_offset = 0;
  std::vector<double> error_scale_R;  // 1 for regions that it didn't know
  std::vector<double> weight_RT;      // of Huber, over this panel's weeks; 1 for cells that it didn't know
};

/// Components, then a member for each seed: without one, the posterior's mean shares and the curves that suit them;
/// with one, a draw from the posterior. Without a sample (LikelihoodOptions::curve_draws, more than 1,000 regions): the
/// mode, and modes under draws of the priors' centres. `future`: weeks after the panel's last one for which the
/// national level is wanted. `start`: null, or an earlier fit to go on from. Collective; the same on every rank.
LikelihoodFit fit_likelihood(LikelihoodData data, const LikelihoodOptions& options,
                             const std::vector<std::optional<uint64_t>>& seeds, int64_t all_regions, int64_t future,
                             const RegionLoop& loop, const std::function<void(const std::string&)>& log,
                             const LikelihoodStart* start = nullptr);

/// Components after a first, short search for them and for the curves, without drift. Its `negative_log` is comparable
/// between data that differ in how their media are measured only, and with the sizes' part added (panel_scales.cpp)
/// between sizes. `start`: of another such search. Collective.
ComponentEstimate quick_estimate(const LikelihoodData& data, const LikelihoodOptions& options,
                                 const std::optional<Components>& start, int64_t all_regions, const RegionLoop& loop);

/// The fit's first member with fewer training weeks: components, scales and weights of `fit`, curves that start from
/// its own, effects and levels found anew, of many regions by a sample. `data` holds the same regions with an earlier
/// origin. Collective.
LikelihoodFit refit_at_earlier_origin(const LikelihoodFit& fit, LikelihoodData data, int64_t all_regions,
                                      const RegionLoop& loop);

/// Sets what the posterior's mean, or without a sample the first member, says of each experiment; coefficients drift,
/// regions' own slopes are left out. Collective.
void report_fitted(LikelihoodFit& fit, const RegionLoop& loop);

/// How a region differs from the nation.
struct RegionEffects {
  Eigen::VectorXd media_C;    // added to a channel's coefficient, as a share of m_r at full saturation
  Eigen::VectorXd pattern_S;  // added to the patterns' coefficients
};
RegionEffects region_effects(const LikelihoodFit& fit, const LikelihoodMember& member, int64_t region);

}  // namespace dcmmm
