// A run's components added up over regions: by week, and by month, quarter and year.
// Shapes: R regions of a block, T weeks, C channels, K controls, P components (baseline, trend, seasonality, controls,
// media: in this order), Q periods.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "analysis/csv_writer.hpp"
#include "analysis/intervals.hpp"
#include "analysis/periods.hpp"
#include "analysis/results.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// Around a channel's contribution `value` in weeks [first, first + count).
using PeriodInterval = std::function<Interval(std::size_t channel, int64_t first, int64_t count, double value)>;

/// One number of each component in a cell: they sum to the prediction.
class ComponentsOf {
 public:
  ComponentsOf(const ResultBlock& block, int64_t controls, int64_t channels)
      : block_(block), controls_(controls), channels_(channels) {}
  std::size_t count() const { return static_cast<std::size_t>(3 + controls_ + channels_); }
  std::size_t channels() const { return static_cast<std::size_t>(channels_); }
  double operator()(std::size_t cell, std::size_t component) const;

 private:
  const ResultBlock& block_;
  int64_t controls_, channels_;
};

/// Collects all regions of a run, block by block.
class PeriodSums {
 public:
  /// `origin`: the first week of the holdout.
  PeriodSums(int64_t weeks, int64_t origin, int64_t controls, int64_t channels);

  /// REQUIRES: `panel` holds the block's regions; blocks come in the panel's order (the same bits whatever the blocks).
  void add(const Panel& panel, const ResultBlock& block);

  /// totals.csv: week,split,observed_regions,actual,predicted,predicted_all. `actual` and `predicted` run over the
  /// observed regions alone, so that they can be compared, and in the holdout over those with a usable history, as in
  /// metrics.json; `predicted_all` over all of them.
  void write_totals(CsvWriter& csv, const std::vector<std::string>& weeks) const;

  /// contributions_total.csv: kind,period,component,value,lower,upper, over all cells of which the panel has a row.
  /// `interval` has a channel's (analysis/draw_contributions.hpp); other components have none. `components` are fields
  /// as they are written.
  void write_contributions(CsvWriter& csv, const std::vector<Period>& periods,
                           const std::vector<std::string>& components, const PeriodInterval& interval) const;

  /// coefficients_mean.csv: week,channel,value: the mean over all regions, KPI units a week at full saturation.
  void write_coefficients(CsvWriter& csv, const std::vector<std::string>& weeks,
                          const std::vector<std::string>& channels) const;

 private:
  std::size_t weeks_, origin_, controls_, channels_, components_;
  int64_t regions_ = 0;
  std::vector<double> actual_T_, predicted_T_, all_T_, sum_TP_, coefficient_TC_;
  std::vector<int64_t> observed_T_;
};

/// Rows of contributions_by_period.csv (region,kind,period,component,value,lower,upper) of one region, `region`
/// counting from the block's first one, over the block's cells whose `counted_RT` isn't 0. `name` and `components` are
/// fields as they are written.
void write_periods_of_region(CsvWriter& csv, const ComponentsOf& values, std::span<const uint8_t> counted_RT,
                             std::size_t region, std::size_t weeks, const std::string& name,
                             const std::vector<Period>& periods, const std::vector<std::string>& components,
                             const PeriodInterval& interval);

}  // namespace dcmmm
