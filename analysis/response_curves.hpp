// What one more unit of media brings: steady-state response curves of each channel, averaged over regions.
// Shapes: R regions, T weeks, C channels.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/results.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// Points of an exported curve, evenly spaced from no media up to ResponseCurves::largest_multiple.
inline constexpr int64_t kCurvePoints = 50;

/// Curves of every channel at a constant weekly level of media. All regions move together: at multiple s, region r has
/// s times its own average week x_rc (over its observed weeks). Adstock weights sum to one, so a constant level passes
/// through it unchanged, and the region's weekly response is
///     coefficient_rc h(s x_rc / media_scale_rc),  h(v) = 1 / (1 + exp(-a (log(v + 1e-4) - log g))), or v without
///     curve,
/// with coefficient_rc the average over its observed weeks, KPI units. A channel with reach and frequency reaches s
/// times as many at the frequencies that were: coefficient_rc s (mean of x_rtc h(f_rtc)) / media_scale_rc, linear in s.
/// Averages over regions weigh each region alike. "Spend" is in input units: currency where the panel has it, media
/// units otherwise. Memory: four numbers a region and channel.
class ResponseCurves {
 public:
  /// REQUIRES: the curve parameters have C values each.
  ResponseCurves(SharedResults shared, int64_t channels);

  /// Adds a block of regions. REQUIRES: coefficient_RTC and media_scale_RC belong to the block's regions.
  void add(const Panel& block, const std::vector<double>& coefficient_RTC, const std::vector<double>& media_scale_RC);

  /// Average weekly spend per region at multiple s.
  double spend(int64_t channel, double multiple) const;
  /// Average weekly target per region that the channel brings at multiple s, KPI units.
  double response(int64_t channel, double multiple) const;
  /// Whether that is in proportion to the multiple.
  bool is_linear(int64_t channel) const { return shared_.is_linear(static_cast<std::size_t>(channel)); }
  /// Mean over regions of the average weekly effect at full saturation, KPI units.
  double coefficient(int64_t channel) const;
  /// d response / d spend at multiple s; NaN for a channel without spend.
  double marginal(int64_t channel, double multiple) const;
  /// Spend at which the response reaches 90 % of what unlimited media would bring; NaN for a channel without media or
  /// effect, and for linear effects.
  double saturation_spend(int64_t channel) const;
  /// Spend at half of that height; NaN as there.
  double half_saturation_spend(int64_t channel) const;
  /// The response that unlimited media would bring, KPI units a week and region; NaN as there.
  double height(int64_t channel) const;
  /// The 99th percentile (to within 1 %) of media_rtc / x_rc over observed weeks, at least 1: what was seen.
  double observed_multiple(int64_t channel) const;
  /// 1.5 times as much: where exported curves end, beyond what was seen.
  double largest_multiple(int64_t channel) const { return 1.5 * observed_multiple(channel); }

  /// One channel's use by one region.
  struct Use {
    double coefficient;  // KPI units a week at full saturation
    double scaled;       // average week: x_rc / media_scale_rc
    double spend;        // average week, input units
    double largest;      // the largest week seen, in average weeks; at least 1
  };
  /// In the order in which regions were added.
  const std::vector<Use>& uses(int64_t channel) const { return use_CR_[static_cast<std::size_t>(channel)]; }

  /// A point of one region's own curve, at `multiple` of its average week; `region` counts as in uses().
  struct Point {
    double response;  // KPI units a week
    double marginal;  // d response / d spend; NaN without spend
  };
  Point region_point(int64_t channel, std::size_t region, double multiple) const;
  /// Spend at which it reaches this part of what unlimited media would bring; NaN without spend, and for linear
  /// effects.
  double region_spend_at(int64_t channel, std::size_t region, double part_of_height) const;

 private:
  // Media of a block times the curve of their frequency, at the channel's places.
  std::vector<double> saturated(const Panel& block, std::size_t channel) const;
  double spend_at(int64_t channel, double part_of_height) const;
  double hill(int64_t channel, double scaled) const;
  double slope_of_hill(int64_t channel, double scaled) const;

  SharedResults shared_;
  std::vector<std::vector<Use>> use_CR_;
  std::vector<std::vector<int64_t>> multiples_;  // per channel: how many weeks fall into each 1 % step of the multiple
};

}  // namespace dcmmm
