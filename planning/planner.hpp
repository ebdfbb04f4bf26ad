// The plan of a budget, of a return or of an outcome.
#pragma once

#include <cstdint>

#include "planning/goal.hpp"

namespace dcmmm {

struct PlanSearch {
  int64_t starts = 8;  // where at most kDenseVariables move
  uint64_t seed = 0;
};

/// For a target: a plan that holds it by the objective, one of 200 budgets away from the one at which it just does, or
/// that comes nearest; meet_target finds that one. Throws UserError
/// where the budget can't be spent, saying which limits are in the way.
SolvedPlan solve_plan(const PlanProblem& problem, const PlanObjective& objective, const PlanGoal& goal,
                      const PlanSearch& search);

}  // namespace dcmmm
