// Which regions curves, effects and variance components are found with, where a panel has more than a search needs.
#pragma once

#include "likelihood/options.hpp"
#include "likelihood/panel_data.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// Has `data` count a sample of at most `wanted` regions, and those that decide the variance components; all of them
/// where there are no more, or where hardly any of the sample is usable. Collective; the same on every rank.
void count_sample(LikelihoodData& data, int64_t wanted, const LikelihoodOptions& options, int64_t all_regions,
                  const RegionLoop& loop);

}  // namespace dcmmm
