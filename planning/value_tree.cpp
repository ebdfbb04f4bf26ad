#include "planning/value_tree.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dcmmm {
namespace {

constexpr int64_t kFewBlocks = 64;            // tables are fine where so few are to be put together
constexpr int64_t kFine = 320, kCoarse = 96;  // points of a table
constexpr int64_t kSchedulePoints = 24;       // of a block of several weeks, whose menu is tried at each

// Schedules whose shares of a budget are tried: even, as today, bursts every 2, 3 and 4 weeks, early, late.
std::vector<std::vector<double>> menu(const Decisions& decisions, const Block& block) {
  const int64_t weeks = block.count;
  std::vector<std::vector<double>> out;
  const auto add = [&](const auto& share) {
    std::vector<double> pattern;
    for (int64_t t = 0; t < weeks; ++t) pattern.push_back(share(t));
    out.push_back(std::move(pattern));
  };
  add([](int64_t) { return 1.0; });
  add([&](int64_t t) { return decisions.today[block.first + t]; });
  for (const int64_t period : {2, 3, 4})
    if (period < weeks) add([&](int64_t t) { return t % period == 0 ? 1.0 : 0.0; });
  add([&](int64_t t) { return t < (weeks + 1) / 2 ? 1.0 : 0.0; });
  add([&](int64_t t) { return t < (weeks + 1) / 2 ? 0.0 : 1.0; });
  return out;
}

}  // namespace

ValueTree::ValueTree(const PlanProblem& problem, std::vector<double> weight_D)
    : problem_(problem), weight_D_(std::move(weight_D)) {
  const Decisions& decisions = problem.decisions;
  const auto blocks = static_cast<int64_t>(decisions.blocks.size());
  points_ = blocks <= kFewBlocks ? kFine : kCoarse;
  nodes_.resize(static_cast<size_t>(blocks));
  in_parallel(problem.threads, blocks, [&](int64_t begin, int64_t end) {
    RegionResponse response(problem.responses);
    for (int64_t b = begin; b < end; ++b) nodes_[b] = leaf(b, response);
  });
  std::vector<std::vector<int64_t>> of_channel(static_cast<size_t>(decisions.channels));
  for (int64_t b = 0; b < blocks; ++b) of_channel[decisions.blocks[b].channel].push_back(b);
  std::vector<int64_t> channel;
  for (size_t c = 0; c < of_channel.size(); ++c) {
    const SumRange& range = problem.limits.channels[c];
    channel.push_back(within(merged(of_channel[c]), range.lower, range.upper));
  }
  std::vector<int64_t> top;
  for (const ChannelGroup& group : problem.limits.groups) {
    std::vector<int64_t> parts;
    for (const int64_t c : group.channels) parts.push_back(channel[c]);
    top.push_back(within(merged(std::move(parts)), group.range.lower, group.range.upper));
  }
  for (const int64_t c : problem.limits.loose) top.push_back(channel[c]);
  root_ = merged(std::move(top));
}

double ValueTree::value_at(const Node& node, double budget) {
  const auto intervals = static_cast<double>(node.value.size() - 1);
  if (node.upper <= node.lower || intervals == 0) return node.value.front();
  const double place = std::clamp((budget - node.lower) / (node.upper - node.lower), 0.0, 1.0) * intervals;
  const auto below = std::min(static_cast<size_t>(place), node.value.size() - 2);
  return node.value[below] + (place - static_cast<double>(below)) * (node.value[below + 1] - node.value[below]);
}

double ValueTree::outcome(const Block& block, const double* variables, RegionResponse& response) const {
  std::vector<double> outcome_D(weight_D_.size(), 0.0), spend_H(static_cast<size_t>(problem_.decisions.horizon));
  add_block_outcome(problem_.decisions, block, variables, response, spend_H, outcome_D.data());
  return std::inner_product(weight_D_.begin(), weight_D_.end(), outcome_D.begin(), 0.0);
}

std::vector<double> ValueTree::schedule(const Block& block, double budget, RegionResponse& response,
                                        double* value) const {
  const auto part = [&](const std::vector<double>& of) {
    return std::vector<double>(of.begin() + block.first, of.begin() + block.first + block.count);
  };
  const std::vector<double> lower = part(problem_.decisions.lower), upper = part(problem_.decisions.upper);
  std::vector<double> best;
  *value = -HUGE_VAL;
  for (const std::vector<double>& pattern : menu(problem_.decisions, block)) {
    // The multiple of the pattern that brings the budget within limits, by halving.
    const auto filled = [&](double multiple) {
      std::vector<double> out;
      for (size_t t = 0; t < pattern.size(); ++t) out.push_back(std::clamp(multiple * pattern[t], lower[t], upper[t]));
      return out;
    };
    const auto total = [](const std::vector<double>& values) {
      return std::accumulate(values.begin(), values.end(), 0.0);
    };
    const double most = *std::max_element(pattern.begin(), pattern.end());
    double low = 0, high = most > 0 ? *std::max_element(upper.begin(), upper.end()) / most : 0;
    for (int halving = 0; halving < 40; ++halving) {
      const double middle = 0.5 * (low + high);
      (total(filled(middle)) < budget ? low : high) = middle;
    }
    std::vector<double> tried = filled(low);
    smooth_weeks(problem_.decisions, block, tried.data());
    move_to_total(tried, lower, upper, budget);
    const double reached = outcome(block, tried.data(), response);
    if (reached > *value) {
      *value = reached;
      best = std::move(tried);
    }
  }
  return best;
}

ValueTree::Node ValueTree::leaf(int64_t b, RegionResponse& response) const {
  const Block& block = problem_.decisions.blocks[b];
  Node out;
  out.block = b;
  for (int64_t i = block.first; i < block.first + block.count; ++i) {
    out.lower += problem_.decisions.lower[i];
    out.upper += problem_.decisions.upper[i];
  }
  const int64_t intervals = out.upper <= out.lower ? 1 : block.count > 1 ? kSchedulePoints : points_;
  for (int64_t i = 0; i <= intervals; ++i) {
    const double budget = out.lower + (out.upper - out.lower) * static_cast<double>(i) / static_cast<double>(intervals);
    double value = 0;
    if (block.count > 1) {
      schedule(block, budget, response, &value);
    } else {
      value = outcome(block, &budget, response);
    }
    out.value.push_back(value);
  }
  return out;
}

double ValueTree::best_split(const Node& left, const Node& right, double budget) const {
  // Of two piecewise linear functions: the best split lies where one of them has a point.
  const double low = std::max(left.lower, budget - right.upper), high = std::min(left.upper, budget - right.lower);
  double best = -HUGE_VAL, split = std::clamp(low, left.lower, left.upper);
  const auto try_split = [&](double s) {
    const double value = value_at(left, s) + value_at(right, budget - s);
    if (value > best) best = value, split = s;
  };
  const auto try_points = [&](const Node& node, const auto& to_split) {
    const auto intervals = static_cast<double>(node.value.size() - 1);
    const double width = (node.upper - node.lower) / intervals;
    if (width <= 0) return;
    for (size_t i = 0; i < node.value.size(); ++i) {
      const double s = to_split(node.lower + width * static_cast<double>(i));
      if (s > low && s < high) try_split(s);
    }
  };
  if (high < low) return split;
  try_split(low);
  try_split(high);
  try_points(left, [](double s) { return s; });
  try_points(right, [&](double s) { return budget - s; });
  return split;
}

int64_t ValueTree::merged(std::vector<int64_t> parts) {
  while (parts.size() > 1) {
    std::vector<int64_t> next;
    for (size_t i = 0; i + 1 < parts.size(); i += 2) {
      Node node;
      node.left = parts[i];
      node.right = parts[i + 1];
      const Node &left = nodes_[node.left], &right = nodes_[node.right];
      node.lower = left.lower + right.lower;
      node.upper = left.upper + right.upper;
      const int64_t intervals = node.upper > node.lower ? points_ : 1;
      node.value.resize(static_cast<size_t>(intervals + 1));
      in_parallel(problem_.threads, intervals + 1, [&](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
          const double budget =
              node.lower + (node.upper - node.lower) * static_cast<double>(k) / static_cast<double>(intervals);
          const double split = best_split(left, right, budget);
          node.value[k] = value_at(left, split) + value_at(right, budget - split);
        }
      });
      nodes_.push_back(std::move(node));
      next.push_back(static_cast<int64_t>(nodes_.size()) - 1);
    }
    if (parts.size() % 2 == 1) next.push_back(parts.back());
    parts = std::move(next);
  }
  return parts.front();
}

int64_t ValueTree::within(int64_t part, double lower, double upper) {
  const Node& whole = nodes_[part];
  if (lower <= whole.lower && upper >= whole.upper) return part;
  Node node;
  node.left = part;
  node.lower = std::max(lower, whole.lower);
  node.upper = std::max(node.lower, std::min(upper, whole.upper));
  const auto intervals = node.upper > node.lower ? points_ : 1;
  for (int64_t i = 0; i <= intervals; ++i)
    node.value.push_back(value_at(
        whole, node.lower + (node.upper - node.lower) * static_cast<double>(i) / static_cast<double>(intervals)));
  nodes_.push_back(std::move(node));
  return static_cast<int64_t>(nodes_.size()) - 1;
}

void ValueTree::descend(int64_t at, double budget, RegionResponse& response, std::vector<double>& plan) const {
  const Node& node = nodes_[at];
  if (node.block >= 0) {
    const Block& block = problem_.decisions.blocks[node.block];
    double value = 0;
    std::vector<double> variables(1, budget);
    if (block.count > 1) variables = schedule(block, budget, response, &value);
    std::copy(variables.begin(), variables.end(), plan.begin() + block.first);
  } else if (node.right < 0) {
    descend(node.left, std::clamp(budget, node.lower, node.upper), response, plan);
  } else {
    const double split = best_split(nodes_[node.left], nodes_[node.right], budget);
    descend(node.left, split, response, plan);
    descend(node.right, budget - split, response, plan);
  }
}

std::vector<double> ValueTree::plan(double budget) const {
  std::vector<double> out(static_cast<size_t>(problem_.decisions.count()));
  RegionResponse response(problem_.responses);
  descend(root_, budget, response, out);
  return out;
}

}  // namespace dcmmm
