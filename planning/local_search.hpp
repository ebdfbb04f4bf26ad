// From a plan to the best one nearby, by NLopt with analytic gradients.
#pragma once

#include <string>
#include <vector>

#include "planning/problem.hpp"

namespace dcmmm {

/// At most this many variables go through SLSQP, which keeps a dense matrix of them.
inline constexpr int64_t kDenseVariables = 200;

struct LocalPlan {
  std::vector<double> variables;  // keeps every limit; sums to the budget
  double value = 0;               // of the objective
};

/// Starts from `start` (repaired first) and never ends worse. Few variables: SLSQP (Kraft 1994) with all limits; many:
/// CCSAQ (Svanberg 2002), which holds sums as constraints and the weeks' smoothness as a penalty, and a repair after
/// it.
LocalPlan search_nearby(const PlanProblem& problem, const PlanObjective& objective, const std::vector<double>& start,
                        double budget);

/// What search_nearby goes by: "SLSQP" or "CCSAQ".
std::string search_name(const PlanProblem& problem);

}  // namespace dcmmm
