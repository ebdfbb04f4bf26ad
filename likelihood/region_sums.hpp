// Sums over regions of everything that the likelihood needs: one pass over the panel, one all-reduce, whatever the
// number of regions. Shapes: T training weeks, P columns, C channels.
#pragma once

#include <cstdint>
#include <vector>

#include "likelihood/components.hpp"
#include "likelihood/shapes.hpp"
#include "model/kernels/baseline.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// With V_r = covariance of a region's errors (noise, AR(1) level, own slopes; its mean level projected out).
struct PanelSums {
  RowMatrix precision_TT;      // sum of V_r^-1
  RowMatrix weighted_TP;       // sum of V_r^-1 X_r
  RowMatrix gram_PP;           // sum of X_r' V_r^-1 X_r
  Eigen::VectorXd mean_P;      // sum of m_r x over training cells / sum of y there: what a column of effect 1 explains
  double log_determinant = 0;  // sum of log |V_r|, the projected level's part included
};

/// A column in which regions differ, with the standard deviation of its coefficient over regions.
struct SlopeColumn {
  int64_t column;
  double sd;
};

/// What a pass reads.
struct RegionPass {
  const LikelihoodData& data;
  ColumnLayout layout;
  const Shapes& shapes;
  const Frozen* frozen;  // null where the layout has nothing of it
  const Components& components;
  std::vector<SlopeColumn> slopes;
  bool with_precision = true;                       // whether precision_TT is wanted
  int64_t sample_regions = 0;                       // > 0: a sample of so many regions of the panel
  int64_t all_regions = 0;                          // of the panel, over all ranks
  const std::vector<RowMatrix>* columns = nullptr;  // of each region of this rank, where they were kept
};

/// Columns of every region of this rank that the pass uses (the others stay empty), to be passed again as `columns`.
std::vector<RowMatrix> keep_columns(const RegionPass& pass, const RegionLoop& loop);

/// PanelSums::mean_P alone. Collective.
Eigen::VectorXd mean_columns(const RegionPass& pass, const RegionLoop& loop);

/// Collective.
PanelSums sum_regions(const RegionPass& pass, const RegionLoop& loop);

/// V_r^-1 of one region, applied.
class RegionPrecision {
 public:
  /// Factors V_r of a region for its training weeks, with the slopes' columns read from `columns` [T, P].
  void factor(const LikelihoodData& data, int64_t region, const Components& components,
              const std::vector<SlopeColumn>& slopes, const RowMatrix& columns);
  /// V_r^-1 X.
  RowMatrix apply(const RowMatrix& columns) const;
  /// Adds the upper triangle of V_r^-1 to `total_TT` [T, T].
  void add_upper_to(Eigen::Map<RowMatrix> total_TT) const;
  double log_determinant() const { return log_determinant_; }
  const kernels::BaselineSolver& solver() const { return solver_; }
  /// W [T, q] with V_r^-1 = V0^-1 - W W', V0 without slopes.
  const RowMatrix& slope_weighted() const { return slope_weighted_; }
  /// Solutions of the region's random slopes, in units of their sd, for residuals e: (I + Z'Q Z)^-1 Z'Q e, Q without
  /// slopes.
  Eigen::VectorXd slopes(const Eigen::VectorXd& residual) const;

 private:
  RowMatrix without_slopes(const RowMatrix& columns) const;

  std::vector<double> weight_;
  mutable kernels::BaselineSolver solver_;
  RowMatrix slope_columns_, slope_weighted_;  // Z = X sd [T, q]; V0^-1 Z L^-T
  Eigen::MatrixXd slope_factor_;              // L of I + Z'V0^-1 Z = L L'
  double log_determinant_ = 0;
};

}  // namespace dcmmm
