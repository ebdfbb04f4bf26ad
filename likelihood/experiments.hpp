// Lift tests as observations of the likelihood: one row each, in the columns of the regression.
// Shapes: E experiments, P columns, T training weeks.
#pragma once

#include <vector>

#include "likelihood/components.hpp"
#include "likelihood/shapes.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// `row_EP` times raw coefficients is the lift that they give, in KPI units; its target column holds the measured one.
struct ExperimentRows {
  RowMatrix row_EP;
  Eigen::VectorXd variance_E;  // of the measured lift: its standard error, and what the regions' own slopes add
};

/// All of data.experiments at these curves. The regions' own slopes are taken at `frozen`. One all-reduce of E (P + 1)
/// numbers. Collective.
ExperimentRows experiment_rows(const LikelihoodData& data, const ColumnLayout& layout, const Shapes& shapes,
                               const Frozen& frozen, const Components& components, const RegionLoop& loop);

/// By week, [E, T]: what a coefficient of 1 (times m_r) adds to the target, less what it adds with the channel off in
/// the experiment's weeks; 0 in other weeks. Collective.
RowMatrix weekly_lifts(const LikelihoodData& data, const Shapes& shapes, const RegionLoop& loop);

/// What became of an experiment. In KPI units; sds of the panel are the curvature's.
struct ExperimentReport {
  Experiment test;
  double spread = 0;               // s: sd of the measured lift, the regions' own slopes included
  double panel = 0, panel_sd = 0;  // what the panel alone says of the lift
  double fitted = 0;               // what the fit says that knows both

  /// Distance of the measurement from what the panel alone says, in sds of their difference.
  double surprise() const;
  /// Distance from what the fit says, in s.
  double residual() const { return (test.lift - fitted) / spread; }
  /// Beyond 3 either way: experiment and panel can't both be right.
  bool is_doubtful() const;
};

}  // namespace dcmmm
