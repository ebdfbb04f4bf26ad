// Asynchronous successive halving: trials that do worse than others did at the same point end early.
#pragma once

#include <cstdint>

#include "sweep/study.hpp"

namespace dcmmm {

struct AshaOptions {
  int64_t first = 1;      // step of the first rung
  int64_t reduction = 3;  // of the trials at a rung one in so many goes on; rungs are first * reduction^k
};

/// Whether the trial `number` ends with `value` at `step`, which comes after its intermediate values in the study: it
/// reaches a rung with it, and is not among the best share of 1/reduction of all values that were ever told at that
/// rung (with fewer than `reduction` of them: not the best). The first value at or after a rung's step counts for it. A
/// trial that goes on is never called back, and one that ended is never resumed: the form of ASHA (Li et al. 2020) for
/// trials that run on, as Optuna's SuccessiveHalvingPruner has it.
bool asha_prunes(const AshaOptions& options, const Study& study, int64_t number, int64_t step, double value);

}  // namespace dcmmm
