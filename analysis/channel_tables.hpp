// The exported tables about channels: what they spent and brought, their curves, and the graph between them.
// Shapes: R regions (of a block in add(), else of the panel), T weeks, C channels.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analysis/channel_effects.hpp"
#include "analysis/csv_writer.hpp"
#include "analysis/fitted_hill.hpp"
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

  /// Of each channel's contribution over all regions and weeks.
  std::vector<Interval> contribution_intervals() const;

  void write_summary(CsvWriter& csv) const;            // channel_summary.csv
  void write_curves(CsvWriter& csv) const;             // response_curves.csv
  void write_saturation(CsvWriter& csv) const;         // saturation.csv
  void write_adstock(CsvWriter& csv) const;            // adstock.csv
  void write_graph(CsvWriter& csv) const;              // dag.csv
  void write_group_differences(CsvWriter& csv) const;  // dag_groups.csv
  /// Rows of region_channels.csv of one region (its place in the panel); `interval` has its contributions'.
  void write_region(CsvWriter& csv, std::size_t region,
                    const std::function<Interval(std::size_t, double)>& interval) const;

  /// Over all regions and weeks.
  double contribution(std::size_t channel) const { return effects_.contribution_C[channel]; }

 private:
  void identified(CsvWriter& csv, std::size_t channel) const;  // the gate's verdict
  FittedHill fitted_curve(std::size_t c) const;                // through the points of the exported curve
  /// Of the marginal return at the average week; `total` is the contribution's.
  Interval marginal_interval(std::size_t c, const Interval& total) const;
  std::vector<ResponseCurves::Point> points(std::size_t channel, double multiple) const;  // by each draw's curve

  const SharedResults& shared_;
  std::vector<std::string> regions_, channels_;
  double level_, revenue_;
  std::vector<double> spend_C_;  // input units
  EffectSums effects_;           // contributions among them
  double predicted_ = 0;         // sum over all cells, KPI units
  ResponseCurves curves_;
  std::vector<double> spend_RC_, contribution_RC_;
};

}  // namespace dcmmm
