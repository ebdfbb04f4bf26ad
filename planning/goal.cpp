#include "planning/goal.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "planning/local_search.hpp"

namespace dcmmm {
namespace {

constexpr double kClose = 1e-4;      // above a target is on it
constexpr double kLeastStep = 1e-3;  // of the budget
constexpr int kNarrowings = 6;

// The end of an advice: without limits there are none to change.
std::string or_limits(const std::string& advice, const std::string& limits) {
  return limits.empty() ? "." : text(" ", advice, ": ", limits, ".");
}

[[noreturn]] void refuse(const SumRange& all, const PlanGoal& goal, const SolvedPlan& best) {
  if (goal.target_roi)
    throw UserError(text("plan.target_roi=", shortest(*goal.target_roi), " is out of reach: within the limits the ",
                         "best is about ", amount(goal.revenue * best.value / best.budget), ", at a budget of ",
                         amount(best.budget), " (it may be ", amount(all.lower), " to ", amount(all.upper),
                         "). Lower the target", or_limits("or the limits from below", all.lower_says)));
  throw UserError(text("plan.target_outcome=", shortest(*goal.target_outcome), " is out of reach: within the limits ",
                       "the most is about ", amount(best.value), ", at a budget of ", amount(best.budget),
                       ". Lower the target", or_limits("or raise the limits from above", all.upper_says)));
}

}  // namespace

double PlanGoal::excess(double budget, double outcome) const {
  return target_roi ? revenue * outcome / (*target_roi * budget) - 1 : outcome / *target_outcome - 1;
}

SolvedPlan meet_target(const PlanProblem& problem, const PlanObjective& objective, const PlanGoal& goal,
                       SolvedPlan plan, const std::function<double(const std::vector<double>&)>& reported) {
  struct Try {
    std::vector<double> variables;
    double budget, value, excess;
  };
  const auto tried = [&](std::vector<double> variables, double budget) {
    const double value = reported(variables);
    return Try{std::move(variables), budget, value, goal.excess(budget, value)};
  };
  const auto near = [&](const Try& from, double budget) {
    return tried(search_nearby(problem, objective, from.variables, budget).variables, budget);
  };
  const SumRange& all = problem.limits.all;
  Try now = tried(plan.variables, plan.budget), best = now;
  std::optional<Try> met, missed;
  (now.excess >= 0 ? met : missed) = now;
  // A return that is met leaves room for more spend, an outcome that is met for less.
  const double direction = met.has_value() == goal.target_roi.has_value() ? 1 : -1;
  for (double step = std::max(kLeastStep, std::abs(now.excess)) * now.budget;
       !(met && (missed || met->excess <= kClose)); step *= 2) {
    const double next = std::clamp(now.budget + direction * step, all.lower, all.upper);
    if (next == now.budget || !(next > 0)) break;
    now = near(now, next);
    if (now.excess > best.excess) best = now;
    (now.excess >= 0 ? met : missed) = now;
  }
  for (int i = 0; i < kNarrowings && met && missed && met->excess > kClose; ++i) {
    const double share = (met->excess - 0.5 * kClose) / (met->excess - missed->excess);
    const Try between = near(*met, met->budget + share * (missed->budget - met->budget));
    (between.excess >= 0 ? met : missed) = between;
  }
  const Try& found = met ? *met : best;
  plan.variables = found.variables, plan.budget = found.budget, plan.value = found.value;
  if (!met) refuse(all, goal, plan);
  return plan;
}

}  // namespace dcmmm
