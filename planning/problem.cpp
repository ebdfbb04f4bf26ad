#include "planning/problem.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>

namespace dcmmm {

std::vector<double> PlanProblem::channel_totals(const std::vector<double>& variables) const {
  std::vector<double> out(limits.channels.size(), 0.0);
  for (const Block& block : decisions.blocks)
    for (int64_t i = block.first; i < block.first + block.count; ++i) out[block.channel] += variables[i];
  return out;
}

std::vector<double> PlanProblem::repaired(std::vector<double> variables, double budget) const {
  for (const Block& block : decisions.blocks) smooth_weeks(decisions, block, variables.data() + block.first);
  const std::vector<double> totals = limits.feasible_totals(channel_totals(variables), budget);
  // Variables of a channel lie side by side.
  for (size_t first = 0; first < decisions.blocks.size();) {
    const int64_t channel = decisions.blocks[first].channel, begin = decisions.blocks[first].first;
    int64_t end = begin;
    for (; first < decisions.blocks.size() && decisions.blocks[first].channel == channel; ++first)
      end = decisions.blocks[first].first + decisions.blocks[first].count;
    const auto part = [&](const std::vector<double>& of) {
      return std::vector<double>(of.begin() + begin, of.begin() + end);
    };
    std::vector<double> values = part(variables);
    move_to_total(values, part(decisions.lower), part(decisions.upper), totals[channel]);
    std::copy(values.begin(), values.end(), variables.begin() + begin);
  }
  return variables;
}

PlanProblem make_problem(Responses responses, Decisions decisions, SumLimitsTree limits, double spread, int threads) {
  std::vector<SumRange> cells;
  for (const SumRange& channel : limits.channels)
    cells.push_back({channel.name + "'s regions and weeks", 0, 0, "plan.cell_lower", "plan.cell_upper"});
  for (const Block& block : decisions.blocks)
    for (int64_t i = block.first; i < block.first + block.count; ++i) {
      cells[block.channel].lower += decisions.lower[i];
      cells[block.channel].upper += decisions.upper[i];
    }
  limits.tighten(cells);
  for (const Block& block : decisions.blocks)
    if (std::isinf(decisions.upper[block.first])) {  // a channel as a whole
      decisions.lower[block.first] = limits.channels[block.channel].lower;
      decisions.upper[block.first] = limits.channels[block.channel].upper;
    }
  return {std::move(responses), std::move(decisions), std::move(limits), spread, threads};
}

void in_parallel(int threads, int64_t count, const std::function<void(int64_t, int64_t)>& visit) {
  const int64_t parts = std::clamp<int64_t>(threads, 1, std::max<int64_t>(count, 1));
  std::vector<std::thread> others;
  for (int64_t part = 1; part < parts; ++part)
    others.emplace_back([&, part] { visit(count * part / parts, count * (part + 1) / parts); });
  visit(0, count / parts);
  for (std::thread& other : others) other.join();
}

void add_block_outcome(const Decisions& decisions, const Block& block, const double* variables,
                       RegionResponse& response, std::vector<double>& spend_H, double* outcome_D) {
  for (int64_t r = block.first_region; r < block.first_region + block.regions; ++r) {
    decisions.spread(block, variables, r, spend_H.data());
    response.outcome(r, block.channel, spend_H.data(), outcome_D);
  }
}

PlanObjective::PlanObjective(const PlanProblem& problem, double spread) : problem_(problem), spread_(spread) {
  const int64_t C = problem.responses.channels, D = problem.responses.draws;
  idle_CD_.assign(static_cast<size_t>(C * D), 0.0);
  in_parallel(problem.threads, C, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c)
      for (int64_t r = 0; r < problem.responses.regions; ++r)
        add_idle_outcome(problem.responses, r, c, idle_CD_.data() + c * D);
  });
}

std::vector<double> PlanObjective::block_outcomes(const std::vector<double>& variables) const {
  const Decisions& decisions = problem_.decisions;
  const int64_t D = problem_.responses.draws, B = static_cast<int64_t>(decisions.blocks.size());
  std::vector<double> out(static_cast<size_t>(B * D), 0.0);
  in_parallel(problem_.threads, B, [&](int64_t begin, int64_t end) {
    RegionResponse response(problem_.responses);
    std::vector<double> spend_H(static_cast<size_t>(decisions.horizon));
    for (int64_t b = begin; b < end; ++b)
      add_block_outcome(decisions, decisions.blocks[b], variables.data() + decisions.blocks[b].first, response, spend_H,
                        out.data() + b * D);
  });
  return out;
}

std::vector<double> PlanObjective::channel_outcomes(const std::vector<double>& variables) const {
  const int64_t D = problem_.responses.draws;
  const std::vector<double> block_BD = block_outcomes(variables);
  std::vector<double> out(idle_CD_.size());
  std::transform(idle_CD_.begin(), idle_CD_.end(), out.begin(), [](double idle) { return -idle; });
  for (size_t b = 0; b < problem_.decisions.blocks.size(); ++b)
    for (int64_t d = 0; d < D; ++d) out[problem_.decisions.blocks[b].channel * D + d] += block_BD[b * D + d];
  return out;
}

std::vector<double> PlanObjective::outcomes(const std::vector<double>& variables) const {
  const int64_t D = problem_.responses.draws;
  const std::vector<double> channel_CD = channel_outcomes(variables);
  std::vector<double> out(static_cast<size_t>(D), 0.0);
  for (size_t i = 0; i < channel_CD.size(); ++i) out[i % D] += channel_CD[i];
  return out;
}

double PlanObjective::value_of(const std::vector<double>& outcome_D) const {
  const auto D = static_cast<double>(outcome_D.size());
  const double mean = std::accumulate(outcome_D.begin(), outcome_D.end(), 0.0) / D;
  if (spread_ == 0) return mean;
  double squares = 0;
  for (const double outcome : outcome_D) squares += (outcome - mean) * (outcome - mean);
  return mean - spread_ * std::sqrt(squares / (D - 1));
}

std::vector<double> PlanObjective::weights(const std::vector<double>& outcome_D) const {
  const auto D = static_cast<double>(outcome_D.size());
  std::vector<double> out(outcome_D.size(), 1.0 / D);
  if (spread_ == 0) return out;
  const double mean = std::accumulate(outcome_D.begin(), outcome_D.end(), 0.0) / D;
  double squares = 0;
  for (const double outcome : outcome_D) squares += (outcome - mean) * (outcome - mean);
  const double sd = std::sqrt(squares / (D - 1));
  for (size_t d = 0; d < out.size() && sd > 0; ++d) out[d] -= spread_ * (outcome_D[d] - mean) / ((D - 1) * sd);
  return out;
}

double PlanObjective::gradient(const std::vector<double>& variables, std::vector<double>& gradient) const {
  const Decisions& decisions = problem_.decisions;
  const int64_t D = problem_.responses.draws, H = decisions.horizon, B = static_cast<int64_t>(decisions.blocks.size());
  // Weights of the mean don't depend on the outcome: one pass does.
  const std::vector<double> weight_D =
      weights(spread_ == 0 ? std::vector<double>(static_cast<size_t>(D)) : outcomes(variables));
  gradient.assign(variables.size(), 0.0);
  std::vector<double> block_BD(static_cast<size_t>(B * D), 0.0);
  in_parallel(problem_.threads, B, [&](int64_t begin, int64_t end) {
    RegionResponse response(problem_.responses);
    std::vector<double> spend_H(static_cast<size_t>(H)), slope_H(static_cast<size_t>(H));
    for (int64_t b = begin; b < end; ++b) {
      const Block& block = decisions.blocks[b];
      for (int64_t r = block.first_region; r < block.first_region + block.regions; ++r) {
        decisions.spread(block, variables.data() + block.first, r, spend_H.data());
        response.gradient(r, block.channel, spend_H.data(), weight_D.data(), block_BD.data() + b * D, slope_H.data());
        const double* share_H = decisions.share_RCH.data() + (r * decisions.channels + block.channel) * H;
        for (int64_t t = 0; t < H; ++t) gradient[block.first + (block.count > 1 ? t : 0)] += share_H[t] * slope_H[t];
      }
    }
  });
  std::vector<double> outcome_D(static_cast<size_t>(D), 0.0);
  for (size_t i = 0; i < idle_CD_.size(); ++i) outcome_D[i % D] -= idle_CD_[i];
  for (size_t i = 0; i < block_BD.size(); ++i) outcome_D[i % D] += block_BD[i];
  return value_of(outcome_D);
}

}  // namespace dcmmm
