// Intervals of a block's predictions. Shapes: R regions of the block, T weeks.
#pragma once

#include <vector>

#include "analysis/results.hpp"

namespace dcmmm {

struct IntervalBlock {
  std::vector<double> lower_RT, upper_RT;  // KPI units; NaN for regions without a usable history
};

/// Intervals at a level. Forecasts (weeks from the origin on): ForecastIntervals::half_width by their distance from the
/// last training week. Training weeks: the normal quantile times the region's own root mean square error there.
IntervalBlock intervals_at(const ResultBlock& block, const SharedResults& shared, double level);

/// Sets the block's noise scales (from `intervals`, which knows all regions of the panel), its sample scales, and its
/// 90 % interval. `panel` holds the same regions as the block.
void add_intervals(const Panel& panel, const SharedResults& shared, const ForecastIntervals& intervals,
                   ResultBlock& block);

}  // namespace dcmmm
