// How well predictions meet what was observed, in the target's own units, over observed cells only.
// Shapes: R regions of a block, T weeks.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "comm/communicator.hpp"
#include "data/panel.hpp"
#include "trainer/naive.hpp"

namespace dcmmm {

/// The figures of metrics.json, pooled over regions and weeks. A figure that doesn't apply (no cells, no variance,
/// actuals that sum to 0) is NaN, which becomes null in files and "-" in tables.
struct Figures {
  int64_t cells = 0;
  double r2;                            // 1 - SSE / SST around the mean of these cells
  double rmse;                          // KPI units
  double mae;                           // KPI units
  double relative_error;                // rmse / mean(actual)
  double wape;                          // sum|e| / sum(actual)
  double median_region_r2;              // over regions with variance
  double median_region_relative_error;  // of sum|e| / sum(actual), over regions whose actuals sum to more than 0
};

/// The cells of one region, summed. Deviations are taken from the region's mean, so that sums of squares keep their
/// digits however large the mean is.
struct RegionSums {
  int64_t region = 0;  // place in the panel
  int64_t cells = 0;
  double mean = 0;           // of the actual values
  double total_squares = 0;  // sum (actual - mean)^2; exactly 0 for a constant region
  double error_squares = 0;  // sum (actual - predicted)^2
  double error = 0;          // sum |actual - predicted|
};

/// Sums over the weeks with counted_T = 1, of one region; all spans have length T.
RegionSums region_sums(int64_t region, std::span<const double> actual_T, std::span<const double> predicted_T,
                       std::span<const uint8_t> counted_T);

/// Figures of regions already gathered, added in the given order. Source: metrics.json in docs, "Definitions".
Figures figures_of(std::span<const RegionSums> sums);

/// Collects cells region by region; the panel may come in any blocks and be spread over any ranks.
class Evaluation {
 public:
  /// Adds one region's counted cells. REQUIRES: each region is added once, on one rank.
  void add(int64_t region, std::span<const double> actual_T, std::span<const double> predicted_T,
           std::span<const uint8_t> counted_T);

  /// Collective. Gathers one row a region and adds the rows in the panel's order on every rank, so the figures have the
  /// same bits for any number of ranks and any blocks.
  Figures figures(Communicator& communicator) const;

 private:
  std::vector<RegionSums> sums_;
};

/// What the fit and the naive forecasts reach on the same cells.
struct FitFigures {
  Figures train, holdout;
  std::array<Figures, kNaiveKinds> naive;  // on the holdout's cells, in the order of kNaiveNames

  /// Place in kNaiveNames of the smallest holdout RMSE (the first of equals), or -1 without holdout cells.
  int best_naive() const;
  /// Best naive RMSE / holdout RMSE; above 1 is better than every naive forecast. NaN without holdout or with RMSE 0.
  double skill() const;
  /// Train R2 - holdout R2.
  double gap() const { return train.r2 - holdout.r2; }
};

/// RMSE (KPI units) of the best naive forecast of the weeks [origin, origin + horizon), over the observed cells of the
/// block's regions with counts_R; NaN without any. REQUIRES: one block a rank. Collective.
double best_naive_rmse(const Panel& block, int64_t origin, int64_t horizon, std::span<const bool> counts_R,
                       Communicator& communicator);

/// Evaluates a fit whose training weeks are [0, origin) and whose holdout is [origin, origin + holdout_weeks).
class FitEvaluation {
 public:
  FitEvaluation(int64_t origin, int64_t holdout_weeks) : origin_(origin), holdout_weeks_(holdout_weeks) {}

  /// Adds a block with its predictions (KPI units, all weeks). REQUIRES: predicted_RT has R x T values.
  void add(const Panel& block, std::span<const double> predicted_RT);

  /// Collective.
  FitFigures figures(Communicator& communicator) const;

 private:
  int64_t origin_, holdout_weeks_;
  Evaluation train_, holdout_;
  std::array<Evaluation, kNaiveKinds> naive_;
};

}  // namespace dcmmm
