#include "planning/local_search.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <nlopt.hpp>

namespace dcmmm {
namespace {

constexpr int kDenseSteps = 400, kSparseSteps = 160;
constexpr double kTolerance = 1e-9;  // of the objective, relative
constexpr double kSparseTolerance = 1e-7;
constexpr double kChangePenalty = 1e3;  // on the squared excess of a week's change, where it isn't a constraint

using Point = std::vector<double>;

// sum of coefficient_i u_i <= bound.
struct LinearLimit {
  std::vector<std::pair<size_t, double>> terms;
  double bound = 0;

  double excess(const Point& u, Point& gradient) const {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    double sum = -bound;
    for (const auto& [i, coefficient] : terms) {
      sum += coefficient * u[i];
      if (!gradient.empty()) gradient[i] = coefficient;
    }
    return sum;
  }
};

// The search in variables that run from 0 to 1 between their limits; those that can't move are left out.
class Search {
 public:
  Search(const PlanProblem& problem, const PlanObjective& objective, double budget)
      : problem_(problem), objective_(objective), budget_(budget) {
    const Decisions& decisions = problem.decisions;
    place_.assign(static_cast<size_t>(decisions.count()), -1);
    for (int64_t i = 0; i < decisions.count(); ++i)
      if (decisions.upper[i] > decisions.lower[i]) {
        place_[i] = static_cast<int64_t>(free_.size());
        free_.push_back(i);
      }
    is_dense_ = static_cast<int64_t>(free_.size()) <= kDenseVariables;
  }

  LocalPlan run(const Point& start) {
    LocalPlan out{problem_.repaired(start, budget_), 0};
    out.value = objective_.value(out.variables);
    if (free_.size() < 2) return out;
    scale_ = std::max(std::abs(out.value), 1e-12);
    Point u = to_unit(out.variables);
    nlopt::opt search(is_dense_ ? nlopt::LD_SLSQP : nlopt::LD_CCSAQ, static_cast<unsigned>(free_.size()));
    search.set_lower_bounds(0.0);
    search.set_upper_bounds(1.0);
    search.set_maxeval(is_dense_ ? kDenseSteps : kSparseSteps);
    search.set_ftol_rel(is_dense_ ? kTolerance : kSparseTolerance);
    search.set_min_objective(
        [](const Point& at, Point& gradient, void* self) { return static_cast<Search*>(self)->lost(at, gradient); },
        this);
    add_limits(search);
    double value = 0;
    try {
      search.optimize(u, value);
    } catch (const std::runtime_error&) {
      // NLopt can't go on (rounding): what it has reached counts.
    }
    for (const Point& reached : {u, best_}) {
      if (reached.empty() || !std::all_of(reached.begin(), reached.end(), [](double x) { return std::isfinite(x); }))
        continue;
      Point variables = problem_.repaired(from_unit(reached), budget_);
      if (const double found = objective_.value(variables); found > out.value) out = {std::move(variables), found};
    }
    return out;
  }

 private:
  double width(int64_t i) const { return problem_.decisions.upper[i] - problem_.decisions.lower[i]; }

  Point to_unit(const Point& variables) const {
    Point u;
    for (const int64_t i : free_)
      u.push_back(std::clamp((variables[i] - problem_.decisions.lower[i]) / width(i), 0.0, 1.0));
    return u;
  }
  Point from_unit(const Point& u) const {
    Point variables = problem_.decisions.lower;
    for (size_t k = 0; k < free_.size(); ++k) variables[free_[k]] += width(free_[k]) * u[k];
    return variables;
  }

  // The objective's negative, in multiples of the start's.
  double lost(const Point& u, Point& gradient) {
    Point by_variable;
    const double value = objective_.gradient(from_unit(u), by_variable);
    double out = -value / scale_;
    if (!gradient.empty())
      for (size_t k = 0; k < free_.size(); ++k) gradient[k] = -by_variable[free_[k]] * width(free_[k]) / scale_;
    if (!is_dense_) out += change_penalty(u, gradient);
    if (out < best_value_) best_value_ = out, best_ = u;
    return out;
  }

  double change_penalty(const Point& u, Point& gradient) const {
    double out = 0;
    for (const Block& block : problem_.decisions.blocks) {
      if (!std::isfinite(block.week_change)) continue;
      for (int64_t i = block.first + 1; i < block.first + block.count; ++i) {
        const double change = at(u, i) - at(u, i - 1), excess = std::abs(change) - block.week_change;
        if (excess <= 0) continue;
        out += kChangePenalty * excess * excess / (budget_ * budget_);
        if (gradient.empty()) continue;
        const double slope = 2 * kChangePenalty * std::copysign(excess, change) / (budget_ * budget_);
        if (place_[i] >= 0) gradient[place_[i]] += slope * width(i);
        if (place_[i - 1] >= 0) gradient[place_[i - 1]] -= slope * width(i - 1);
      }
    }
    return out;
  }
  double at(const Point& u, int64_t i) const {
    return problem_.decisions.lower[i] + (place_[i] >= 0 ? width(i) * u[place_[i]] : 0.0);
  }

  // sign * (sum of the variables' spends) <= sign * bound, in multiples of the budget.
  void add_sum(const std::vector<int64_t>& variables, double sign, double bound) {
    auto limit = std::make_unique<LinearLimit>();
    const double unit = std::max(budget_, 1e-300);
    limit->bound = sign * bound / unit;
    for (const int64_t i : variables) {
      limit->bound -= sign * problem_.decisions.lower[i] / unit;
      if (place_[i] >= 0) limit->terms.emplace_back(place_[i], sign * width(i) / unit);
    }
    if (!limit->terms.empty()) limits_.push_back(std::move(limit));
  }

  // A range of a sum, where it isn't what its variables' own limits say.
  void add_range(const std::vector<int64_t>& variables, const SumRange& range) {
    double least = 0, most = 0;
    for (const int64_t i : variables) {
      least += problem_.decisions.lower[i];
      most += problem_.decisions.upper[i];
    }
    const double slack = 1e-12 * std::max(1.0, most);
    if (range.lower > least + slack) add_sum(variables, -1, range.lower);
    if (range.upper < most - slack) add_sum(variables, 1, range.upper);
  }

  void add_limits(nlopt::opt& search) {
    const Decisions& decisions = problem_.decisions;
    std::vector<std::vector<int64_t>> of_channel(problem_.limits.channels.size());
    std::vector<int64_t> all;
    for (const Block& block : decisions.blocks)
      for (int64_t i = block.first; i < block.first + block.count; ++i) {
        of_channel[block.channel].push_back(i);
        all.push_back(i);
      }
    for (size_t c = 0; c < of_channel.size(); ++c) add_range(of_channel[c], problem_.limits.channels[c]);
    for (const ChannelGroup& group : problem_.limits.groups) {
      std::vector<int64_t> variables;
      for (const int64_t c : group.channels)
        variables.insert(variables.end(), of_channel[c].begin(), of_channel[c].end());
      add_range(variables, group.range);
    }
    if (is_dense_) add_changes();
    for (const auto& limit : limits_) search.add_inequality_constraint(excess_of, limit.get(), 1e-12);
    // The budget, all of it. CCSAQ takes no equations; more spend never brings less, so it ends there anyway.
    add_sum(all, 1, budget_);
    if (is_dense_) {
      search.add_equality_constraint(excess_of, limits_.back().get(), 1e-12);
    } else {
      search.add_inequality_constraint(excess_of, limits_.back().get(), 1e-12);
    }
  }

  void add_changes() {
    for (const Block& block : problem_.decisions.blocks) {
      if (!std::isfinite(block.week_change)) continue;
      for (int64_t i = block.first + 1; i < block.first + block.count; ++i)
        for (const double sign : {1.0, -1.0}) {
          auto limit = std::make_unique<LinearLimit>();
          const double unit = std::max(width(i), width(i - 1));
          limit->bound =
              (block.week_change - sign * (problem_.decisions.lower[i] - problem_.decisions.lower[i - 1])) / unit;
          if (place_[i] >= 0) limit->terms.emplace_back(place_[i], sign * width(i) / unit);
          if (place_[i - 1] >= 0) limit->terms.emplace_back(place_[i - 1], -sign * width(i - 1) / unit);
          if (!limit->terms.empty()) limits_.push_back(std::move(limit));
        }
    }
  }

  static double excess_of(const Point& u, Point& gradient, void* limit) {
    return static_cast<const LinearLimit*>(limit)->excess(u, gradient);
  }

  const PlanProblem& problem_;
  const PlanObjective& objective_;
  double budget_, scale_ = 1, best_value_ = HUGE_VAL;
  Point best_;
  std::vector<int64_t> free_, place_;  // variables that can move; where each lies among them, or -1
  bool is_dense_ = true;
  std::vector<std::unique_ptr<LinearLimit>> limits_;
};

}  // namespace

LocalPlan search_nearby(const PlanProblem& problem, const PlanObjective& objective, const std::vector<double>& start,
                        double budget) {
  return Search(problem, objective, budget).run(start);
}

std::string search_name(const PlanProblem& problem) {
  int64_t free = 0;
  for (int64_t i = 0; i < problem.decisions.count(); ++i)
    if (problem.decisions.upper[i] > problem.decisions.lower[i]) ++free;
  return free <= kDenseVariables ? "SLSQP" : "CCSAQ";
}

}  // namespace dcmmm
