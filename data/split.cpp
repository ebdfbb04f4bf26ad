#include "data/split.hpp"

#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {

Split split_by_time(int64_t weeks, int64_t holdout_weeks) {
  if (holdout_weeks < 0) {
    throw UserError(text("data.holdout_weeks=", holdout_weeks, ": expected 0 or more weeks; 0 trains on all of them."));
  }
  if (weeks - holdout_weeks < kMinimumTrainingWeeks) {
    throw UserError(text("data.holdout_weeks=", holdout_weeks, " leaves ", weeks - holdout_weeks, " of the panel's ",
                         counted(weeks, "weeks"), " for training; at least ", kMinimumTrainingWeeks,
                         " are needed. Hold out fewer weeks or bring a longer panel."));
  }
  return {weeks - holdout_weeks, holdout_weeks};
}

}  // namespace dcmmm
