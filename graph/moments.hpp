// The sufficient statistic of the graph: second moments of spend and of the weeks before it, summed over regions once.
// Shapes: C channels, P = (1 + lags) C: this week's channels, then those of each week before.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "graph/spend.hpp"

namespace dcmmm {

struct GraphMoments {
  int64_t channels = 0, lags = 0;
  double rows = 0;            // region-weeks whose `lags` weeks before are seen as well (weighted, of a resample)
  Eigen::MatrixXd moment_PP;  // mean of x x'
};

/// Moments of all regions, then of each group: the panel's own, then those of `resamples` in which regions have
/// exponential weights (the Bayesian bootstrap, Rubin 1981), keyed by seed and region: the same whatever the ranks.
/// `group_R`: each region's group, -1 for none. One all-reduce. Collective.
std::vector<std::vector<GraphMoments>> graph_moments(const LogSpend& spend, int64_t lags, int64_t resamples,
                                                     uint64_t seed, const std::vector<int64_t>& group_R, int64_t groups,
                                                     const RegionLoop& loop);

/// Whether a region-week and the `lags` weeks before it are seen.
bool has_row(const LogSpend& spend, int64_t lags, int64_t region, int64_t week);

/// A region's rows into the first of `x_NP` (at least `weeks` rows); returns how many there are.
int64_t fill_rows(const LogSpend& spend, int64_t lags, int64_t region, Eigen::MatrixXd& x_NP);

}  // namespace dcmmm
