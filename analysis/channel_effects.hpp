// Direct, indirect and total effects of channels on the target, through the graph of channels (docs/graph.md).
// Shapes: R regions of a block, T weeks, C channels.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/intervals.hpp"
#include "analysis/results.hpp"

namespace dcmmm {

/// d contribution / d log(the channel's media) of a cell, KPI units: a Hill curve of exponent a and height beta at
/// contribution q has the slope q (1 - q / beta) a, carry-over being linear.
double slope_in_logs(const SharedResults& shared, std::size_t channel, double contribution, double coefficient);

/// Sums over regions and weeks that effects are made of, block by block.
struct EffectSums {
  std::vector<double> contribution_C;  // KPI units
  std::vector<double> slope_C;         // d contribution / d log(all of the channel's media), KPI units

  explicit EffectSums(int64_t channels) : contribution_C(channels), slope_C(channels) {}

  /// Adds what `media_RTC` (contributions) and `coefficient_RTC` of a block hold in cells whose `counted_RT` isn't 0.
  void add(std::span<const uint8_t> counted_RT, std::span<const double> media_RTC,
           std::span<const double> coefficient_RTC, const SharedResults& shared);
};

/// Of one channel, KPI units, over all regions and weeks. total = direct + indirect.
struct ChannelEffect {
  double direct = 0;    // its own contribution
  double indirect = 0;  // what it makes of the other channels: sum_j (d log x_j / d log x) slope_j
  double total = 0;
  Interval indirect_interval{}, total_interval{};
};

/// NaN for indirect and total where spend doesn't settle. Draws of the graph's resamples and of the fit's ensemble are
/// paired by their numbers; intervals cover `level`. REQUIRES: shared.graph isn't empty.
std::vector<ChannelEffect> channel_effects(const SharedResults& shared, const EffectSums& sums, double level);

/// For the log: a line a channel that moves others, in percent of `predicted` (KPI units). "" where none does.
std::string effects_table(const std::vector<ChannelEffect>& effects, const std::vector<std::string>& channels,
                          double predicted);

}  // namespace dcmmm
