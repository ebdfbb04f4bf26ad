#include "data/synthetic_graph.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "data/synthetic_truth.hpp"

namespace dcmmm {
namespace {

// A stream of its own, so that panels without a graph stay what they were.
constexpr uint64_t kGraphStream = (uint64_t{1} << 62) + 1;
constexpr int64_t kWarmUp = 20;  // weeks before the first
constexpr double kShock = 0.3;   // standard deviation of log spend's own shocks, times exp(U(-.7, .7)) by channel
constexpr double kUnequal = 0.7;
constexpr double kNationalShock = 0.6;  // of the regions' own
constexpr double kLargestShock = 6.0;   // standard deviations: the mean of exp(Student) doesn't exist otherwise
constexpr int64_t kSettled = 200;       // weeks, after which nothing moves any more

}  // namespace

SyntheticGraph::SyntheticGraph(const SyntheticOptions& options) : options_(options) {
  const int64_t C = options.channels, T = options.weeks;
  RandomStream random(options.seed, kGraphStream);
  order_C_.resize(C);
  std::iota(order_C_.begin(), order_C_.end(), 0);
  shuffle(random, order_C_);
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t i = 0; i < C; ++i)
    for (int64_t j = i + 1; j < C; ++j) pairs.emplace_back(order_C_[i], order_C_[j]);
  shuffle(random, pairs);
  edges_CC_.assign(C * C, 0.0);
  lagged_CC_.assign(C * C, 0.0);
  const auto late = static_cast<int64_t>(std::lround(options.graph_lagged * static_cast<double>(options.graph_edges)));
  for (int64_t edge = 0; edge < options.graph_edges; ++edge) {
    const auto [source, target] = pairs[edge];
    const double weight = random.uniform(0.4, 0.8);
    (edge < late ? lagged_CC_ : edges_CC_)[source * C + target] = random.uniform() < 0.75 ? weight : -weight;
  }
  std::vector<double> season_C, phase_C;
  for (int64_t c = 0; c < C; ++c) {
    scale_C_.push_back(kShock * std::exp(random.uniform(-kUnequal, kUnequal)));
    persistence_C_.push_back(random.uniform(0.1, 0.5));
    season_C.push_back(random.uniform(0.0, 0.5));
    phase_C.push_back(random.uniform(0.0, 2 * std::numbers::pi));
  }
  for (int64_t t = 0; t < T + kWarmUp; ++t)
    for (int64_t c = 0; c < C; ++c)
      national_TC_.push_back(scale_C_[c] * (kNationalShock * shock(random) +
                                            season_C[c] * std::sin(2 * std::numbers::pi * static_cast<double>(t) /
                                                                       seasonal_period(TimeStep::kWeek) +
                                                                   phase_C[c])));
}

double SyntheticGraph::shock(RandomStream& random) const {
  double value = 0;
  if (options_.graph_noise == SyntheticNoise::kGaussian) {
    value = random.normal();
  } else if (options_.graph_noise == SyntheticNoise::kLaplace) {
    const double sign = random.uniform() < 0.5 ? 1.0 : -1.0;
    value = sign * std::log(random.uniform()) / std::numbers::sqrt2;
  } else {
    value = student_3(random);
  }
  return std::clamp(value, -kLargestShock, kLargestShock);
}

void SyntheticGraph::settle(const double* last_C, double* now_C, int64_t held) const {
  const int64_t C = options_.channels;
  for (const int64_t target : order_C_) {
    if (target == held) continue;
    now_C[target] += persistence_C_[target] * last_C[target];
    for (int64_t source = 0; source < C; ++source)
      now_C[target] +=
          edges_CC_[source * C + target] * now_C[source] + lagged_CC_[source * C + target] * last_C[source];
  }
}

std::vector<double> SyntheticGraph::log_media(RandomStream& region) const {
  const int64_t C = options_.channels;
  std::vector<double> x_TC = national_TC_;
  const std::vector<double> before_C(C);
  for (int64_t t = 0; t < options_.weeks + kWarmUp; ++t) {
    for (int64_t c = 0; c < C; ++c) x_TC[t * C + c] += scale_C_[c] * shock(region);
    settle(t == 0 ? before_C.data() : &x_TC[(t - 1) * C], &x_TC[t * C]);
  }
  return {x_TC.begin() + kWarmUp * C, x_TC.end()};
}

std::vector<double> SyntheticGraph::total_effect_CC() const {
  const int64_t C = options_.channels;
  std::vector<double> total_CC;
  for (int64_t i = 0; i < C; ++i) {
    std::vector<double> last_C(C), now_C(C);
    for (int64_t week = 0; week < kSettled; ++week) {
      last_C = now_C;
      std::fill(now_C.begin(), now_C.end(), 0.0);
      now_C[i] = 1.0;
      settle(last_C.data(), now_C.data(), i);
    }
    total_CC.insert(total_CC.end(), now_C.begin(), now_C.end());
  }
  return total_CC;
}

}  // namespace dcmmm
