// Plans of a made-up run: what is kept, and the figures that are written beside the outcomes.
#include "planning/budget_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "common/errors.hpp"
#include "common/random.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kRegions = 2, kChannels = 3, kWeeks = 12, kHorizon = 4, kTail = 2, kDraws = 40;

// S-shaped curves whose draws lie far apart, so that a few of them say something else than all.
FittedRun made_up_run(double further_sd = 0.3) {
  RandomStream random(5, 1);
  FittedRun out;
  out.regions = {"north", "south"};
  out.channels = {"tv", "web", "radio"};
  out.weeks = {"13", "14", "15", "16"};
  out.now_first = "9", out.now_last = "12";
  out.has_currency = true;
  out.horizon = kHorizon, out.counted = kHorizon + kTail;
  SharedResults& shared = out.shared;
  shared.draws.count = kDraws;
  for (int64_t c = 0; c < kChannels; ++c) {
    shared.decay_C.push_back(random.uniform(0.2, 0.6));
    shared.exponent_C.push_back(random.uniform(0.9, 1.6));
    shared.half_saturation_C.push_back(random.uniform(0.7, 1.5));
    shared.peak_C.push_back(NAN);
    out.mean_coefficient_C.push_back(100);
    out.region_sd_C.push_back(further_sd);
    out.drift_sd_C.push_back(further_sd / 2);
    out.has_price_C.push_back(1);
  }
  for (int64_t d = 0; d < kDraws; ++d)
    for (int64_t c = 0; c < kChannels; ++c) {
      shared.draws.coefficient_DC.push_back(random.uniform(30, 170));
      shared.draws.decay_DC.push_back(random.uniform(0.1, 0.7));
      shared.draws.exponent_DC.push_back(random.uniform(0.8, 1.8));
      shared.draws.half_saturation_DC.push_back(random.uniform(0.5, 2.0));
    }
  for (int64_t i = 0; i < kRegions * kChannels; ++i) {
    const double unit = random.uniform(5, 20);
    out.unit_RC.push_back(unit);
    out.highest_RC.push_back(2 * unit);
    for (int64_t t = 0; t < out.counted; ++t) out.coefficient_RCT.push_back(random.uniform(80, 120));
    for (int64_t t = 0; t < kWeeks; ++t) {
      out.scaled_RCP.push_back(random.uniform(0.4, 1.6));
      if (t < kWeeks - kHorizon) continue;
      out.today_RCH.push_back(unit * out.scaled_RCP.back());
      out.free_RCH.push_back(0);
    }
  }
  return out;
}

// Its media of channel 2 cost nothing, and nothing says what more would.
FittedRun with_owned_radio() {
  FittedRun out = made_up_run();
  out.has_price_C[2] = 0;
  for (int64_t r = 0; r < kRegions; ++r) {
    const int64_t cell = r * kChannels + 2;
    for (int64_t t = 0; t < kHorizon; ++t) {
      out.free_RCH[cell * kHorizon + t] = out.today_RCH[cell * kHorizon + t] / out.unit_RC[cell];
      out.today_RCH[cell * kHorizon + t] = 0;
    }
    out.unit_RC[cell] = out.highest_RC[cell] = 0;
  }
  return out;
}

PlanOptions few_draws() {
  PlanOptions out;
  out.horizon_weeks = kHorizon, out.tail_weeks = kTail;
  out.draws = 4;
  return out;
}

BudgetPlan plan_of(const FittedRun& run, const PlanOptions& options, std::string* said = nullptr) {
  return plan_budget(run, options, [&](const std::string& line) {
    if (said != nullptr) *said += line + "\n";
  });
}

std::string refusal(const FittedRun& run, const PlanOptions& options) {
  try {
    plan_of(run, options);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

// As scenarios.csv has it: the mean over all draws.
double outcome_of(const FittedRun& run, const std::vector<double>& spend_RCH) {
  std::vector<Scenario> scenarios = {{"", spend_RCH, {}, {}}};
  add_outcomes(run, scenarios, 0, 1);
  return expected(over_channels(scenarios[0], kChannels), 0.9).mean;
}

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

TEST(BudgetPlan, MarginalFiguresAreSlopesOfTheWrittenOutcomes) {
  const FittedRun run = made_up_run();
  for (const PlanLevel level : {PlanLevel::kChannel, PlanLevel::kAll}) {
    PlanOptions options = few_draws();
    options.level = level;
    const BudgetPlan plan = plan_of(run, options);
    ASSERT_EQ(plan.problem.responses.draws, 4);
    for (const size_t s : {0, 1}) {
      const std::vector<double>&spend_RCH = plan.scenarios[s].spend_RCH, spend_C = channel_spend(run, spend_RCH);
      for (size_t c = 0; c < kChannels; ++c) {
        constexpr double kStep = 1e-4;
        std::vector<double> more = spend_RCH, less = spend_RCH;
        for (size_t i = 0; i < more.size(); ++i)
          if (i / kHorizon % kChannels == c) more[i] *= 1 + kStep, less[i] *= 1 - kStep;
        const double slope = (outcome_of(run, more) - outcome_of(run, less)) / (2 * kStep * spend_C[c]);
        EXPECT_NEAR((s == 0 ? plan.marginal_now_C : plan.marginal_plan_C)[c], slope, 1e-6 * slope) << s << " " << c;
      }
    }
    // One more unit, to what may still move both ways, by its room.
    const Decisions& decisions = plan.problem.decisions;
    const std::vector<double>& variables = plan.solved.variables;
    std::vector<double> room;
    for (size_t i = 0; i < variables.size(); ++i) {
      room.push_back(std::min(variables[i] - decisions.lower[i], decisions.upper[i] - variables[i]));
      if (room[i] <= 1e-6 * (decisions.upper[i] - decisions.lower[i])) room[i] = 0;
    }
    const auto moved = [&](double step) {
      std::vector<double> out(run.today_RCH.size()), at = variables;
      for (size_t i = 0; i < at.size(); ++i) at[i] += step * room[i] / sum(room);
      for (const Block& block : decisions.blocks)
        for (int64_t r = block.first_region; r < block.first_region + block.regions; ++r)
          decisions.spread(block, at.data() + block.first, r, &out[(r * kChannels + block.channel) * kHorizon]);
      return outcome_of(run, out);
    };
    const double step = 1e-4 * sum(room), slope = (moved(step) - moved(-step)) / (2 * step);
    EXPECT_NEAR(plan.price, slope, 1e-6 * slope);
  }
}

TEST(BudgetPlan, ThePriceIsWhatALargerBudgetGains) {
  const FittedRun run = made_up_run(/*further_sd=*/0);
  PlanOptions options = few_draws();
  options.draws = kDraws;
  options.lower = 0.1, options.upper = 4;
  const double budget = sum(run.today_RCH), step = 0.01 * budget;
  const auto at = [&](double amount) {
    options.budget = amount;
    return plan_of(run, options);
  };
  const auto outcome = [&](const BudgetPlan& plan) { return outcome_of(run, plan.scenarios[1].spend_RCH); };
  const double slope = (outcome(at(budget + step)) - outcome(at(budget - step))) / (2 * step);
  EXPECT_NEAR(at(budget).price, slope, 0.02 * slope);
}

TEST(BudgetPlan, TargetsHoldByTheFiguresThatAreReported) {
  const FittedRun run = made_up_run();
  for (const bool is_robust : {false, true}) {
    PlanOptions options = few_draws();
    options.robust = is_robust;
    const auto reported = [&](const BudgetPlan& plan) {
      const Expected all = expected(over_channels(plan.scenarios[1], kChannels), 0.8);
      return is_robust ? all.interval.lower : all.mean;
    };
    const BudgetPlan today = plan_of(run, options);
    EXPECT_DOUBLE_EQ(today.solved.value, reported(today));
    PlanOptions by_roi = options, by_outcome = options;
    by_roi.target_roi = 0.98 * reported(today) / today.solved.budget;
    by_outcome.target_outcome = 0.9 * reported(today);
    const BudgetPlan returns = plan_of(run, by_roi), outcome = plan_of(run, by_outcome);
    const double roi = reported(returns) / sum(returns.scenarios[1].spend_RCH);
    EXPECT_GE(roi, *by_roi.target_roi * (1 - 1e-9));
    EXPECT_LE(roi, *by_roi.target_roi * (1 + 2e-4));
    EXPECT_GE(reported(outcome), *by_outcome.target_outcome * (1 - 1e-9));
    EXPECT_LE(reported(outcome), *by_outcome.target_outcome * (1 + 2e-4));
    EXPECT_DOUBLE_EQ(outcome.solved.value, reported(outcome));
    EXPECT_NEAR(outcome.solved.budget, sum(outcome.scenarios[1].spend_RCH), 1e-9 * outcome.solved.budget);
  }
}

// One draw of forty says that money should move; the others, that it is best where it is.
TEST(BudgetPlan, APlanThatIsWorseThanTodaysByAllDrawsIsDropped) {
  FittedRun run = made_up_run(/*further_sd=*/0);
  const std::vector<int64_t> searched = spaced_draws(kDraws, 1);
  for (int64_t d = 0; d < kDraws; ++d)
    for (int64_t c = 0; c < kChannels; ++c) {
      const bool misleads = d == searched[0];
      run.shared.draws.coefficient_DC[d * kChannels + c] = c == 0 && misleads ? 300 : c == 0 ? 5 : 100;
    }
  PlanOptions options = few_draws();
  options.draws = 1;
  std::string said;
  const BudgetPlan plan = plan_of(run, options, &said);
  EXPECT_TRUE(plan.keeps_today);
  EXPECT_THAT(said, HasSubstr("better than today's spend"));
  EXPECT_EQ(plan.scenarios[1].spend_RCH, run.today_RCH);
  EXPECT_EQ(plan.scenarios[1].outcome_CD, plan.scenarios[0].outcome_CD);
  EXPECT_EQ(plan.solved.variables, plan.problem.decisions.today);
  // Where nothing may move, it is today's to the bit.
  options.locked = {"tv", "web", "radio"};
  EXPECT_EQ(plan_of(run, options).scenarios[1].outcome_CD, plan.scenarios[0].outcome_CD);
  options.locked.clear();
  // Not where it isn't allowed.
  options.channels["web"].upper = 0.9;
  EXPECT_FALSE(plan_of(run, options).keeps_today);
  options = few_draws();
  options.draws = kDraws;
  EXPECT_FALSE(plan_of(run, options).keeps_today);
}

TEST(BudgetPlan, LimitsNameABudgetOnlyWhereOneWasGiven) {
  PlanOptions options = few_draws();
  options.upper = 0.7;
  EXPECT_THAT(refusal(made_up_run(), options),
              AllOf(HasSubstr("Today's spend of "), HasSubstr("is above what the limits allow"),
                    Not(HasSubstr("plan.budget="))));
  options.budget = 1e6;
  EXPECT_THAT(refusal(made_up_run(), options), HasSubstr("plan.budget=1000000 is above what the limits allow"));
}

TEST(BudgetPlan, WhatNeverCostAnythingStaysAsItIsAndCostsNothing) {
  const FittedRun run = with_owned_radio();
  std::string said;
  const BudgetPlan plan = plan_of(run, few_draws(), &said);
  EXPECT_THAT(said, AllOf(HasSubstr("never paid for their media: radio."), HasSubstr("plan.cost={radio: PRICE}")));
  EXPECT_THAT(plan.kept_C, ElementsAre(Kept::kNo, Kept::kNo, Kept::kNoPrice));
  EXPECT_DOUBLE_EQ(plan.solved.budget, sum(run.today_RCH));
  for (const Scenario& scenario : plan.scenarios) {
    EXPECT_EQ(channel_spend(run, scenario.spend_RCH)[2], 0) << scenario.name;
    EXPECT_EQ(expected(of_channel(scenario, 2, kChannels), 0.9).mean, 0) << scenario.name;
  }
  // Where the other channels' figures are concerned, nothing has changed.
  const FittedRun priced = made_up_run();
  EXPECT_NEAR(outcome_of(run, run.today_RCH), outcome_of(priced, run.today_RCH), 1e-9 * outcome_of(run, run.today_RCH));
  PlanOptions options = few_draws();
  options.channels["radio"].min = 5;
  EXPECT_THAT(refusal(run, options), AllOf(HasSubstr("plan.channels.radio.min=5.00"), HasSubstr("see plan.cost")));
  options.channels["radio"] = {{}, {}, {}, 5, false};
  EXPECT_THAT(refusal(run, options), IsEmpty());
}

TEST(BudgetPlan, SpendComesOnTopOfFreeMedia) {
  const FittedRun paid = made_up_run();
  FittedRun run = made_up_run();
  std::vector<double> half_RCH = paid.today_RCH;
  for (size_t i = 0; i < half_RCH.size(); ++i) {
    half_RCH[i] *= 0.5;
    run.free_RCH[i] = half_RCH[i] / run.unit_RC[i / kHorizon];
  }
  const double expected = outcome_of(paid, paid.today_RCH) - outcome_of(paid, half_RCH);
  EXPECT_NEAR(outcome_of(run, half_RCH), expected, 1e-9 * expected);
}

TEST(BudgetPlan, LimitsThatContradictWhatIsKeptClash) {
  FittedRun run = made_up_run();
  run.shared.follows_demand_C = {0, 1, 0};
  PlanOptions options = few_draws();
  options.locked = {"tv"};
  EXPECT_THAT(refusal(run, options), IsEmpty());
  options.channels["tv"] = {{}, {}, 1e9, 1, false};
  EXPECT_THAT(refusal(run, options),
              AllOf(HasSubstr("tv must be at least 1000000000 (plan.channels.tv.min=1000000000)"),
                    HasSubstr("locked at today's by plan.locked")));
  options.channels["tv"] = {{}, 0.9, {}, {}, false};
  EXPECT_THAT(refusal(run, options),
              AllOf(HasSubstr("plan.channels.tv.upper=0.9"), HasSubstr("locked at today's by plan.locked")));
  options.locked.clear();
  options.channels["tv"] = {1.5, {}, {}, {}, true};
  EXPECT_THAT(refusal(run, options), AllOf(HasSubstr("plan.channels.tv.lower=1.5"),
                                           HasSubstr("locked at today's by plan.channels.tv.locked")));
  options.channels.clear();
  options.channels["web"].lower = 0, options.channels["web"].max = 1;
  EXPECT_THAT(refusal(run, options), AllOf(HasSubstr("plan.channels.web.max=1.00"),
                                           HasSubstr("not identified, see plan.include_unidentified")));
  options.include_unidentified = true;
  EXPECT_THAT(refusal(run, options), IsEmpty());
}

}  // namespace
}  // namespace dcmmm
