// The forecasts that anybody could make without a model, from training weeks only: the bar that a fit has to clear.
// Shapes: R regions of a block, N weeks ahead.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/panel.hpp"

namespace dcmmm {

inline constexpr std::size_t kNaiveKinds = 6;

/// Names as in metrics.json, in the order in which they are computed and shown.
inline constexpr std::array<const char*, kNaiveKinds> kNaiveNames = {"train_mean", "last_4",   "last_8",
                                                                     "last_13",    "seasonal", "last"};

/// Steps back to the same season: 52 weeks, 12 months, or 7 days.
int64_t seasonal_lag(TimeStep step);

/// The naive forecasts of the weeks [origin, origin + horizon) for every region of the block: for each of kNaiveNames a
/// row of `horizon` values a region, KPI units. `train_mean` and `last_k` are the mean of all, or of the last k,
/// observed training weeks (fewer when there are fewer); `last` is the last one; `seasonal` is the target one season
/// earlier where that is an observed training week, else `last_8`; of days it is the mean of the last 8 observed
/// training days of the same weekday (fewer when there are fewer; none: `last_8`). A region without an observed
/// training week gets 0. REQUIRES: 0 <= origin, origin + horizon <= weeks.
std::array<std::vector<double>, kNaiveKinds> naive_forecasts(const Panel& block, int64_t origin, int64_t horizon);

}  // namespace dcmmm
