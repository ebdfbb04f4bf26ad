// Intervals of a channel's figures, from the draws in a run's results.
#pragma once

#include "analysis/intervals.hpp"
#include "analysis/results.hpp"

namespace dcmmm {

/// Of its contribution over all regions and weeks, around `contribution`; `predicted` is the sum of the predictions.
/// That of a channel whose effect isn't identified reaches from 0 to what its local slope could explain.
Interval contribution_interval(const SharedResults& shared, std::size_t channel, double level, double contribution,
                               double predicted);

/// Of its decay.
Interval decay_interval(const SharedResults& shared, std::size_t channel, double level);

}  // namespace dcmmm
