// Contributions of every draw, by region and by period: the intervals of whatever is added up from cells.
// Shapes: R regions, T weeks, C channels, D draws.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/intervals.hpp"
#include "analysis/results.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// A draw has a curve, a carry-over and a sum over all cells of which the panel has a row (ChannelDraws). The sum is
/// spread over these cells as that curve and carry-over spread it, with the fitted differences between regions and
/// weeks. Single regions differ further, by what the fit leaves open (analysis/open_differences.hpp); how a coefficient
/// may have moved otherwise over time isn't in it.
class DrawContributions {
 public:
  /// `shared` must outlive it.
  DrawContributions(const SharedResults& shared, int64_t channels, int64_t weeks);

  /// Adds a block of regions, in the panel's order.
  void add(const Panel& panel, const std::vector<double>& coefficient_RTC, const std::vector<double>& media_scale_RC,
           const std::vector<double>& target_scale_R);
  /// REQUIRES: after the last block.
  void finish();

  /// What every draw says of cells.
  struct Cells {
    std::vector<double> effect_CTD;  // contributions, KPI units
    std::vector<double> slope_CTD;   // d contribution / d log(carried media), KPI units
  };
  /// Of all regions together.
  const Cells& all_regions() const { return all_; }
  /// Of region `region` of a block; `number` counts in the panel.
  Cells of_region(const Panel& panel, const std::vector<double>& coefficient_RTC,
                  const std::vector<double>& media_scale_RC, int64_t region, int64_t number) const;
  /// What draw d of that region multiplies the fitted coefficients by, [C, D].
  std::vector<double> region_factors(int64_t number) const;

  /// Around `value`, the sum over weeks [first, first + count) of one channel, from the draws in `value_CTD`. Of
  /// channels that aren't identified, and of runs without draws, it is `total`, that of the channel's `sum` over all
  /// regions and weeks, in proportion.
  Interval interval(const std::vector<double>& value_CTD, std::size_t channel, int64_t first, int64_t count,
                    double level, double value, const Interval& total, double sum) const;

 private:
  void add_region(const Panel& panel, const std::vector<double>& coefficient_RTC,
                  const std::vector<double>& media_scale_RC, int64_t region, Cells& cells) const;

  void multiply(Cells& cells, const std::vector<double>& factor_CD) const;

  const SharedResults& shared_;
  std::size_t channels_, weeks_, draws_;
  std::vector<double> decay_CD_, exponent_CD_, log_half_CD_;
  std::vector<std::vector<double>> lag_weight_C_;  // of delayed channels, [L, D] each
  Cells all_;
  std::vector<double> factor_CD_;    // so that a draw's sum is its own
  std::vector<double> relative_RC_;  // mean coefficients in their region's scale
  std::vector<double> region_sd_C_;
};

}  // namespace dcmmm
