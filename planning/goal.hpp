// What is asked of a plan, and a plan moved to where it holds by the figures that are reported.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "planning/problem.hpp"

namespace dcmmm {

/// What is asked for; `budget` where neither of the others is given.
struct PlanGoal {
  double budget = 0;
  std::optional<double> target_roi;          // the largest outcome whose revenue / spend is at least this
  std::optional<double> target_outcome;      // the least spend whose outcome is at least this
  double revenue = 1;                        // per unit of the target
  std::string budget_says = "plan.budget=";  // what is said before its amount

  bool is_target() const { return target_roi || target_outcome; }
  /// By what share a plan's figure is above the target.
  double excess(double budget, double outcome) const;
};

struct SolvedPlan {
  std::vector<double> variables;
  double budget = 0;
  double value = 0;      // of the objective
  int64_t starts = 0;    // searches that were made
  int64_t agreeing = 0;  // of which ended within .1 % of the best
  std::string search;    // NLopt's algorithm
};

/// The search goes through few draws, and what it finds may miss a target by all of them, or leave some of it unused:
/// the budget nearby at which the target just holds, each tried one searched from its neighbour's plan. `reported` is
/// the objective by all draws; the result's `value` is. Throws UserError where no budget that was tried holds it.
SolvedPlan meet_target(const PlanProblem& problem, const PlanObjective& objective, const PlanGoal& goal,
                       SolvedPlan plan, const std::function<double(const std::vector<double>&)>& reported);

}  // namespace dcmmm
