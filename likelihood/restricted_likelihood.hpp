// Variance components by restricted maximum likelihood (Patterson and Thompson 1971): linear terms integrated out under
// their priors, the components' own weak priors added.
#pragma once

#include "likelihood/linear_system.hpp"

namespace dcmmm {

struct ComponentEstimate {
  Components components;
  double negative_log = 0;  // at the estimate; comparable only at equal weights and scales
  int64_t evaluations = 0;
};

/// Minimises from `start` with the curves held at `shapes`. `slope_shares`: C shares of the target that scale the
/// regions' differences in their response. `max_evaluations` bounds the work. Collective; every rank gets the same.
ComponentEstimate estimate_components(const LikelihoodData& data, const LikelihoodOptions& options,
                                      const Shapes& shapes, const Eigen::VectorXd& slope_shares,
                                      const Components& start, int64_t all_regions, int64_t max_steps,
                                      const RegionLoop& loop);

/// The columns in which regions differ: each channel's response (at `layout`'s slope columns where it has them), and
/// the season's patterns. mean_P: what a unit of each raw column explains on average (PanelSums::mean_P).
std::vector<SlopeColumn> slope_columns(const ColumnLayout& layout, const Components& components,
                                       const Eigen::VectorXd& mean_C, const Eigen::VectorXd& slope_shares);

}  // namespace dcmmm
