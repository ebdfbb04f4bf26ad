#include "data/split.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

std::string message_of(int64_t weeks, int64_t holdout_weeks) {
  try {
    split_by_time(weeks, holdout_weeks);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST(Split, HoldsOutTheLastWeeks) {
  EXPECT_EQ(split_by_time(109, 8).origin, 101);
  EXPECT_EQ(split_by_time(109, 8).holdout_weeks, 8);
  EXPECT_EQ(split_by_time(109, 0).origin, 109);
  EXPECT_EQ(split_by_time(16, 8).origin, kMinimumTrainingWeeks);
}

TEST(Split, RefusesToTrainOnAlmostNothing) {
  EXPECT_THAT(message_of(15, 8),
              testing::HasSubstr("data.holdout_weeks=8 leaves 7 of the panel's 15 weeks for training; at least 8"));
  EXPECT_THAT(message_of(7, 0), testing::HasSubstr("at least 8"));
  EXPECT_THAT(message_of(109, -1), testing::HasSubstr("data.holdout_weeks=-1: expected 0 or more"));
}

}  // namespace dcmmm
