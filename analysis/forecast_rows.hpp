// One origin's forecasts on their way from the ranks that hold the regions to all of them.
// Shapes: R regions, N forecast weeks, M methods.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/crossval_report.hpp"
#include "analysis/results.hpp"
#include "comm/communicator.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// This rank's share: a row of numbers a region. The panel's weeks [0, origin) train, those from `first` on are
/// forecast.
class ForecastRows {
 public:
  /// Takes what was observed, and whether the region has a usable history, from the rank's regions.
  ForecastRows(const Panel& panel, int64_t origin, int64_t first, std::size_t methods);

  /// Predictions of a method: all weeks of one region (a place in the panel).
  void set_prediction(std::size_t method, int64_t region, const double* predicted_T);
  /// The intervals of method 0 for a block's regions.
  void set_intervals(const ResultBlock& block, const SharedResults& shared, double level);

  /// Collective. All regions, in the panel's order; weekly totals get intervals as well. `origin` and `first_week` are
  /// the panel's.
  OriginForecasts gather(Communicator& communicator, const ForecastIntervals& intervals, double level) const;

 private:
  double& at(int64_t region, std::size_t field, int64_t week) {
    return rows_[static_cast<std::size_t>(region - first_region_) * width_ + 1 +
                 field * static_cast<std::size_t>(weeks_) + static_cast<std::size_t>(week)];
  }

  int64_t first_region_, panel_weeks_, origin_, first_, weeks_;
  std::size_t methods_, width_;
  std::vector<double> rows_;
};

}  // namespace dcmmm
