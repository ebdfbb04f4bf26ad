// From a fit to its answer for every region and week, in the target's own units.
#pragma once

#include "analysis/results.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {

/// Components, predictions and scales of a chunk over all weeks, of one member. Regions without a usable history
/// predict their mean: all of it baseline.
ResultBlock result_block(const Fit& fit, Chunk chunk, int64_t member = 0);

/// The curves of the first member.
SharedResults shared_results(const Fit& fit);

/// The channels' figures of the fit's drawn members (trainer/ensemble.hpp). Collective.
ChannelDraws channel_draws(const Fit& fit);

}  // namespace dcmmm
