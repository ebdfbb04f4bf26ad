// The plan of a budget, of a return or of an outcome.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "planning/local_search.hpp"
#include "planning/problem.hpp"

namespace dcmmm {

/// What is asked for; `budget` where neither of the others is given.
struct PlanGoal {
  double budget = 0;
  std::optional<double> target_roi;      // the largest outcome whose revenue / spend is at least this
  std::optional<double> target_outcome;  // the least spend whose outcome is at least this
  double revenue = 1;                    // per unit of the target
};

struct PlanSearch {
  int64_t starts = 8;  // where at most kDenseVariables move
  uint64_t seed = 0;
};

struct SolvedPlan {
  std::vector<double> variables;
  double budget = 0;
  double value = 0;      // of the objective
  int64_t starts = 0;    // searches that were made
  int64_t agreeing = 0;  // of which ended within .1 % of the best
  std::string search;    // NLopt's algorithm
};

/// Throws UserError where limits or the goal can't be met, saying what is in the way and what can be reached.
SolvedPlan solve_plan(const PlanProblem& problem, const PlanObjective& objective, const PlanGoal& goal,
                      const PlanSearch& search);

}  // namespace dcmmm
