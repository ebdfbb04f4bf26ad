// From a fit to its answer for every region and week, in the target's own units.
#pragma once

#include "analysis/results.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {

/// Components, predictions and scales of a chunk over all weeks, means over the members the user asked for. Regions
/// without a usable history predict their mean: all of it baseline.
ResultBlock result_block(const Fit& fit, Chunk chunk);

/// The curves, means over members.
SharedResults shared_results(const Fit& fit);

}  // namespace dcmmm
