// A plan as a problem: responses, variables, limits and what is to be made large.
#pragma once

#include <functional>
#include <vector>

#include "planning/decisions.hpp"
#include "planning/limits.hpp"
#include "planning/responses.hpp"

namespace dcmmm {

struct PlanProblem {
  Responses responses;
  Decisions decisions;
  SumLimitsTree limits;  // tightened
  double spread = 0;     // the objective is the draws' mean less so many of their standard deviations
  int threads = 1;

  /// Sums of the variables by channel.
  std::vector<double> channel_totals(const std::vector<double>& variables) const;
  /// The point made to keep every limit and sum to `budget` exactly: a convex step in each block and sum.
  std::vector<double> repaired(std::vector<double> variables, double budget) const;
};

/// Makes limits and variables fit each other. Throws UserError that names limits that clash. `kept`: channels that
/// don't move, with the limits' words for it.
PlanProblem make_problem(Responses responses, Decisions decisions, SumLimitsTree limits, double spread, int threads);

/// Calls visit(begin, end) for parts of [0, count), one a thread.
void in_parallel(int threads, int64_t count, const std::function<void(int64_t, int64_t)>& visit);

/// The outcome as a function of the variables: KPI units beyond spending nothing in the horizon.
class PlanObjective {
 public:
  explicit PlanObjective(const PlanProblem& problem) : PlanObjective(problem, problem.spread) {}
  /// With another spread than the problem's.
  PlanObjective(const PlanProblem& problem, double spread);

  /// Of each draw.
  std::vector<double> outcomes(const std::vector<double>& variables) const;
  /// Of each channel and draw, [C, D].
  std::vector<double> channel_outcomes(const std::vector<double>& variables) const;
  double value(const std::vector<double>& variables) const { return value_of(outcomes(variables)); }
  /// The objective and its gradient.
  double gradient(const std::vector<double>& variables, std::vector<double>& gradient) const;
  /// Mean less `spread` standard deviations.
  double value_of(const std::vector<double>& outcome_D) const;
  /// d value_of / d outcome.
  std::vector<double> weights(const std::vector<double>& outcome_D) const;

 private:
  std::vector<double> block_outcomes(const std::vector<double>& variables) const;  // [B, D], idle not taken off

  const PlanProblem& problem_;
  double spread_;
  std::vector<double> idle_CD_;
};

/// Adds a block's outcome in each draw, what earlier media still bring included. `response` and `spend_H` are the
/// thread's own.
void add_block_outcome(const Decisions& decisions, const Block& block, const double* variables,
                       RegionResponse& response, std::vector<double>& spend_H, double* outcome_D);

}  // namespace dcmmm
