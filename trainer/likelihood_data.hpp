// From a member of a fit to what the likelihood reads.
#pragma once

#include "likelihood/panel_data.hpp"
#include "model/mmm.hpp"

namespace dcmmm {

/// Scaled target, media and controls of a member's regions, in double; `patterns_TS` of all weeks, `year`: steps of the
/// panel in a year (seasonal_period). Collective.
LikelihoodData likelihood_data(const FitData& data, int64_t member, const at::Tensor& patterns_TS, double year,
                               const RegionLoop& loop);

}  // namespace dcmmm
