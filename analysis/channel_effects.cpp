#include "analysis/channel_effects.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <limits>

#include "analysis/figures_text.hpp"
#include "common/text.hpp"

namespace dcmmm {

double slope_in_logs(const SharedResults& shared, std::size_t channel, double contribution, double coefficient) {
  if (shared.is_linear(channel)) return contribution;
  return coefficient > 0 ? contribution * (1 - contribution / coefficient) * shared.exponent_C[channel] : 0;
}

void EffectSums::add(std::span<const uint8_t> counted_RT, std::span<const double> media_RTC,
                     std::span<const double> coefficient_RTC, const SharedResults& shared) {
  const std::size_t C = contribution_C.size();
  for (std::size_t i = 0; i < media_RTC.size(); ++i) {
    if (counted_RT[i / C] == 0) continue;
    const std::size_t c = i % C;
    contribution_C[c] += media_RTC[i];
    slope_C[c] += slope_in_logs(shared, c, media_RTC[i], coefficient_RTC[i]);
  }
}

std::vector<ChannelEffect> channel_effects(const SharedResults& shared, const EffectSums& sums, double level) {
  const Graph& graph = shared.graph;
  const ChannelDraws& draws = shared.draws;
  const std::size_t C = sums.contribution_C.size();
  // What others bring, for slopes in proportion to the draw's contributions.
  const auto indirect = [&](std::size_t i, const double* total_CC, const double* contribution_C) {
    double sum = 0;
    for (std::size_t j = 0; j < C; ++j) {
      if (j == i) continue;
      const double ratio = contribution_C == nullptr     ? 1.0
                           : sums.contribution_C[j] != 0 ? contribution_C[j] / sums.contribution_C[j]
                                                         : 0.0;
      sum += total_CC[i * C + j] * sums.slope_C[j] * ratio;
    }
    return sum;
  };
  std::vector<ChannelEffect> out(C);
  for (std::size_t i = 0; i < C; ++i) {
    ChannelEffect& effect = out[i];
    effect.direct = sums.contribution_C[i];
    effect.indirect = indirect(i, graph.total_CC.data(), nullptr);
    effect.total = effect.direct + effect.indirect;
    std::vector<double> indirect_N, total_N;
    const int64_t both = graph.draws == 0 ? 0 : std::max(graph.draws, draws.count);
    for (int64_t n = 0; n < both; ++n) {
      const double* total_CC = graph.total_BCC.data() + static_cast<std::size_t>(n % graph.draws) * C * C;
      const double* contribution_C =
          draws.count == 0 ? nullptr : draws.contribution_DC.data() + static_cast<std::size_t>(n % draws.count) * C;
      indirect_N.push_back(indirect(i, total_CC, contribution_C));
      total_N.push_back(indirect_N.back() + (contribution_C == nullptr ? effect.direct : contribution_C[i]));
    }
    constexpr double kNoLimit = -std::numeric_limits<double>::infinity();
    effect.indirect_interval = interval_of(indirect_N, level, effect.indirect, kNoLimit);
    effect.total_interval = interval_of(total_N, level, effect.total, kNoLimit);
  }
  return out;
}

std::string effects_table(const std::vector<ChannelEffect>& effects, const std::vector<std::string>& channels,
                          double predicted) {
  std::vector<std::vector<std::string>> rows = {{"", "direct", "indirect", "total", "90 % interval"}};
  const auto share = [&](double value) { return percent(value / predicted); };
  for (std::size_t c = 0; c < effects.size(); ++c) {
    const ChannelEffect& effect = effects[c];
    if (effect.indirect == 0) continue;
    rows.push_back({channels[c], share(effect.direct), share(effect.indirect), share(effect.total),
                    text(share(effect.total_interval.lower), " to ", share(effect.total_interval.upper))});
  }
  return rows.size() == 1 ? "" : aligned(rows);
}

}  // namespace dcmmm
