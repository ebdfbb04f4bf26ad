// What the graph is learned from: each channel's log spend in a region and week, less what regions and weeks have in
// common. Shapes: R regions of this rank, T training weeks, C channels.
#pragma once

#include <cstdint>
#include <vector>

#include "common/large_vector.hpp"
#include "data/panel.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// Departures of log spend, without unit: a channel multiplied by any number gives the same.
struct LogSpend {
  int64_t regions = 0, weeks = 0, channels = 0;
  std::vector<int64_t> place_R;     // among the S regions that are looked at: all of them, or a sample; else -1
  LargeVector<double> value_STC;    // standard deviation 1 over all seen cells of the panel; 0 where not seen
  std::vector<uint8_t> seen_RT;     // the row exists, in a region that is looked at and has enough of them
  std::vector<double> scale_C;      // standard deviation of log spend's departures, which values are divided by
  std::vector<double> off_share_C;  // share of the seen cells without spend
  bool by_week = false;             // weeks' own means were removed, else harmonics of the year

  const double* row(int64_t region, int64_t week) const {
    return value_STC.data() + (place_R[static_cast<size_t>(region)] * weeks + week) * channels;
  }
  bool seen(int64_t region, int64_t week) const { return seen_RT[region * weeks + week] != 0; }
  /// Spend that doesn't move says nothing.
  bool is_constant(int64_t channel) const { return scale_C[channel] == 0; }
};

/// log(x / region's mean) of channels that are nearly always on (a rare 0 counts as the region's smallest spend),
/// log(1 + x / mean) of the others; then region means,
/// and week means (they hold season, holidays and whatever else all regions share; with few regions two harmonics
/// of the year instead), and the panel's events are regressed out, over the seen cells of weeks [0, weeks).
/// Collective.
LogSpend log_spend(const Panel& panel, int64_t weeks, const RegionLoop& loop);

}  // namespace dcmmm
