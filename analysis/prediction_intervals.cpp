#include "analysis/prediction_intervals.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/quantiles.hpp"

namespace dcmmm {

IntervalBlock intervals_at(const ResultBlock& block, const SharedResults& shared, double level) {
  IntervalBlock out{block.predicted_RT, block.predicted_RT};
  const auto weeks = static_cast<int64_t>(block.predicted_RT.size()) / std::max<int64_t>(block.regions, 1);
  const double sample_quantile = normal_quantile(0.5 + 0.5 * level);
  for (int64_t r = 0; r < block.regions; ++r) {
    for (int64_t t = 0; t < weeks; ++t) {
      const double half = t < shared.origin
                              ? sample_quantile * block.sample_scale_R[r]
                              : shared.intervals.half_width(block.noise_scale_R[r], block.target_scale_R[r],
                                                            t - shared.origin + 1, level);
      out.lower_RT[r * weeks + t] -= half;
      out.upper_RT[r * weeks + t] += half;
    }
  }
  return out;
}

void add_intervals(const Panel& panel, const SharedResults& shared, const ForecastIntervals& intervals,
                   ResultBlock& block) {
  const auto first = intervals.scale_R.begin() + block.first_region;
  block.noise_scale_R.assign(first, first + block.regions);
  block.sample_scale_R.clear();
  for (int64_t r = 0; r < block.regions; ++r) {
    double squares = 0, cells = 0;
    for (int64_t cell = r * panel.weeks(); cell < r * panel.weeks() + shared.origin; ++cell) {
      if (!panel.observed_RT[cell]) continue;
      const double error = panel.target_RT[cell] - block.predicted_RT[cell];
      squares += error * error;
      cells += 1;
    }
    block.sample_scale_R.push_back(cells > 0 ? std::sqrt(squares / cells) : std::numeric_limits<double>::quiet_NaN());
  }
  IntervalBlock at_90 = intervals_at(block, shared, 0.9);
  block.lower_RT = std::move(at_90.lower_RT);
  block.upper_RT = std::move(at_90.upper_RT);
}

}  // namespace dcmmm
