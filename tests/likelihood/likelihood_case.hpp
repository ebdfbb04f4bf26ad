// A small panel made by the likelihood's own model, for its tests. Shapes: R regions, T weeks, C = 2 channels, K = 1
// control, S = 2 patterns.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "comm/communicator.hpp"
#include "common/random.hpp"
#include "likelihood/shapes.hpp"
#include "model/region_loop.hpp"

namespace dcmmm::testing {

struct LikelihoodCase {
  LikelihoodData data;
  Shapes truth;
  std::vector<double> share_C = {0.2, 0.1};
};

/// Relative deviation of a channel's coefficient at week t: a wave of 70 weeks, the channels in opposite phases.
inline double true_drift(double swing, int64_t channel, int64_t t) {
  return (channel == 0 ? swing : -swing) * std::sin(2 * std::numbers::pi * static_cast<double>(t) / 70.0);
}

/// Weeks [0, weeks - 8) are training weeks; a few cells are missing, region 1 begins late. Coefficients swing by
/// `swing`.
inline LikelihoodCase likelihood_case(int64_t regions, int64_t weeks, uint64_t seed = 1, double swing = 0) {
  LikelihoodCase out;
  LikelihoodData& data = out.data;
  const int64_t C = 2, K = 1, S = 2;
  data.regions = regions;
  data.weeks = weeks;
  data.origin = weeks - 8;
  data.channels = C;
  data.controls = K;
  data.patterns = S;
  for (int64_t t = 0; t < weeks; ++t)
    for (const double value : {std::sin(2 * std::numbers::pi * static_cast<double>(t) / 52.18),
                               std::cos(2 * std::numbers::pi * static_cast<double>(t) / 52.18)})
      data.pattern_TS.push_back(value);
  out.truth.min_exponent = 1.0;
  out.truth.coordinates.resize(3 * C);
  out.truth.coordinates << decay_coordinate(0.3), decay_coordinate(0.6), exponent_coordinate(1.8, 1.0),
      exponent_coordinate(2.6, 1.0), std::log(0.8), std::log(1.3);
  std::vector<double> national(static_cast<size_t>(weeks));
  RandomStream shared(seed, 1000);
  for (int64_t t = 1; t < weeks; ++t) national[t] = national[t - 1] + 0.01 * shared.normal();
  for (int64_t r = 0; r < regions; ++r) {
    RandomStream random(seed, static_cast<uint64_t>(r));
    const int64_t first = r == 1 ? weeks / 4 : 0;
    std::vector<double> rows_media(static_cast<size_t>(weeks * C));
    for (int64_t c = 0; c < C; ++c) {
      double state = 0;
      for (int64_t t = 0; t < weeks; ++t) {
        state = 0.6 * state + 0.8 * random.normal();
        rows_media[t * C + c] = std::exp(0.6 * state - 0.2);
      }
    }
    for (const double value : rows_media) data.media_RTC.push_back(static_cast<float>(value));
    for (int64_t t = 0; t < weeks; ++t) data.control_RTK.push_back(static_cast<float>(random.normal()));
    data.size_R.push_back(std::exp(random.normal()) * 1000);
    data.error_scale_R.push_back(1.0);
    data.target_RT.resize(static_cast<size_t>((r + 1) * weeks), 0.0);
    data.weight_RT.resize(static_cast<size_t>((r + 1) * weeks), 0.0);
    const ColumnLayout layout{C, K, S};
    RowMatrix columns(weeks, layout.count());
    fill_columns(data, layout, out.truth, nullptr, r, columns);
    double level = 0.6;
    for (int64_t t = 0; t < weeks; ++t) {
      level += 0.01 * random.normal();
      double target = level + national[t] + 0.05 * columns(t, layout.pattern(0)) + 0.02 * columns(t, C);
      for (int64_t c = 0; c < C; ++c)
        target += out.share_C[c] * (1 + true_drift(swing, c, t)) * columns(t, c) / columns.col(c).mean();
      target += 0.03 * random.normal();
      if (t < first || random.uniform() < 0.03) continue;
      data.target_RT[r * weeks + t] = target;
      data.weight_RT[r * weeks + t] = t < data.origin ? 1.0 : 0.0;
    }
  }
  double mean = 0;
  for (const double size : data.size_R) mean += size / static_cast<double>(regions);
  for (int64_t r = 0; r < regions; ++r) {
    data.log_size_R.push_back(std::log(data.size_R[r] / mean));
    for (int64_t t = 0; t < data.origin; ++t)
      if (data.weight_RT[r * weeks + t] > 0) data.total_target += data.size_R[r] * data.target_RT[r * weeks + t];
  }
  return out;
}

inline RegionPlan plan_of(int64_t regions, int64_t chunk) {
  RegionPlan plan;
  plan.regions = regions;
  plan.chunk = chunk;
  return plan;
}

}  // namespace dcmmm::testing
