#include "common/quantiles.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace dcmmm {
namespace {

TEST(Quantiles, InvertTheNormalDistribution) {
  for (const double probability : {1e-12, 0.001, 0.05, 0.3, 0.5, 0.9, 0.975, 0.9999}) {
    const double z = normal_quantile(probability);
    EXPECT_NEAR(0.5 * std::erfc(-z / std::numbers::sqrt2) / probability, 1, 1e-13) << probability;
  }
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-13);
}

TEST(Quantiles, AreThoseOfTheTablesOfStudentsT) {
  EXPECT_NEAR(student_quantile(0.95, 2), 2.920, 0.03);
  EXPECT_NEAR(student_quantile(0.95, 4), 2.132, 0.002);
  EXPECT_NEAR(student_quantile(0.995, 4), 4.604, 0.02);
  EXPECT_NEAR(student_quantile(0.05, 8), -1.860, 0.001);
  EXPECT_NEAR(student_quantile(0.9, 1e9), normal_quantile(0.9), 1e-8);
}

}  // namespace
}  // namespace dcmmm
