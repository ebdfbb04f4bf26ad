#include "analysis/intervals.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "common/random.hpp"

namespace dcmmm {
namespace {

TEST(StudentQuantile, AgreesWithPublishedTables) {
  EXPECT_NEAR(student_quantile(0.95, 1), 6.313752, 1e-6);
  EXPECT_NEAR(student_quantile(0.95, 2), 2.919986, 1e-6);
  EXPECT_NEAR(student_quantile(0.975, 3), 3.182446, 1e-6);
  EXPECT_NEAR(student_quantile(0.95, 7), 1.894579, 1e-6);
  EXPECT_NEAR(student_quantile(0.95, 14), 1.761310, 1e-6);
  EXPECT_NEAR(student_quantile(0.995, 15), 2.946713, 1e-6);
  EXPECT_NEAR(student_quantile(0.95, 1000), 1.646379, 1e-6);
  EXPECT_NEAR(student_quantile(0.05, 7), -1.894579, 1e-6);
}

TEST(IntervalOf, AFewDrawsIsStudents) {
  const std::vector<double> draws = {3, 4, 5, 6, 7};  // mean 5, sd sqrt(2.5)
  const Interval interval = interval_of(draws, 0.9, 5);
  const double half = 2.131847 * std::sqrt(2.5 * 1.2);
  EXPECT_NEAR(interval.lower, 5 - half, 1e-5);
  EXPECT_NEAR(interval.upper, 5 + half, 1e-5);
}

TEST(IntervalOf, CoversAFurtherDrawAsOftenAsItSays) {
  for (const int count : {8, 15, 400}) {
    int covered = 0;
    for (uint64_t trial = 0; trial < 4000; ++trial) {
      RandomStream random(7, trial);
      std::vector<double> draws;
      for (int i = 0; i < count; ++i) draws.push_back(10 + random.normal());
      const double further = 10 + random.normal();
      const Interval interval = interval_of(draws, 0.9, draws[0]);
      covered += further >= interval.lower && further <= interval.upper ? 1 : 0;
    }
    EXPECT_NEAR(covered / 4000.0, 0.9, 0.02) << count << " draws";
  }
}

TEST(IntervalOf, ManyDrawsAreOrderStatisticsInWhateverOrderTheyCome) {
  std::vector<double> draws;
  for (int i = 0; i < 202; ++i) draws.push_back((i * 61) % 202);  // 0 to 201
  const Interval interval = interval_of(draws, 0.9, 100);
  EXPECT_DOUBLE_EQ(interval.lower, 0.05 * 201);
  EXPECT_DOUBLE_EQ(interval.upper, 0.95 * 201);
}

TEST(IntervalOf, HoldsThePointAndNothingBelowTheLeast) {
  const std::vector<double> draws = {0.1, 0.2, 0.3};
  EXPECT_EQ(interval_of(draws, 0.9, 5).upper, 5);
  EXPECT_EQ(interval_of(draws, 0.9, 0.2).lower, 0);
  EXPECT_LT(interval_of(draws, 0.9, 0.2, -9).lower, 0);
  EXPECT_TRUE(std::isnan(interval_of({}, 0.9, 1).lower));
  EXPECT_TRUE(std::isnan(interval_of(std::vector<double>{1}, 0.9, 1).upper));
}

}  // namespace
}  // namespace dcmmm
