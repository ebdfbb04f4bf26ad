// The best outcome of every budget, put together from the blocks up: a global search for curves that aren't concave.
#pragma once

#include <cstdint>
#include <vector>

#include "planning/problem.hpp"

namespace dcmmm {

/// Blocks don't influence each other, and limits are sums over channels, over groups of them and over all. So the best
/// outcome as a function of a block's budget is tabulated (a block of several weeks over a menu of schedules),
/// functions are put together in pairs, max over s of a(s) + b(B - s), each channel's and group's cut to its limits, up
/// to that of all channels. Between its points a function is taken as linear: the plan that comes down from it is near
/// the best of all and wants a local search. Draws count with fixed weights.
class ValueTree {
 public:
  ValueTree(const PlanProblem& problem, std::vector<double> weight_D);

  double least() const { return nodes_[root_].lower; }
  double most() const { return nodes_[root_].upper; }
  /// Outcome of the best plan of this budget, about; idle media not taken off.
  double value(double budget) const { return value_at(nodes_[root_], budget); }
  std::vector<double> plan(double budget) const;

 private:
  struct Node {
    double lower = 0, upper = 0;
    std::vector<double> value;  // at evenly spaced budgets from lower to upper
    int64_t left = -1, right = -1, block = -1;
  };

  static double value_at(const Node& node, double budget);
  Node leaf(int64_t block, RegionResponse& response) const;
  std::vector<double> schedule(const Block& block, double budget, RegionResponse& response, double* value) const;
  double outcome(const Block& block, const double* variables, RegionResponse& response) const;
  int64_t merged(std::vector<int64_t> parts);
  int64_t within(int64_t part, double lower, double upper);
  double best_split(const Node& left, const Node& right, double budget) const;
  void descend(int64_t node, double budget, RegionResponse& response, std::vector<double>& plan) const;

  const PlanProblem& problem_;
  std::vector<double> weight_D_;
  int64_t points_;
  std::vector<Node> nodes_;
  int64_t root_ = 0;
};

}  // namespace dcmmm
