// The exported tables about channels: what they spent and brought, their curves, and the graph between them.
// Shapes: R regions (of a block in add(), else of the panel), T weeks, C channels.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "analysis/channel_effects.hpp"
#include "analysis/csv_writer.hpp"
#include "analysis/curve_intervals.hpp"
#include "analysis/intervals.hpp"
#include "analysis/response_curves.hpp"
#include "analysis/results.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// Collects all regions of a run, block by block, then writes rows (docs/file-formats.md: "Exported CSV files").
class ChannelTables {
 public:
  /// Names are fields as they are written; intervals cover `level`. `shared` must outlive the tables.
  /// Returns are contributions times `revenue` over spend.
  ChannelTables(const SharedResults& shared, std::vector<std::string> regions, std::vector<std::string> channels,
                double level, double revenue);

  /// REQUIRES: arrays belong to the panel's regions; blocks come in the panel's order (the same bits whatever the
  /// blocks).
  void add(const Panel& panel, const std::vector<double>& media_RTC, const std::vector<double>& coefficient_RTC,
           const std::vector<double>& predicted_RT, const std::vector<double>& media_scale_RC);

  /// Of each channel's contribution over all cells of which the panel has a row, as all sums here.
  std::vector<Interval> contribution_intervals() const;

  void write_summary(CsvWriter& csv) const;            // channel_summary.csv
  void write_adstock(CsvWriter& csv) const;            // adstock.csv
  void write_graph(CsvWriter& csv) const;              // dag.csv
  void write_group_differences(CsvWriter& csv) const;  // dag_groups.csv
  /// Rows of region_channels.csv of one region (its place in the panel); `interval` has its contributions',
  /// `intervals` are curve_intervals(), in which draw d has `factor_CD` times the region's coefficient.
  void write_region(CsvWriter& csv, std::size_t region, const CurveIntervals& intervals,
                    std::span<const double> factor_CD,
                    const std::function<Interval(std::size_t, double)>& interval) const;

  double contribution(std::size_t channel) const { return effects_.contribution_C[channel]; }
  const ResponseCurves& curves() const { return curves_; }
  /// Along these; must not outlive the tables.
  CurveIntervals curve_intervals() const;

 private:
  void identified(CsvWriter& csv, std::size_t channel) const;  // the gate's verdict

  const SharedResults& shared_;
  std::vector<std::string> regions_, channels_;
  double level_, revenue_;
  std::vector<double> spend_C_;  // input units
  EffectSums effects_;           // contributions among them
  double predicted_ = 0;         // sum over cells with a row, KPI units
  ResponseCurves curves_;
  std::vector<double> spend_RC_, contribution_RC_;
};

}  // namespace dcmmm
