#include "planning/planner.hpp"

#include <algorithm>
#include <cmath>

#include "common/errors.hpp"
#include "common/random.hpp"
#include "common/text.hpp"
#include "planning/value_tree.hpp"

namespace dcmmm {
namespace {

constexpr uint64_t kStartStream = uint64_t{1} << 57;
constexpr int64_t kScanned = 200;   // budgets at which a goal is looked for
constexpr int kHalvings = 12;       // of the last step, where a plan is cheap
constexpr int kHalvingsOfMany = 4;  // and where it isn't
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
    problem_.limits.check_budget(budget);
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

  // The largest budget at which `is_met` holds (by_roi), or the least one.
  SolvedPlan at_goal(const PlanGoal& goal) {
    const bool by_roi = goal.target_roi.has_value();
    const auto is_met = [&](double budget, double value) {
      return by_roi ? goal.revenue * value >= *goal.target_roi * budget : value >= *goal.target_outcome;
    };
    const double least = problem_.limits.all.lower, most = problem_.limits.all.upper;
    // Where the tables say that it is met, the next one where it isn't, and the best that they know.
    double met = NAN, missed = NAN, best = -HUGE_VAL, best_budget = least;
    for (int64_t i = 0; i <= kScanned; ++i) {
      const double budget = least + (most - least) * static_cast<double>(by_roi ? kScanned - i : i) / kScanned;
      if (budget <= 0) continue;
      const double value = tree_.value(budget) - idle_, figure = by_roi ? goal.revenue * value / budget : value;
      if (figure > best) best = figure, best_budget = budget;
      if (is_met(budget, value)) {
        met = budget;
        break;
      }
      missed = budget;
    }
    SolvedPlan out = at_budget(std::isnan(met) ? best_budget : met);
    // The tables may be a little off, and know means only.
    for (double step = (most - least) / kScanned; !is_met(out.budget, out.value) && std::isfinite(met); step *= 2) {
      missed = out.budget;
      const double next = std::clamp(out.budget + (by_roi ? -step : step), least, most);
      if (next == out.budget) break;
      out = at_budget(next);
    }
    if (!is_met(out.budget, out.value)) refuse(goal, out);
    const int halvings = is_small() ? kHalvings : kHalvingsOfMany;
    for (int halving = 0; halving < halvings && std::isfinite(missed); ++halving) {
      SolvedPlan middle = at_budget(0.5 * (out.budget + missed));
      if (is_met(middle.budget, middle.value)) {
        out = std::move(middle);
      } else {
        missed = middle.budget;
      }
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

  // The end of an advice: without limits there are none to change.
  static std::string or_limits(const std::string& advice, const std::string& limits) {
    return limits.empty() ? "." : text(" ", advice, ": ", limits, ".");
  }

  [[noreturn]] void refuse(const PlanGoal& goal, const SolvedPlan& best) const {
    const SumRange& all = problem_.limits.all;
    if (goal.target_roi)
      throw UserError(text("plan.target_roi=", shortest(*goal.target_roi), " is out of reach: within the limits the ",
                           "best is about ", amount(goal.revenue * best.value / best.budget), ", at a budget of ",
                           amount(best.budget), " (it may be ", amount(all.lower), " to ", amount(all.upper),
                           "). Lower the target", or_limits("or the limits from below", all.lower_says)));
    throw UserError(text("plan.target_outcome=", shortest(*goal.target_outcome), " is out of reach: within the limits ",
                         "the most is about ", amount(best.value), ", at a budget of ", amount(best.budget),
                         ". Lower the target", or_limits("or raise the limits from above", all.upper_says)));
  }

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
  Planner planner(problem, objective, search);
  return goal.target_roi || goal.target_outcome ? planner.at_goal(goal) : planner.at_budget(goal.budget);
}

}  // namespace dcmmm
