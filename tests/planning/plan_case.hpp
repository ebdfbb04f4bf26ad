// Small made-up planning problems, and plain re-computations of what the room computes fast.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/random.hpp"
#include "common/text.hpp"
#include "planning/planner.hpp"
#include "planning/problem.hpp"

namespace dcmmm {

struct CaseShape {
  int64_t draws = 3, regions = 2, channels = 3, horizon = 3, tail = 2;
  double exponent_low = 0.8, exponent_high = 4.0;  // up to clearly S-shaped
};

inline Responses made_up_responses(const CaseShape& shape, uint64_t seed) {
  RandomStream random(seed, 1), of_region(seed, 3);
  Responses out;
  out.draws = shape.draws, out.regions = shape.regions, out.channels = shape.channels, out.horizon = shape.horizon;
  out.weeks = shape.horizon + shape.tail;
  out.factor_RDC.resize(static_cast<size_t>(shape.regions * shape.draws * shape.channels));
  for (int64_t d = 0; d < shape.draws; ++d)
    for (int64_t c = 0; c < shape.channels; ++c) {
      const double decay = random.uniform(0.1, 0.7);
      for (int64_t lag = 0; lag < out.weeks; ++lag)
        out.carry_DCT.push_back((1 - decay) * std::pow(decay, static_cast<double>(lag)));
      out.exponent_DC.push_back(random.uniform(shape.exponent_low, shape.exponent_high));
      out.log_half_DC.push_back(random.uniform(-0.7, 0.9));
      const double factor = random.uniform(0.7, 1.3);
      for (int64_t r = 0; r < shape.regions; ++r)
        out.factor_RDC[(r * shape.draws + d) * shape.channels + c] = factor * of_region.uniform(0.8, 1.2);
    }
  for (int64_t i = 0; i < shape.regions * shape.channels; ++i) {
    const double height = random.uniform(20, 120);
    for (int64_t t = 0; t < out.weeks; ++t) out.coefficient_RCT.push_back(height * random.uniform(0.9, 1.1));
    out.unit_RC.push_back(random.uniform(5, 20));
  }
  for (int64_t i = 0; i < shape.regions * shape.channels * shape.draws * out.weeks; ++i)
    out.base_RCDT.push_back(static_cast<float>(random.uniform(0, 0.1)));
  return out;
}

/// Spend around one unit of scaled media a week.
inline std::vector<double> made_up_today(const Responses& responses, uint64_t seed) {
  RandomStream random(seed, 2);
  std::vector<double> out;
  for (const double unit : responses.unit_RC)
    for (int64_t t = 0; t < responses.horizon; ++t) out.push_back(unit * random.uniform(0.3, 1.7));
  return out;
}

inline std::vector<double> sums_over_weeks(const std::vector<double>& today_RCH, int64_t horizon) {
  std::vector<double> out;
  for (size_t i = 0; i < today_RCH.size(); i += static_cast<size_t>(horizon)) {
    double sum = 0;
    for (int64_t t = 0; t < horizon; ++t) sum += today_RCH[i + static_cast<size_t>(t)];
    out.push_back(sum);
  }
  return out;
}

inline std::vector<std::string> channel_names(int64_t channels) {
  std::vector<std::string> out;
  for (int64_t c = 0; c < channels; ++c) out.push_back(text("c", c));
  return out;
}

/// A problem with the options' limits, channels named c0, c1, ...
inline PlanProblem made_up_problem(const CaseShape& shape, uint64_t seed, const PlanOptions& options,
                                   double spread = 0) {
  Responses responses = made_up_responses(shape, seed);
  const std::vector<double> today_RCH = made_up_today(responses, seed),
                            today_RC = sums_over_weeks(today_RCH, shape.horizon);
  const std::vector<std::string> names = channel_names(shape.channels);
  std::vector<uint8_t> kept_C;
  SumLimitsTree limits;
  limits.all.name = "all channels";
  limits.all.upper = std::numeric_limits<double>::infinity();
  std::vector<double> totals;
  for (int64_t c = 0; c < shape.channels; ++c) {
    double total = 0;
    for (int64_t r = 0; r < shape.regions; ++r) total += today_RC[r * shape.channels + c];
    totals.push_back(total);
    SumLimits own;
    if (const auto found = options.channels.find(names[c]); found != options.channels.end()) own = found->second;
    kept_C.push_back(own.locked ? 1 : 0);
    limits.channels.push_back(
        sum_range(names[c], "plan.channels." + names[c], own, {options.lower, options.upper, {}, {}, false}, total));
  }
  std::vector<uint8_t> grouped(names.size(), 0);
  for (const auto& [name, group] : options.groups) {
    ChannelGroup out;
    double total = 0;
    for (const std::string& channel : group.channels) {
      const auto c = std::find(names.begin(), names.end(), channel) - names.begin();
      out.channels.push_back(c);
      grouped[c] = 1;
      total += totals[c];
    }
    out.range = sum_range(name, "plan.groups." + name, group.limits, {}, total);
    limits.groups.push_back(out);
  }
  for (int64_t c = 0; c < shape.channels; ++c)
    if (!grouped[c]) limits.loose.push_back(c);
  Decisions decisions = make_decisions(options, today_RCH, today_RC, kept_C, names, shape.regions, shape.horizon);
  return make_problem(std::move(responses), std::move(decisions), std::move(limits), spread, 1);
}

/// The draws' outcomes by the formulas as docs/planning.md has them, without any of the room's code.
inline std::vector<double> plain_outcomes(const PlanProblem& problem, const std::vector<double>& variables) {
  const Responses& in = problem.responses;
  std::vector<double> out(static_cast<size_t>(in.draws), 0.0);
  for (const Block& block : problem.decisions.blocks)
    for (int64_t r = block.first_region; r < block.first_region + block.regions; ++r)
      for (int64_t d = 0; d < in.draws; ++d)
        for (int64_t t = 0; t < in.weeks; ++t) {
          const int64_t c = block.channel, rc = r * in.channels + c, dc = d * in.channels + c;
          const double idle = in.base_RCDT[(rc * in.draws + d) * in.weeks + t];
          double carried = idle;
          for (int64_t s = 0; s <= std::min(t, in.horizon - 1); ++s) {
            const double spend =
                variables[block.first + (block.count > 1 ? s : 0)] * problem.decisions.share_RCH[rc * in.horizon + s];
            carried += in.carry_DCT[dc * in.weeks + t - s] * std::min(spend / in.unit_RC[rc], 50.0);
          }
          const auto h = [&](double x) {
            if (!in.saturates) return x;
            return 1 / (1 + std::exp(-in.exponent_DC[dc] * (std::log(x + 1e-4) - in.log_half_DC[dc])));
          };
          out[d] += in.factor_RDC[(r * in.draws + d) * in.channels + c] * in.coefficient_RCT[rc * in.weeks + t] *
                    (h(carried) - h(idle));
        }
  return out;
}

inline double today_total(const PlanProblem& problem) {
  double sum = 0;
  for (const double value : problem.decisions.today) sum += value;
  return sum;
}

}  // namespace dcmmm
