#include "planning/scenarios.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace dcmmm {
namespace {

TEST(Scenarios, OutcomesAreNeverBelowZeroButGainsMayBe) {
  // A few draws that lie far apart: Student's t alone would reach below 0.
  const std::vector<double> draws = {1, 2, 30};
  const Expected outcome = expected(draws, 0.9), gain = expected(draws, 0.9, -HUGE_VAL);
  EXPECT_EQ(outcome.mean, 11);
  EXPECT_EQ(outcome.interval.lower, 0);
  EXPECT_LT(gain.interval.lower, -30);
  EXPECT_EQ(outcome.interval.upper, gain.interval.upper);
}

}  // namespace
}  // namespace dcmmm
