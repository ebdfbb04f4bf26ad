// A finished run and a user's wishes made into a plan.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "planning/fitted_run.hpp"
#include "planning/options.hpp"
#include "planning/planner.hpp"
#include "planning/problem.hpp"
#include "planning/scenarios.hpp"

namespace dcmmm {

/// Why a channel stays as it is today.
enum class Kept { kNo, kLocked, kNoPrice, kNotIdentified };

struct BudgetPlan {
  PlanProblem problem;       // with the draws that the search went through, without what they carry over (base_RCDT)
  SolvedPlan solved;         // its `value` is the objective by all of the run's draws
  bool keeps_today = false;  // by all draws, nothing that was found is better than today's spend
  std::vector<Kept> kept_C;
  // KPI units for one more unit of spend, the mean over all of the run's draws: of a channel's, as it is spread, and of
  // the budget, spread over what may still move.
  std::vector<double> marginal_now_C, marginal_plan_C;
  double price = 0;
  std::vector<Scenario> scenarios;  // today, plan, cut, the user's
};

/// Throws UserError where a wish is wrong, limits clash or the goal is out of reach. `say` gets lines for people.
BudgetPlan plan_budget(const FittedRun& run, const PlanOptions& options,
                       const std::function<void(const std::string&)>& say);

}  // namespace dcmmm
