// Variance components by restricted maximum likelihood (Patterson and Thompson 1971): linear terms integrated out under
// their priors, the components' own weak priors added.
#pragma once

#include "likelihood/linear_system.hpp"

namespace dcmmm {

struct ComponentEstimate {
  Components components;
  double negative_log = 0;  // at the estimate; comparable only at equal weights and scales
  double drift_gain = 0;    // log likelihood at the estimate less that with next to no drift, all else equal
  int64_t evaluations = 0;
};

/// Minimises from `start` with the curves held at `frozen.shapes`. `max_steps` bounds the work. Collective; every rank
/// gets the same.
ComponentEstimate estimate_components(const LikelihoodData& data, const LikelihoodOptions& options,
                                      const Frozen& frozen, const Components& start, int64_t all_regions,
                                      int64_t max_steps, const RegionLoop& loop);

/// The columns in which regions differ: each channel's frozen response and the season's patterns.
std::vector<SlopeColumn> slope_columns(const ColumnLayout& layout, const Components& components, const Frozen& frozen);

}  // namespace dcmmm
