// Panels whose channels act on each other in a known way: x_t = W0'x_t + W1'x_{t-1} + own persistence + shocks, in log
// spend. Shapes: R regions, T weeks, C channels; weights are [source, target].
#pragma once

#include <Eigen/Core>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "common/random.hpp"
#include "data/panel.hpp"
#include "graph/options.hpp"
#include "model/region_loop.hpp"

namespace dcmmm::testing {

struct TrueEdge {
  int64_t source, target, lag;
  double weight;
};

struct GraphCase {
  int64_t regions = 50, weeks = 110, channels = 6;
  GraphNoise noise = GraphNoise::kStudent;
  std::vector<TrueEdge> edges = {};
  uint64_t seed = 1;
  bool unequal_regions = false;  // regions' noise differs, channel by channel: environments
  bool same_scales = false;      // of the channels
};

/// Six edges, three of them a week late.
inline std::vector<TrueEdge> six_edges() {
  return {{4, 1, 0, 0.6}, {1, 3, 0, -0.5}, {3, 0, 0, 0.7}, {4, 2, 1, 0.5}, {0, 5, 1, 0.6}, {2, 5, 1, -0.45}};
}

inline double draw_shock(RandomStream& random, GraphNoise noise) {
  if (noise == GraphNoise::kGaussian) return random.normal();
  if (noise == GraphNoise::kLaplace)
    return (random.uniform() < 0.5 ? 1 : -1) * std::log(random.uniform()) / std::numbers::sqrt2;
  double squares = 0;
  for (int i = 0; i < 3; ++i) squares += std::pow(random.normal(), 2);
  // t with 3 degrees of freedom, of standard deviation 1, without its wildest draws.
  return std::clamp(random.normal() / std::sqrt(squares), -6.0, 6.0);
}

inline Panel graph_panel(const GraphCase& graph) {
  const int64_t R = graph.regions, T = graph.weeks, C = graph.channels, kWarmUp = 15;
  Eigen::MatrixXd now = Eigen::MatrixXd::Zero(C, C), late = Eigen::MatrixXd::Zero(C, C);
  for (const TrueEdge& edge : graph.edges) (edge.lag == 0 ? now : late)(edge.source, edge.target) = edge.weight;
  RandomStream shared(graph.seed, 1 << 20);
  Eigen::VectorXd scale(C), season(C);
  for (int64_t c = 0; c < C; ++c) {
    scale[c] = graph.same_scales ? 1.0 : std::exp(shared.uniform(-0.7, 0.7));
    late(c, c) = shared.uniform(0.1, 0.5);
    season[c] = shared.uniform(0.0, 0.5);
  }
  Eigen::MatrixXd national_TC(T + kWarmUp, C);
  for (int64_t t = 0; t < T + kWarmUp; ++t)
    for (int64_t c = 0; c < C; ++c)
      national_TC(t, c) = scale[c] * (0.5 * draw_shock(shared, graph.noise) +
                                      season[c] * std::sin(2 * std::numbers::pi * static_cast<double>(t) / 52.18));
  const Eigen::MatrixXd through = (Eigen::MatrixXd::Identity(C, C) - now).inverse();

  Panel panel;
  panel.regions = R;
  for (int64_t r = 0; r < R; ++r) panel.coordinates.regions.push_back("region_" + std::to_string(r));
  for (int64_t t = 0; t < T; ++t) panel.coordinates.weeks.push_back(std::to_string(t));
  for (int64_t c = 0; c < C; ++c) panel.coordinates.channels.push_back("channel_" + std::to_string(c));
  panel.observed_RT.assign(R * T, 1);
  panel.target_RT.assign(R * T, 1.0);
  panel.media_RTC.resize(R * T * C);
  for (int64_t r = 0; r < R; ++r) {
    RandomStream random(graph.seed, static_cast<uint64_t>(r));
    Eigen::RowVectorXd region_scale(C), x = Eigen::RowVectorXd::Zero(C);
    for (int64_t c = 0; c < C; ++c)
      region_scale[c] = scale[c] * (graph.unequal_regions ? std::exp(0.8 * random.normal()) : 1.0);
    const double size = std::exp(random.normal());
    for (int64_t t = 0; t < T + kWarmUp; ++t) {
      Eigen::RowVectorXd shock = national_TC.row(t);
      for (int64_t c = 0; c < C; ++c) shock[c] += region_scale[c] * draw_shock(random, graph.noise);
      x = (x * late + shock) * through;
      for (int64_t c = 0; c < C && t >= kWarmUp; ++c)
        panel.media_RTC[(r * T + t - kWarmUp) * C + c] = size * std::exp(0.4 * x[c]);
    }
  }
  return panel;
}

/// The regions [first, first + count) of a panel, as a rank holds them.
inline RegionPlan plan_of(int64_t first, int64_t count, int64_t chunk = 7) {
  RegionPlan plan;
  plan.first_region = first;
  plan.regions = count;
  plan.chunk = chunk;
  return plan;
}

}  // namespace dcmmm::testing
