#include "planning/planner.hpp"

#include <algorithm>
#include <cmath>

#include "common/random.hpp"
#include "planning/local_search.hpp"
#include "planning/value_tree.hpp"

namespace dcmmm {
namespace {

constexpr uint64_t kStartStream = uint64_t{1} << 57;
constexpr int64_t kScanned = 200;  // budgets at which a goal is looked for
constexpr double kAgreeing = 1e-3;

class Planner {
 public:
  Planner(const PlanProblem& problem, const PlanObjective& objective, const PlanSearch& search)
      : problem_(problem),
        objective_(objective),
        search_(search),
        tree_(problem, std::vector<double>(static_cast<size_t>(problem.responses.draws),
                                           1.0 / static_cast<double>(problem.responses.draws))),
        idle_(tree_.value(tree_.least()) - mean(tree_.plan(tree_.least()))) {}

  SolvedPlan at_budget(double budget) {
    budget = std::clamp(budget, problem_.limits.all.lower, problem_.limits.all.upper);
    SolvedPlan out;
    out.budget = budget;
    out.search = search_name(problem_);
    std::vector<double> reached;
    const auto start = [&](const std::vector<double>& from) {
      LocalPlan found = search_nearby(problem_, objective_, from, budget);
      reached.push_back(found.value);
      if (out.variables.empty() || found.value > out.value)
        out.variables = std::move(found.variables), out.value = found.value;
    };
    start(tree_.plan(budget));
    if (problem_.spread > 0) {
      // The draws weigh otherwise at a lower quantile: a second global search with the weights at the first one's plan.
      const ValueTree weighed(problem_, objective_.weights(objective_.outcomes(out.variables)));
      start(weighed.plan(budget));
    }
    if (is_small()) {
      start(problem_.decisions.today);
      for (int64_t i = static_cast<int64_t>(reached.size()); i < search_.starts; ++i) start(random_point(i));
    }
    out.starts = static_cast<int64_t>(reached.size());
    out.agreeing = std::count_if(reached.begin(), reached.end(),
                                 [&](double value) { return value >= out.value - kAgreeing * std::abs(out.value); });
    return out;
  }

  // About the largest budget at which the target holds (by_roi), or the least one; where none does, the best one.
  SolvedPlan at_goal(const PlanGoal& goal) {
    const bool by_roi = goal.target_roi.has_value();
    const auto is_met = [&](double budget, double value) { return goal.excess(budget, value) >= 0; };
    const double least = problem_.limits.all.lower, most = problem_.limits.all.upper;
    // Where the tables say that it is met, and the best that they know.
    double met = NAN, best = -HUGE_VAL, best_budget = least;
    for (int64_t i = 0; i <= kScanned; ++i) {
      const double budget = least + (most - least) * static_cast<double>(by_roi ? kScanned - i : i) / kScanned;
      if (budget <= 0) continue;
      const double value = tree_.value(budget) - idle_, figure = by_roi ? goal.revenue * value / budget : value;
      if (figure > best) best = figure, best_budget = budget;
      if (is_met(budget, value)) {
        met = budget;
        break;
      }
    }
    SolvedPlan out = at_budget(std::isnan(met) ? best_budget : met);
    // The tables may be a little off, and know means only.
    for (double step = (most - least) / kScanned; !is_met(out.budget, out.value) && std::isfinite(met); step *= 2) {
      const double next = std::clamp(out.budget + (by_roi ? -step : step), least, most);
      if (next == out.budget) break;
      out = at_budget(next);
    }
    return out;
  }

 private:
  double mean(const std::vector<double>& variables) const {
    const std::vector<double> outcome_D = objective_.outcomes(variables);
    double sum = 0;
    for (const double outcome : outcome_D) sum += outcome;
    return sum / static_cast<double>(outcome_D.size());
  }

  bool is_small() const { return search_name(problem_) == "SLSQP"; }

  std::vector<double> random_point(int64_t number) const {
    RandomStream random(search_.seed, kStartStream + static_cast<uint64_t>(number));
    std::vector<double> out = problem_.decisions.lower;
    for (size_t i = 0; i < out.size(); ++i) out[i] = random.uniform(out[i], problem_.decisions.upper[i]);
    return out;
  }

  const PlanProblem& problem_;
  const PlanObjective& objective_;
  const PlanSearch& search_;
  ValueTree tree_;  // by the draws' mean
  double idle_;     // what earlier media bring, part of the tables' values
};

}  // namespace

SolvedPlan solve_plan(const PlanProblem& problem, const PlanObjective& objective, const PlanGoal& goal,
                      const PlanSearch& search) {
  if (!goal.is_target()) problem.limits.check_budget(goal.budget, goal.budget_says);
  Planner planner(problem, objective, search);
  return goal.is_target() ? planner.at_goal(goal) : planner.at_budget(goal.budget);
}

}  // namespace dcmmm
