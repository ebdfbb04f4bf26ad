// The split by time: the model learns from the first weeks and is judged on the last ones.
#pragma once

#include <algorithm>
#include <cstdint>

namespace dcmmm {

/// Fewer training weeks than this carry no trend and no carry-over worth fitting.
inline constexpr int64_t kMinimumTrainingWeeks = 8;

/// A region with fewer observed training weeks predicts its mean, and takes no part in the holdout's figures.
inline constexpr int64_t kMinimumRegionWeeks = 4;

/// Weeks [0, origin) train, weeks [origin, origin + holdout_weeks) are held out.
struct Split {
  int64_t origin = 0;
  int64_t holdout_weeks = 0;
};

/// Holds out the last `holdout_weeks` of `weeks` (0: none). Throws UserError when that is negative or leaves fewer than
/// kMinimumTrainingWeeks.
Split split_by_time(int64_t weeks, int64_t holdout_weeks);

/// Whether the target of a region isn't the same in all of its observed cells of the first `weeks` weeks.
inline bool target_varies(const double* target_T, const uint8_t* observed_T, int64_t weeks) {
  const double* first = nullptr;
  for (int64_t t = 0; t < weeks; ++t) {
    if (observed_T[t] == 0) continue;
    if (first != nullptr && target_T[t] != *first) return true;
    first = target_T + t;
  }
  return false;
}

/// Whether a region takes part in the holdout's figures: by its `observed_T` (1 or 0) in the weeks before the origin.
inline bool counts_in_holdout(const uint8_t* observed_T, int64_t origin) {
  return std::count(observed_T, observed_T + origin, 1) >= kMinimumRegionWeeks;
}

}  // namespace dcmmm
