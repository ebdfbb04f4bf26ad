// Plans against brute force, and limits as properties of random problems.
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "common/errors.hpp"
#include "planning/local_search.hpp"
#include "tests/planning/plan_case.hpp"

namespace dcmmm {
namespace {

double best_of_grid(const PlanProblem& problem, double budget, int points) {
  // Every combination of the variables on a grid, the last one taking what is left; sums' limits are checked.
  const PlanObjective objective(problem);
  const Decisions& decisions = problem.decisions;
  const auto count = static_cast<size_t>(decisions.count());
  std::vector<double> at(count);
  double best = -HUGE_VAL;
  const std::function<void(size_t, double)> visit = [&](size_t i, double left) {
    if (i + 1 == count) {
      if (left < decisions.lower[i] || left > decisions.upper[i]) return;
      at[i] = left;
      const std::vector<double> totals = problem.channel_totals(at);
      for (size_t c = 0; c < totals.size(); ++c)
        if (totals[c] < problem.limits.channels[c].lower || totals[c] > problem.limits.channels[c].upper) return;
      for (const ChannelGroup& group : problem.limits.groups) {
        double sum = 0;
        for (const int64_t c : group.channels) sum += totals[c];
        if (sum < group.range.lower || sum > group.range.upper) return;
      }
      best = std::max(best, objective.value(at));
      return;
    }
    for (int k = 0; k <= points; ++k) {
      at[i] = decisions.lower[i] + (decisions.upper[i] - decisions.lower[i]) * k / points;
      if (at[i] <= left) visit(i + 1, left - at[i]);
    }
  };
  visit(0, budget);
  return best;
}

SolvedPlan solve(const PlanProblem& problem, double budget) {
  const PlanObjective objective(problem);
  return solve_plan(problem, objective, {budget, {}, {}, 1}, {8, 1});
}

SolvedPlan solve_target(const PlanProblem& problem, const PlanGoal& goal) {
  const PlanObjective objective(problem);
  return meet_target(problem, objective, goal, solve_plan(problem, objective, goal, {8, 1}),
                     [&](const std::vector<double>& variables) { return objective.value(variables); });
}

// 20 random problems: 4 channels; 2 channels in 2 regions; 2 channels in 2 weeks; 1 channel in 2 regions and 2 weeks;
// concave curves and S-shaped ones, means and lower quantiles.
TEST(Planner, BeatsOrEqualsBruteForce) {
  int s_shaped = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    PlanOptions options;
    CaseShape shape{3, 2, 2, 2, 2};
    constexpr int kPoints = 32;
    switch (seed % 4) {
      case 0:
        shape.channels = 4;
        break;
      case 1:
        options.level = PlanLevel::kChannelRegion;
        break;
      case 2:
        options.level = PlanLevel::kChannelWeek;
        break;
      default:
        options.level = PlanLevel::kAll;
        shape.channels = 1;
    }
    if (seed % 2 == 0) options.groups["pair"] = {{"c0", "c1"}, {0.8, 1.1, {}, {}, false}};
    if (seed % 4 == 3) options.groups.clear();
    if (seed % 3 != 0) shape.exponent_low = 2.5, shape.exponent_high = 5, ++s_shaped;
    options.lower = 0.2, options.upper = 3;
    const PlanProblem problem = made_up_problem(shape, seed, options, seed % 5 == 0 ? 1.0 : 0.0);
    const double budget = (0.7 + 0.05 * static_cast<double>(seed % 10)) * today_total(problem);
    const SolvedPlan plan = solve(problem, std::clamp(budget, problem.limits.all.lower, problem.limits.all.upper));
    const double brute = best_of_grid(problem, plan.budget, kPoints);
    ASSERT_TRUE(std::isfinite(brute)) << "no grid point keeps the limits, seed " << seed;
    EXPECT_GE(plan.value, brute - 1e-9 * std::abs(brute)) << "seed " << seed;
  }
  EXPECT_EQ(s_shaped, 14);
}

// Schedules of weeks, S-shaped, too many for brute force: against the best of a hundred random starts.
TEST(Planner, AFewStartsEndNearTheBestOfMany) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    PlanOptions options;
    options.level = seed % 2 == 1 ? PlanLevel::kChannelWeek : PlanLevel::kAll;
    options.lower = 0.3;
    const PlanProblem problem = made_up_problem({3, 2, 3, 6, 3, 2, 4}, seed, options);
    const PlanObjective objective(problem);
    const PlanGoal goal{0.9 * today_total(problem), {}, {}, 1};
    const double few = solve_plan(problem, objective, goal, {8, 1}).value,
                 many = solve_plan(problem, objective, goal, {100, 99}).value;
    EXPECT_GE(few, 0.99 * many) << "seed " << seed;
    EXPECT_GT(few, 1.05 * objective.value(problem.repaired(problem.decisions.today, goal.budget))) << "seed " << seed;
  }
}

TEST(Planner, AnUnreachableTargetNamesOnlyLimitsThatThereAre) {
  const auto refusal = [](double lower) {
    PlanOptions options;
    options.lower = lower;
    const PlanProblem problem = made_up_problem({}, 1, options);
    try {
      solve_target(problem, {0, 1e9, {}, 1});
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_TRUE(refusal(0).ends_with("). Lower the target.")) << refusal(0);
  EXPECT_NE(refusal(0.5).find("). Lower the target or the limits from below: "), std::string::npos) << refusal(0.5);
}

// Curves so steep that a search from today's plan ends elsewhere: only one of two equal channels is worth funding.
TEST(Planner, LeavesALocalOptimum) {
  PlanOptions options;
  options.lower = 0, options.upper = 2;
  PlanProblem problem = made_up_problem({1, 1, 2, 1, 0, 5, 5}, 3, options);
  Responses& responses = problem.responses;
  std::fill(responses.base_RCDT.begin(), responses.base_RCDT.end(), 0.0F);
  std::fill(responses.log_half_DC.begin(), responses.log_half_DC.end(), std::log(1.5));
  std::fill(responses.carry_DCT.begin(), responses.carry_DCT.end(), 1.0);
  std::fill(responses.factor_RDC.begin(), responses.factor_RDC.end(), 1.0);
  std::fill(responses.coefficient_RCT.begin(), responses.coefficient_RCT.end(), 100.0);
  responses.unit_RC = {10, 10};
  Decisions& decisions = problem.decisions;
  decisions.today = {10, 10}, decisions.lower = {0, 0}, decisions.upper = {20, 20};
  for (SumRange& range : problem.limits.channels) range.lower = 0, range.upper = 20;
  problem.limits.all.lower = 0, problem.limits.all.upper = 40;
  const SolvedPlan plan = solve(problem, 20);
  EXPECT_NEAR(std::max(plan.variables[0], plan.variables[1]), 20, 1e-6);
  EXPECT_GT(plan.value, 1.5 * PlanObjective(problem).value({10, 10}));
}

void expect_within(const PlanProblem& problem, const std::vector<double>& plan, double budget) {
  const Decisions& decisions = problem.decisions;
  const double slack = 1e-6 * std::max(1.0, 1e-3 * budget);
  for (int64_t i = 0; i < decisions.count(); ++i) {
    EXPECT_GE(plan[i], decisions.lower[i] - slack);
    EXPECT_LE(plan[i], decisions.upper[i] + slack);
  }
  const std::vector<double> totals = problem.channel_totals(plan);
  for (size_t c = 0; c < totals.size(); ++c) {
    EXPECT_GE(totals[c], problem.limits.channels[c].lower - slack);
    EXPECT_LE(totals[c], problem.limits.channels[c].upper + slack);
  }
  for (const ChannelGroup& group : problem.limits.groups) {
    double sum = 0;
    for (const int64_t c : group.channels) sum += totals[c];
    EXPECT_GE(sum, group.range.lower - slack);
    EXPECT_LE(sum, group.range.upper + slack);
  }
  EXPECT_NEAR(std::accumulate(totals.begin(), totals.end(), 0.0), budget, slack);
  for (const Block& block : decisions.blocks)
    for (int64_t i = block.first + 1; i < block.first + block.count; ++i)
      EXPECT_LE(std::abs(plan[i] - plan[i - 1]), block.week_change + slack);
}

TEST(Planner, KeepsEveryLimit) {
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    RandomStream random(seed, 9);
    PlanOptions options;
    options.level = static_cast<PlanLevel>(seed % 4);
    options.lower = random.uniform(0, 0.8), options.upper = random.uniform(1.1, 2.5);
    options.cell_lower = random.uniform(0, 0.5), options.cell_upper = random.uniform(1.2, 3);
    options.channels["c0"].locked = seed % 5 == 0;
    // Some go through the search for many variables.
    const CaseShape shape{2, seed % 8 == 7 ? 20 : 3, 4, 4, 2};
    options.channels["c1"].max = random.uniform(100, 200) * static_cast<double>(shape.regions);
    options.channels["c1"].min = random.uniform(0, 30);
    options.groups["pair"] = {{"c1", "c2"}, {random.uniform(0.5, 0.8), random.uniform(1.1, 1.4), {}, {}, false}};
    const bool by_week = options.level == PlanLevel::kChannelWeek || options.level == PlanLevel::kAll;
    if (by_week && seed % 3 == 0) options.smoothness = random.uniform(0.3, 0.6);
    const PlanProblem problem = made_up_problem(shape, seed, options);
    const SumRange& all = problem.limits.all;
    const double budget = all.lower + random.uniform() * (all.upper - all.lower);
    const SolvedPlan plan = solve(problem, budget);
    EXPECT_EQ(plan.search, shape.regions == 20 ? "CCSAQ" : "SLSQP");
    expect_within(problem, plan.variables, budget);
  }
}

TEST(Planner, ManyVariablesEndAtAnOptimum) {
  PlanOptions options;
  options.level = PlanLevel::kAll;
  const PlanProblem many = made_up_problem({2, 17, 3, 4, 2, 2.5, 4}, 5, options);
  ASSERT_GT(many.decisions.count(), kDenseVariables);
  const double budget = today_total(many);
  const SolvedPlan plan = solve(many, budget);
  // No transfer between two variables gains more than a little.
  const PlanObjective objective(many);
  std::vector<double> gradient;
  objective.gradient(plan.variables, gradient);
  std::vector<double> moved = plan.variables;
  double best = 0;
  for (size_t i = 0; i < moved.size(); i += 7)
    for (size_t j = 3; j < moved.size(); j += 11) {
      const double step =
          0.05 * std::min(many.decisions.upper[i] - plan.variables[i], plan.variables[j] - many.decisions.lower[j]);
      if (step <= 0 || i == j) continue;
      moved = plan.variables;
      moved[i] += step, moved[j] -= step;
      const std::vector<double> totals = many.channel_totals(moved);
      bool inside = true;
      for (size_t c = 0; c < totals.size(); ++c)
        inside = inside && totals[c] >= many.limits.channels[c].lower && totals[c] <= many.limits.channels[c].upper;
      if (inside) best = std::max(best, objective.value(moved) - plan.value);
    }
  EXPECT_LE(best, 1e-4 * plan.value);
  EXPECT_GT(plan.value, 1.02 * objective.value(many.decisions.today));
}

TEST(Planner, MeetsATargetReturnWithTheLargestOutcome) {
  PlanOptions options;
  options.lower = 0.1, options.upper = 3;
  const PlanProblem problem = made_up_problem({3, 2, 3, 3, 2, 0.8, 1.2}, 4, options);
  const SolvedPlan today = solve(problem, today_total(problem));
  const double target = today.value / today.budget;
  const SolvedPlan plan = solve_target(problem, {0, target, {}, 1});
  EXPECT_GE(plan.value / plan.budget, target * (1 - 1e-9));
  EXPECT_NEAR(plan.budget, today.budget, 0.002 * today.budget);
  const SolvedPlan more = solve(problem, 1.03 * plan.budget);
  EXPECT_LT(more.value / more.budget, target);
}

TEST(Planner, MeetsATargetOutcomeWithTheLeastSpend) {
  PlanOptions options;
  options.lower = 0.1, options.upper = 3;
  const PlanProblem problem = made_up_problem({3, 2, 3, 3, 2}, 6, options);
  const SolvedPlan today = solve(problem, today_total(problem));
  const SolvedPlan plan = solve_target(problem, {0, {}, today.value, 1});
  EXPECT_GE(plan.value, today.value * (1 - 1e-9));
  EXPECT_NEAR(plan.budget, today.budget, 0.002 * today.budget);
}

TEST(Planner, TheLowerQuantileIsHigherWhereItIsAskedFor) {
  int better = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    PlanOptions options;
    options.lower = 0, options.upper = 3;
    const PlanProblem robust = made_up_problem({6, 1, 4, 2, 1}, seed, options, 1.5);
    PlanProblem by_mean = robust;
    by_mean.spread = 0;
    const double budget = today_total(robust);
    const PlanObjective objective(robust);
    const double lower = solve(robust, budget).value, of_mean = objective.value(solve(by_mean, budget).variables);
    EXPECT_GE(lower, of_mean - 1e-6 * std::abs(of_mean));
    better += lower > of_mean + 1e-4 * std::abs(of_mean) ? 1 : 0;
  }
  EXPECT_GE(better, 3);
}

TEST(Planner, TheSameTwiceAndWithMoreThreads) {
  PlanOptions options;
  options.level = PlanLevel::kAll;
  PlanProblem problem = made_up_problem({2, 17, 3, 4, 2}, 5, options);
  const double budget = 0.9 * today_total(problem);
  const SolvedPlan first = solve(problem, budget), again = solve(problem, budget);
  problem.threads = 3;
  const SolvedPlan threaded = solve(problem, budget);
  EXPECT_EQ(first.variables, again.variables);
  EXPECT_EQ(first.variables, threaded.variables);
}

}  // namespace
}  // namespace dcmmm
