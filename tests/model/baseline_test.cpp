#include "model/kernels/baseline.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "common/random.hpp"
#include "tests/model/dense.hpp"

// T weeks, K columns.
namespace dcmmm::kernels {
namespace {

using testing::Matrix;
using testing::Row;

struct Solution {
  Row baseline_TK, level_K;
};

Solution solve(const Row& weight, const Row& residual_TK, int64_t columns, double stiffness, double persistence) {
  BaselineSolver solver;
  solver.factor(weight, stiffness, persistence);
  Solution out{Row(residual_TK.size()), Row(static_cast<size_t>(columns))};
  solver.solve(residual_TK, columns, out.baseline_TK, out.level_K);
  return out;
}

void expect_dense_solution(const Row& weight, double stiffness, double persistence, uint64_t seed) {
  const size_t weeks = weight.size(), columns = 3;
  RandomStream random(seed, 1);
  Row residual(weeks * columns);
  for (double& value : residual) value = 1 + random.normal();
  const Solution found = solve(weight, residual, 3, stiffness, persistence);
  const Matrix smoother = testing::baseline_smoother(weight, stiffness, persistence);
  for (size_t k = 0; k < columns; ++k) {
    Row column(weeks);
    for (size_t t = 0; t < weeks; ++t) column[t] = residual[t * columns + k];
    const Row expected = testing::times(smoother, column);
    for (size_t t = 0; t < weeks; ++t) {
      // A random walk has 1e-9 on its diagonal beside the data's weights.
      ASSERT_NEAR(found.baseline_TK[t * columns + k], expected[t], persistence < 1 ? 1e-10 : 1e-5)
          << "week " << t << ", persistence " << persistence << ", stiffness " << stiffness;
    }
  }
}

TEST(BaselineSolver, AgreesWithDenseSolves) {
  for (const double persistence : {0.5, 0.95, 1.0})
    for (const double stiffness : {0.3, 20.0, 500.0})
      for (uint64_t seed = 1; seed < 6; ++seed) {
        RandomStream random(seed, 0);
        Row weight(5 + 4 * seed);
        for (double& value : weight) value = random.uniform() < 0.3 ? 0.0 : random.uniform();
        weight[2] = 1;
        expect_dense_solution(weight, stiffness, persistence, seed);
        expect_dense_solution(Row(weight.size(), 1.0), stiffness, persistence, seed);
        Row head(weight.size(), 0.0);  // a holdout of all but three weeks
        head[0] = head[1] = head[2] = 1;
        expect_dense_solution(head, stiffness, persistence, seed);
      }
}

TEST(BaselineSolver, PrecisionIsTheWeightedRestOfADenseSmoother) {
  for (const double persistence : {0.5, 0.95})
    for (const double stiffness : {0.3, 500.0}) {
      RandomStream random(7, 0);
      Row weight(19);
      for (double& value : weight) value = random.uniform() < 0.3 ? 0.0 : random.uniform();
      weight[2] = 1;
      weight[18] = 0;  // as in a holdout
      BaselineSolver solver;
      solver.factor(weight, stiffness, persistence);
      Row total(weight.size() * weight.size(), 2.0);
      solver.add_precision(total);
      const Matrix smoother = testing::baseline_smoother(weight, stiffness, persistence);
      for (size_t t = 0; t < weight.size(); ++t)
        for (size_t s = 0; s < weight.size(); ++s) {
          const double expected = s < t ? 0.0 : weight[t] * ((s == t ? 1.0 : 0.0) - smoother[t][s]);
          EXPECT_NEAR(total[t * weight.size() + s], 2 + expected, 1e-11) << t << ", " << s;
        }
    }
}

TEST(BaselineSolver, FollowsASingleObservationInEveryWeek) {
  for (const double persistence : {0.5, 0.95, 1.0})
    for (const size_t week : {0, 3, 6}) {
      Row weight(7, 0.0), residual(7, std::numeric_limits<double>::quiet_NaN());
      weight[week] = 0.25;
      residual[week] = 1.7;
      const Solution found = solve(weight, residual, 1, 20, persistence);
      for (const double value : found.baseline_TK) EXPECT_NEAR(value, 1.7, 1e-7);
      EXPECT_NEAR(found.level_K[0], persistence < 1 ? 1.7 : 0.0, 1e-7);
    }
}

TEST(BaselineSolver, LeavesAConstantAsItIs) {
  const Solution found = solve(Row(30, 1.0), Row(30, 3.25), 1, 20, 0.95);
  for (const double value : found.baseline_TK) EXPECT_NEAR(value, 3.25, 1e-12);
}

TEST(BaselineSolver, DecaysToItsLevelAfterTheLastObservation) {
  Row weight(20, 0.0), residual(20, 0.0);
  for (size_t t = 0; t < 10; ++t) weight[t] = 1, residual[t] = static_cast<double>(t);
  const Solution found = solve(weight, residual, 1, 2, 0.9);
  for (size_t t = 10; t < 20; ++t)
    EXPECT_NEAR(found.baseline_TK[t] - found.level_K[0], 0.9 * (found.baseline_TK[t - 1] - found.level_K[0]), 1e-12);
}

TEST(BaselineSolver, WorksForASingleWeek) {
  for (const double persistence : {0.5, 1.0})
    EXPECT_NEAR(solve({1.0}, {2.0}, 1, 20, persistence).baseline_TK[0], 2.0, 1e-8);
}

TEST(BaselineSolver, CanBeFactoredAgainForAShorterRegion) {
  BaselineSolver used;
  used.factor(Row(12, 1.0), 20, 0.95);
  used.factor(Row{1, 0, 1, 1}, 3, 0.5);
  Row baseline(4), level(1);
  used.solve(Row{1, 2, 3, 4}, 1, baseline, level);
  EXPECT_EQ(baseline, solve({1, 0, 1, 1}, {1, 2, 3, 4}, 1, 3, 0.5).baseline_TK);
}

}  // namespace
}  // namespace dcmmm::kernels
