// Tables of best outcomes against a plain search over all splits.
#include "planning/value_tree.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/planning/plan_case.hpp"

namespace dcmmm {
namespace {

TEST(ValueTree, FindsTheBestSplitOfThreeChannels) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    PlanOptions options;
    options.lower = 0, options.upper = 3;
    const PlanProblem problem = made_up_problem({1, 1, 3, 2, 1, 2, 5}, seed, options);
    const PlanObjective objective(problem);
    const ValueTree tree(problem, {1.0});
    const double budget = today_total(problem);
    const std::vector<double> plan = tree.plan(budget);
    EXPECT_NEAR(std::accumulate(plan.begin(), plan.end(), 0.0), budget, 1e-9 * budget);
    double best = 0;
    constexpr int kSteps = 150;
    const std::vector<double>& upper = problem.decisions.upper;
    for (int i = 0; i <= kSteps; ++i)
      for (int j = 0; j <= kSteps; ++j) {
        const double a = upper[0] * i / kSteps, b = upper[1] * j / kSteps, c = budget - a - b;
        if (c >= 0 && c <= upper[2]) best = std::max(best, objective.value({a, b, c}));
      }
    EXPECT_GE(objective.value(plan), 0.998 * best) << "seed " << seed;
  }
}

TEST(ValueTree, GrowsWithTheBudgetAndKeepsGroups) {
  PlanOptions options;
  options.level = PlanLevel::kAll;
  options.groups["pair"] = {{"c0", "c2"}, {0.9, 1.1, {}, {}, false}};
  const PlanProblem problem = made_up_problem({2, 5, 3, 4, 2}, 4, options);
  const ValueTree tree(problem, {0.5, 0.5});
  EXPECT_NEAR(tree.least(), problem.limits.all.lower, 1e-9 * tree.least());
  EXPECT_NEAR(tree.most(), problem.limits.all.upper, 1e-9 * tree.most());
  double before = -HUGE_VAL;
  for (int i = 0; i <= 20; ++i) {
    const double budget = tree.least() + (tree.most() - tree.least()) * i / 20, value = tree.value(budget);
    EXPECT_GE(value, before);
    before = value;
    const std::vector<double> totals = problem.channel_totals(tree.plan(budget));
    const SumRange& pair = problem.limits.groups[0].range;
    EXPECT_GE(totals[0] + totals[2], pair.lower * (1 - 1e-9));
    EXPECT_LE(totals[0] + totals[2], pair.upper * (1 + 1e-9));
  }
}

}  // namespace
}  // namespace dcmmm
