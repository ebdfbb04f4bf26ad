// Synthetic media whose log spend follows a known graph of channels: the same week's and the last week's spend on
// others, and a channel's own last week, move it. Shapes: T weeks, C channels; weights are [source, target].
#pragma once

#include <cstdint>
#include <vector>

#include "common/random.hpp"
#include "data/synthetic.hpp"

namespace dcmmm {

/// What all regions share, drawn once from the panel's seed.
class SyntheticGraph {
 public:
  explicit SyntheticGraph(const SyntheticOptions& options);

  /// Log spend [T, C] of one region around its mean level:
  /// x_t = sum edges x_t + sum lagged_edges x_{t-1} + persistence x_{t-1} + shocks (national, the region's own,
  /// season).
  std::vector<double> log_media(RandomStream& region) const;

  const std::vector<double>& edges_CC() const { return edges_CC_; }
  const std::vector<double>& lagged_edges_CC() const { return lagged_CC_; }
  const std::vector<double>& persistence_C() const { return persistence_C_; }

  /// [i, j]: where log spend on j settles when that on i is held one above its mean: 1 on the diagonal.
  std::vector<double> total_effect_CC() const;

 private:
  double shock(RandomStream& random) const;
  /// x_t from the shocks in `now_C` and last week's x; channel `held` (if any) keeps its value in `now_C`.
  void settle(const double* last_C, double* now_C, int64_t held = -1) const;

  SyntheticOptions options_;
  std::vector<int64_t> order_C_;  // channels, every edge within a week pointing to a later one
  std::vector<double> edges_CC_, lagged_CC_, persistence_C_, scale_C_;
  std::vector<double> national_TC_;  // shocks and season, with kWarmUp weeks before the first
};

}  // namespace dcmmm
