// Which regions curves, effects and variance components are found with, where a panel has more than a search needs.
#pragma once

#include "likelihood/options.hpp"
#include "likelihood/panel_data.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// Has `data` count some `wanted` regions by chance, those that decide the variance components, those with much of the
/// target or of a channel, and where a channel, control or event is in few of these, more that have it. Totals are
/// those of the counted regions then. All count where no more can be used, or hardly any of the
/// sample: false. Collective; the same on every rank.
bool count_sample(LikelihoodData& data, int64_t wanted, const LikelihoodOptions& options, int64_t all_regions,
                  const RegionLoop& loop);

/// Has all regions count again.
void count_all(LikelihoodData& data);

}  // namespace dcmmm
