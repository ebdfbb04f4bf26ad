#include "model/closed_form.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/errors.hpp"
#include "common/random.hpp"
#include "tests/model/dense.hpp"

namespace dcmmm {
namespace {

using testing::Matrix;
using testing::Row;

struct Problem {
  std::vector<double> matrix, right;
};

Problem random_problem(size_t size, uint64_t seed) {
  RandomStream random(seed, 3);
  Matrix root = testing::zeros(size, size + 2);
  for (Row& row : root)
    for (double& value : row) value = random.normal();
  Problem out{std::vector<double>(size * size, 0.0), std::vector<double>(size)};
  for (size_t i = 0; i < size; ++i)
    for (size_t j = 0; j < size; ++j)
      for (size_t k = 0; k < size + 2; ++k) out.matrix[i * size + j] += root[i][k] * root[j][k];
  for (double& value : out.right) value = 3 * random.normal();
  return out;
}

double objective(const Problem& problem, const std::vector<double>& theta) {
  const size_t size = theta.size();
  double value = 0;
  for (size_t i = 0; i < size; ++i) {
    value -= problem.right[i] * theta[i];
    for (size_t j = 0; j < size; ++j) value += 0.5 * theta[i] * problem.matrix[i * size + j] * theta[j];
  }
  return value;
}

// The best of the solutions for every set of bounded terms held at zero that turn out non-negative.
std::vector<double> brute_force(const Problem& problem, size_t bounded) {
  const size_t size = problem.right.size();
  std::vector<double> best(size, 0.0);
  double lowest = std::numeric_limits<double>::infinity();
  for (size_t held = 0; held < size_t{1} << bounded; ++held) {
    std::vector<size_t> terms;
    for (size_t i = 0; i < size; ++i)
      if (i >= bounded || (held >> i & 1) == 0) terms.push_back(i);
    std::vector<double> theta(size, 0.0);
    if (!terms.empty()) {
      Matrix part = testing::zeros(terms.size(), terms.size());
      Row right(terms.size());
      for (size_t i = 0; i < terms.size(); ++i) {
        right[i] = problem.right[terms[i]];
        for (size_t j = 0; j < terms.size(); ++j) part[i][j] = problem.matrix[terms[i] * size + terms[j]];
      }
      const Row solution = testing::times(testing::inverse(part), right);
      for (size_t i = 0; i < terms.size(); ++i) theta[terms[i]] = solution[i];
    }
    bool allowed = true;
    for (size_t i = 0; i < bounded; ++i) allowed = allowed && theta[i] >= 0;
    if (allowed && objective(problem, theta) < lowest) lowest = objective(problem, best = theta);
  }
  return best;
}

TEST(SolveNonNegative, FindsTheBestOfAllActiveSets) {
  for (size_t size = 1; size <= 8; ++size)
    for (size_t bounded = 0; bounded <= size; ++bounded)
      for (uint64_t seed = 0; seed < 8; ++seed) {
        const Problem problem = random_problem(size, 100 * size + seed);
        const auto expected = brute_force(problem, bounded);
        const auto found = solve_non_negative(problem.matrix, problem.right, static_cast<int64_t>(bounded));
        for (size_t i = 0; i < size; ++i)
          ASSERT_NEAR(found[i], expected[i], 1e-8 * (1 + std::abs(expected[i])))
              << size << " terms, " << bounded << " bounded, seed " << seed;
      }
}

TEST(SolveNonNegative, MeetsTheConditionsOfAnOptimum) {
  const size_t size = 40, bounded = 30;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const Problem problem = random_problem(size, seed);
    const auto theta = solve_non_negative(problem.matrix, problem.right, bounded);
    size_t held = 0;
    for (size_t i = 0; i < size; ++i) {
      double slope = -problem.right[i];
      for (size_t j = 0; j < size; ++j) slope += problem.matrix[i * size + j] * theta[j];
      if (i < bounded) {
        ASSERT_GE(theta[i], 0);
      }
      if (i < bounded && theta[i] == 0) {
        ++held;
        EXPECT_GE(slope, -1e-8);
      } else {
        EXPECT_NEAR(slope, 0, 1e-7);
      }
    }
    EXPECT_GT(held, 0u);
  }
}

TEST(SolveSigned, TurnsAndPutsBackItsTerms) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const Problem problem = random_problem(5, seed);
    const auto theta = solve_signed(problem.matrix, problem.right, {0, -1, 1, 0, -1});
    EXPECT_LE(theta[1], 0);
    EXPECT_GE(theta[2], 0);
    EXPECT_LE(theta[4], 0);
    for (size_t i = 0; i < 5; ++i) {
      double slope = -problem.right[i];
      for (size_t j = 0; j < 5; ++j) slope += problem.matrix[i * 5 + j] * theta[j];
      if (theta[i] != 0) {
        EXPECT_NEAR(slope, 0, 1e-8) << i;
      } else {
        EXPECT_GE(slope * (i == 2 ? 1 : -1), -1e-8) << i;
      }
    }
  }
}

TEST(SolveNonNegative, GivesZeroWhenEverythingPullsDown) {
  EXPECT_EQ(solve_non_negative({2, 0.5, 0.5, 1}, {-1, -2}, 2), (std::vector<double>{0, 0}));
}

TEST(SolveNonNegative, DoesNotMindVeryDifferentUnits) {
  Problem problem = random_problem(6, 5);
  const auto plain = solve_non_negative(problem.matrix, problem.right, 4);
  const double unit[] = {1e6, 1e-6, 1, 1e4, 1e-3, 1e5};
  for (size_t i = 0; i < 6; ++i) {
    problem.right[i] *= unit[i];
    for (size_t j = 0; j < 6; ++j) problem.matrix[i * 6 + j] *= unit[i] * unit[j];
  }
  const auto scaled = solve_non_negative(problem.matrix, problem.right, 4);
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(scaled[i] * unit[i], plain[i], 1e-7 * (1 + std::abs(plain[i])));
}

TEST(SolveNonNegative, SaysThatInputsAreCollinear) {
  try {
    solve_non_negative({1, 1, 1, 1}, {1, 1}, 0);
    FAIL() << "collinear inputs were accepted";
  } catch (const NumericalError& error) {
    EXPECT_NE(std::string(error.what()).find("a sum of others"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("model.ridge.strength"), std::string::npos);
  }
}

TEST(SolveNonNegative, TellsOverflowAndIdleInputsFromCollinearOnes) {
  const auto refusal = [](const std::vector<double>& matrix) {
    try {
      solve_non_negative(matrix, {1, 1}, 0);
    } catch (const NumericalError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double entry : {kInfinity, std::nan("")}) {
    EXPECT_NE(refusal({1, 0, 0, entry}).find("aren't finite"), std::string::npos) << entry;
    EXPECT_NE(refusal({1, entry, entry, 1}).find("aren't finite"), std::string::npos) << entry;
  }
  EXPECT_NE(refusal({1, 0, 0, 0}).find("an input is 0 wherever"), std::string::npos);
}

TEST(SolveNonNegative, NeedsOnlyOneOfTwoEqualBoundedTerms) {
  const auto theta = solve_non_negative({1, 1, 1, 1}, {1, 1}, 2);
  EXPECT_NEAR(theta[0] + theta[1], 1, 1e-12);
}

}  // namespace
}  // namespace dcmmm
