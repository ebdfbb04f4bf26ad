#include "data/synthetic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/data/synthetic_panels.hpp"

namespace dcmmm {
namespace {

TEST(Synthetic, DrawsAGraphWithoutCycles) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    auto options = small();
    options.regions = 1;
    options.channels = 8;
    options.seed = seed;
    const auto edges = generate(options, 1).truth.edges_CC;
    EXPECT_EQ(std::count_if(edges.begin(), edges.end(), [](double w) { return w != 0.0; }), 8);
    // Acyclic if no walk is as long as there are channels: the 8th power of the pattern is zero.
    std::vector<int> reach(64), next(64);
    for (int i = 0; i < 64; ++i) reach[i] = edges[i] != 0.0;
    for (int power = 1; power < 8; ++power) {
      for (int i = 0; i < 8; ++i) {
        for (int j = 0; j < 8; ++j) {
          next[i * 8 + j] = 0;
          for (int k = 0; k < 8; ++k) next[i * 8 + j] |= reach[i * 8 + k] && edges[k * 8 + j] != 0.0;
        }
      }
      reach = next;
    }
    EXPECT_THAT(reach, testing::Each(0)) << "seed " << seed;
  }
}

// Log media follow the equations of truth.json: what is left of them is no longer correlated with any past or any
// other channel's shocks.
TEST(Synthetic, LogMediaFollowTheGraph) {
  for (const auto noise : {SyntheticNoise::kGaussian, SyntheticNoise::kLaplace, SyntheticNoise::kStudent}) {
    auto options = with_graph();
    options.graph_noise = noise;
    const auto whole = generate(options, 7);
    const auto& truth = whole.truth;
    const auto count = [](const std::vector<double>& edges) {
      return std::count_if(edges.begin(), edges.end(), [](double w) { return w != 0.0; });
    };
    EXPECT_EQ(count(truth.edges_CC), 3);
    EXPECT_EQ(count(truth.lagged_edges_CC), 2);
    const int64_t R = 40, T = 120, C = 5, N = R * (T - 1);
    std::vector<double> left_NC, past_NC;
    // Less each week's mean, hence without what regions share.
    const auto log_at = [&](int64_t r, int64_t t, int64_t c) {
      return std::log(whole.panel.media_RTC[(r * T + t) * C + c]);
    };
    std::vector<double> value_RTC(R * T * C);
    for (int64_t c = 0; c < C; ++c)
      for (int64_t r = 0; r < R; ++r)
        for (int64_t t = 0; t < T; ++t) value_RTC[(r * T + t) * C + c] = log_at(r, t, c);
    for (int64_t c = 0; c < C; ++c) {
      for (int64_t r = 0; r < R; ++r) {
        double mean = 0;
        for (int64_t t = 0; t < T; ++t) mean += value_RTC[(r * T + t) * C + c] / static_cast<double>(T);
        for (int64_t t = 0; t < T; ++t) value_RTC[(r * T + t) * C + c] -= mean;
      }
      for (int64_t t = 0; t < T; ++t) {
        double mean = 0;
        for (int64_t r = 0; r < R; ++r) mean += value_RTC[(r * T + t) * C + c] / static_cast<double>(R);
        for (int64_t r = 0; r < R; ++r) value_RTC[(r * T + t) * C + c] -= mean;
      }
    }
    for (int64_t r = 0; r < R; ++r)
      for (int64_t t = 1; t < T; ++t)
        for (int64_t c = 0; c < C; ++c) {
          const double* now = &value_RTC[(r * T + t) * C];
          const double* last = now - C;
          double left = now[c] - truth.persistence_C[c] * last[c];
          for (int64_t source = 0; source < C; ++source)
            left -= truth.edges_CC[source * C + c] * now[source] + truth.lagged_edges_CC[source * C + c] * last[source];
          left_NC.push_back(left);
          past_NC.push_back(last[c]);
        }
    const auto correlation = [&](const std::vector<double>& a, int64_t i, const std::vector<double>& b, int64_t j) {
      double aa = 0, bb = 0, ab = 0;
      for (int64_t n = 0; n < N; ++n) {
        aa += a[n * C + i] * a[n * C + i];
        bb += b[n * C + j] * b[n * C + j];
        ab += a[n * C + i] * b[n * C + j];
      }
      return ab / std::sqrt(aa * bb);
    };
    const double limit = 5 / std::sqrt(static_cast<double>(N));
    for (int64_t i = 0; i < C; ++i)
      for (int64_t j = 0; j < C; ++j) {
        if (i != j) {
          EXPECT_LT(std::abs(correlation(left_NC, i, left_NC, j)), limit);
        }
        EXPECT_LT(std::abs(correlation(left_NC, i, past_NC, j)), limit);
      }
  }
}

// The chain 0 -> 1 at once, 1 -> 2 a week later, by hand.
TEST(Synthetic, TruthHasTotalEffectsOfItsGraph) {
  auto options = with_graph();
  options.channels = 3;
  options.graph_edges = 3;
  options.graph_lagged = 0.34;
  const auto truth = generate(options, 40).truth;
  const auto edge = [&](int64_t i, int64_t j) { return truth.edges_CC[i * 3 + j] + truth.lagged_edges_CC[i * 3 + j]; };
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 3; ++j) {
      if (i == j) continue;
      const int64_t k = 3 - i - j;  // the way round
      const double settled = 1 / (1 - truth.persistence_C[j]);
      const double expected = settled * (edge(i, j) + edge(i, k) / (1 - truth.persistence_C[k]) * edge(k, j));
      EXPECT_NEAR(truth.total_effect_CC[i * 3 + j], expected, 1e-9);
    }
  const auto json = nlohmann::json::parse(truth_json(options, truth));
  EXPECT_EQ(json["edges"].size(), 3u);
  EXPECT_EQ(json["total_effects"]["channel_01"].size(), 3u);
  double total = truth.contribution_C[1];
  for (const int64_t j : {0, 2}) total += truth.total_effect_CC[3 + j] * truth.slope_C[j];
  EXPECT_NEAR(json["channels"][1]["total"].get<double>() / total, 1, 1e-12);
}

}  // namespace
}  // namespace dcmmm
