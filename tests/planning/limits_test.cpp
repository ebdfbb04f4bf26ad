// Limits of sums: what clashes is named, what doesn't is kept exactly.
#include "planning/limits.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "common/errors.hpp"
#include "tests/planning/plan_case.hpp"

namespace dcmmm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

std::string refusal(const PlanOptions& options, double budget = 0, const CaseShape& shape = {}) {
  return refusal([&] {
    const PlanProblem problem = made_up_problem(shape, 1, options);
    if (budget > 0) problem.limits.check_budget(budget);
  });
}

TEST(SumRange, TheNarrowerLimitCounts) {
  const SumLimits general{0.5, 2.0, {}, {}, false};
  SumRange range = sum_range("tv", "plan.channels.tv", {}, general, 100);
  EXPECT_EQ(range.lower, 50);
  EXPECT_EQ(range.upper, 200);
  EXPECT_EQ(range.lower_says, "plan.lower=0.5 x today's 100.00");
  range = sum_range("tv", "plan.channels.tv", {0.8, {}, 90, 150, false}, general, 100);
  EXPECT_EQ(range.lower, 90);
  EXPECT_EQ(range.upper, 150);
  EXPECT_EQ(range.lower_says, "plan.channels.tv.min=90.00");
  EXPECT_EQ(range.upper_says, "plan.channels.tv.max=150.00");
  // An amount takes the place of the general multiple, also where that is narrower.
  range = sum_range("tv", "plan.channels.tv", {{}, {}, 10, 900, false}, general, 100);
  EXPECT_EQ(range.lower, 10);
  EXPECT_EQ(range.upper, 900);
  range = sum_range("tv", "plan.channels.tv", {{}, {}, 10, 900, true}, general, 100);
  EXPECT_EQ(range.lower, 100);
  EXPECT_EQ(range.upper, 100);
}

TEST(Limits, NamesWhatClashes) {
  EXPECT_THAT(refusal([] {
                sum_range("tv", "plan.channels.tv", {1.5, {}, {}, 120, false}, {}, 100);
              }),
              AllOf(HasSubstr("tv must be at least 150.00 (plan.channels.tv.lower=1.5 x today's 100.00)"),
                    HasSubstr("at most 120.00 (plan.channels.tv.max=120.00)")));
  PlanOptions options;
  options.channels["c0"].min = 1e6, options.channels["c0"].max = 2e6;
  options.level = PlanLevel::kChannelRegion;
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("c0 must be at least 1000000 (plan.channels.c0.min=1000000)"),
                                      HasSubstr("c0's regions and weeks"), HasSubstr("plan.cell_upper")));
  options = {};
  options.channels["c0"].lower = 0, options.channels["c0"].max = 5;
  options.level = PlanLevel::kChannelRegion;
  options.cell_lower = 1;
  EXPECT_THAT(refusal(options),
              AllOf(HasSubstr("c0 may be at most 5.00 (plan.channels.c0.max=5.00)"), HasSubstr("plan.cell_lower")));
  options = {};
  options.groups["pair"] = {{"c0", "c1"}, {{}, 0.3, {}, {}, false}};
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("pair may be at most"), HasSubstr("plan.groups.pair.upper=0.3"),
                                      HasSubstr("c0"), HasSubstr("c1"), HasSubstr("plan.lower=0.5")));
  options.groups["pair"] = {{"c0", "c1"}, {3, {}, {}, {}, false}};
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("pair must be at least"), HasSubstr("plan.groups.pair.lower=3"),
                                      HasSubstr("plan.upper=2")));
}

TEST(SumRange, ALockIsALimitToo) {
  const SumLimits general{1.2, 2.0, {}, {}, false};
  SumRange range = sum_range("tv", "plan.channels.tv", {1.0, 1.0, 100, 100, true}, general, 100, "locked by me");
  EXPECT_EQ(range.lower, 100);
  EXPECT_EQ(range.upper, 100);
  EXPECT_EQ(range.upper_says, "locked by me");
  const auto refused = [&](const SumLimits& limits) {
    return refusal([&] { sum_range("tv", "plan.channels.tv", limits, general, 100, "locked by me"); });
  };
  EXPECT_EQ(refused({{}, {}, 1e9, 1, true}),
            "These limits clash: tv must be at least 1000000000 (plan.channels.tv.min=1000000000) and at most 100.00 "
            "(locked by me). Change one of them.");
  EXPECT_THAT(refused({{}, {}, {}, 99, true}),
              HasSubstr("at least 100.00 (locked by me) and at most 99.00 (plan.channels.tv.max=99.00)"));
  EXPECT_THAT(refused({1.1, {}, {}, {}, true}), HasSubstr("plan.channels.tv.lower=1.1"));
  EXPECT_THAT(refused({{}, 0.9, {}, {}, true}), HasSubstr("plan.channels.tv.upper=0.9"));
}

// The sums of a locked channel's cells differ from its own by rounding, which isn't a limit of the cells.
TEST(Limits, ALockedChannelIsCalledLocked) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    PlanOptions options;
    for (const char* name : {"c0", "c1", "c2"}) options.channels[name].locked = true;
    options.level = PlanLevel::kAll;
    EXPECT_THAT(refusal([&] {
                  made_up_problem({2, 7, 3, 6, 2}, seed, options).limits.check_budget(1);
                }),
                AllOf(HasSubstr("locked at today's"), Not(HasSubstr("cell_lower"))));
    EXPECT_THAT(refusal([&] {
                  made_up_problem({2, 7, 3, 6, 2}, seed, options).limits.check_budget(1e9);
                }),
                AllOf(HasSubstr("locked at today's"), Not(HasSubstr("cell_upper"))));
  }
}

TEST(Limits, AmountsThatDifferAreWrittenSo) {
  SumLimitsTree limits;
  limits.all = {"all", 574074.6, 574074.9, "a", "b"};
  EXPECT_THAT(refusal([&] { limits.check_budget(574075); }),
              HasSubstr("plan.budget=574075.0 is above what the limits allow, 574074.9"));
  EXPECT_THAT(refusal([&] { limits.check_budget(574074.599); }),
              HasSubstr("plan.budget=574074.599 is below what the limits ask for, 574074.600"));
  EXPECT_THAT(refusal([&] { limits.check_budget(1); }),
              HasSubstr("plan.budget=1.00 is below what the limits ask for, 574075"));
  EXPECT_THAT(refusal([&] {
                sum_range("tv", "plan.channels.tv", {{}, {}, 2000.2, 2000.1, false}, {}, 100);
              }),
              AllOf(HasSubstr("at least 2000.2 ("), HasSubstr("at most 2000.1 (")));
}

TEST(Limits, NamesWhatKeepsABudgetFromBeingSpent) {
  PlanOptions options;
  options.channels["c1"].min = 150;
  options.channels["c2"].locked = true;
  EXPECT_THAT(refusal(options, 1),
              AllOf(HasSubstr("plan.budget=1.00 is below what the limits ask for"), HasSubstr("plan.lower=0.5"),
                    HasSubstr("c1 150.00 (plan.channels.c1.min=150.00)"), HasSubstr("locked at today's")));
  EXPECT_THAT(refusal(options, 1e7),
              AllOf(HasSubstr("plan.budget=10000000 is above what the limits allow"), HasSubstr("plan.upper=2")));
}

TEST(Limits, NeighbouringWeeksFitEachOther) {
  PlanOptions options;
  options.level = PlanLevel::kChannelWeek;
  options.smoothness = 0;
  const PlanProblem problem = made_up_problem({}, 1, options);
  const Decisions& decisions = problem.decisions;
  for (const Block& block : decisions.blocks)
    for (int64_t i = block.first + 1; i < block.first + block.count; ++i) {
      EXPECT_EQ(decisions.lower[i], decisions.lower[i - 1]);
      EXPECT_EQ(decisions.upper[i], decisions.upper[i - 1]);
    }
}

TEST(MoveToTotal, KeepsLimitsAndMeetsTheTotal) {
  RandomStream random(3, 1);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> lower, upper, values;
    for (int i = 0; i < 7; ++i) {
      lower.push_back(random.uniform(0, 10));
      upper.push_back(lower.back() + random.uniform(0, 10) * (i % 3 == 0 ? 0 : 1));
      values.push_back(random.uniform(lower.back(), upper.back()));
    }
    const double least = std::accumulate(lower.begin(), lower.end(), 0.0),
                 most = std::accumulate(upper.begin(), upper.end(), 0.0), total = random.uniform(least, most);
    move_to_total(values, lower, upper, total);
    EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), total, 1e-12 * total);
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_GE(values[i], lower[i]);
      EXPECT_LE(values[i], upper[i]);
    }
  }
}

TEST(SmoothWeeks, LeavesWhatIsSmoothAndSmoothsTheRest) {
  PlanOptions options;
  options.level = PlanLevel::kAll;
  options.smoothness = 0.4;
  const PlanProblem problem = made_up_problem({1, 4, 2, 8, 0}, 2, options);
  RandomStream random(5, 1);
  for (const Block& block : problem.decisions.blocks) {
    std::vector<double> values;
    for (int64_t t = 0; t < block.count; ++t)
      values.push_back(
          random.uniform(problem.decisions.lower[block.first + t], problem.decisions.upper[block.first + t]));
    smooth_weeks(problem.decisions, block, values.data());
    for (int64_t t = 0; t < block.count; ++t) {
      EXPECT_GE(values[t], problem.decisions.lower[block.first + t] - 1e-12);
      EXPECT_LE(values[t], problem.decisions.upper[block.first + t] + 1e-12);
      EXPECT_LE(std::abs(values[t] - values[std::max<int64_t>(t - 1, 0)]), block.week_change * (1 + 1e-12));
    }
    std::vector<double> again = values;
    smooth_weeks(problem.decisions, block, again.data());
    for (int64_t t = 0; t < block.count; ++t) EXPECT_NEAR(again[t], values[t], 1e-12 * (1 + values[t]));
  }
}

}  // namespace
}  // namespace dcmmm
