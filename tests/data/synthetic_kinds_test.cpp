#include "data/synthetic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/data/synthetic_panels.hpp"

namespace dcmmm {
namespace {

// Correlation of the logs of two channels' media over all cells, with each region's mean removed.
double log_correlation(const Panel& panel, int64_t a, int64_t b) {
  const int64_t T = panel.weeks(), C = panel.channels();
  double aa = 0.0, bb = 0.0, ab = 0.0;
  for (int64_t r = 0; r < panel.regions; ++r) {
    const auto log_at = [&](int64_t t, int64_t c) { return std::log(panel.media_RTC[(r * T + t) * C + c]); };
    double mean_a = 0.0, mean_b = 0.0;
    for (int64_t t = 0; t < T; ++t) {
      mean_a += log_at(t, a) / static_cast<double>(T);
      mean_b += log_at(t, b) / static_cast<double>(T);
    }
    for (int64_t t = 0; t < T; ++t) {
      const double x = log_at(t, a) - mean_a, y = log_at(t, b) - mean_b;
      aa += x * x;
      bb += y * y;
      ab += x * y;
    }
  }
  return ab / std::sqrt(aa * bb);
}

TEST(Synthetic, CollinearChannelsMoveInPairs) {
  auto options = small();
  options.kind = SyntheticKind::kCollinear;
  options.regions = 100;
  const auto whole = generate(options, 100);
  EXPECT_NEAR(log_correlation(whole.panel, 0, 1), 0.92, 0.03);
  EXPECT_NEAR(log_correlation(whole.panel, 2, 3), 0.92, 0.03);
  EXPECT_LT(std::abs(log_correlation(whole.panel, 1, 2)), 0.5);
  EXPECT_THAT(whole.truth.edges_CC, testing::Each(0.0));
}

TEST(Synthetic, RaggedPanelsMissRowsInTheMiddleToo) {
  auto options = small();
  options.kind = SyntheticKind::kRagged;
  options.regions = 2000;
  options.channels = 1;
  options.missing_rows = 0.25;
  const auto whole = generate(options, 500);
  EXPECT_NEAR(static_cast<double>(whole.truth.observed_cells) / (2000.0 * 60.0), 0.76, 0.03);  // gaps overlap the ends
  int64_t gaps = 0;
  for (int64_t r = 0; r < 2000; ++r) {
    const uint8_t* observed_T = &whole.panel.observed_RT[r * 60];
    for (int64_t t = 1, inside = observed_T[0]; t < 60; ++t) {
      if (observed_T[t] && !observed_T[t - 1] && inside) ++gaps;
      inside |= observed_T[t];
    }
  }
  EXPECT_GT(gaps, 2000);
}

TEST(Synthetic, CoefficientsMoveAsTheKindSays) {
  for (const auto& [kind, swing] : {std::pair{SyntheticKind::kClean, 0.0}, {SyntheticKind::kDrifting, 0.4}}) {
    auto options = small();
    options.kind = kind;
    options.weeks = 300;
    const auto coefficient_TC = generate(options, 100).truth.coefficient_TC;
    for (int c = 0; c < 5; ++c) {
      double low = coefficient_TC[c], high = low;
      for (int t = 0; t < 300; ++t) {
        low = std::min(low, coefficient_TC[t * 5 + c]);
        high = std::max(high, coefficient_TC[t * 5 + c]);
      }
      EXPECT_NEAR((high - low) / (high + low), swing, 0.01) << c;
    }
  }
}

// The residual of the truth: noise of the size asked for, and the nation's shock where there is one.
TEST(Synthetic, HeavyTailsAndShocksAreInTheNoise) {
  for (const auto kind : {SyntheticKind::kClean, SyntheticKind::kHeavyTailed}) {
    auto options = small();
    options.kind = kind;
    options.regions = 400;
    const auto whole = generate(options, 400);
    double national = 0.0, fourth = 0.0, second = 0.0;
    for (int64_t t = 0; t < 60; ++t) {
      std::vector<double> noise_R;
      for (int64_t r = 0; r < 400; ++r) {
        const int64_t cell = r * 60 + t;
        const double* media = &whole.parts.media_RTC[cell * 5];
        const double sum = whole.parts.baseline_RT[cell] + whole.parts.seasonality_RT[cell] +
                           whole.parts.controls_RT[cell] + std::accumulate(media, media + 5, 0.0);
        noise_R.push_back((whole.panel.target_RT[cell] - sum) / whole.panel.population_R[r]);
      }
      const double mean = std::accumulate(noise_R.begin(), noise_R.end(), 0.0) / 400.0;
      national += mean * mean / 60.0;
      for (const double noise : noise_R) {
        second += (noise - mean) * (noise - mean) / (400.0 * 60.0);
        fourth += std::pow(noise - mean, 4.0) / (400.0 * 60.0);
      }
    }
    EXPECT_NEAR(std::sqrt(second), 0.04, 0.004);
    const bool heavy = kind == SyntheticKind::kHeavyTailed;
    EXPECT_NEAR(std::sqrt(national), heavy ? 0.04 : 0.002, heavy ? 0.012 : 0.001);
    const double kurtosis = fourth / (second * second);
    EXPECT_TRUE(heavy ? kurtosis > 6.0 : std::abs(kurtosis - 3.0) < 0.2) << kurtosis;
  }
}

TEST(Synthetic, AChannelThatFollowsDemandIsAShareOfLastMonth) {
  auto options = small();
  options.demand_following = 0.05;
  options.has_spend = true;
  const auto whole = generate(options, 100);
  EXPECT_EQ(whole.truth.share_C[0], 0.0);
  EXPECT_NEAR(whole.truth.media_share, 0.3, 0.1);
  for (int64_t r = 0; r < 7; ++r) {
    double sum = 0.0, squares = 0.0;
    for (int64_t t = 4; t < 60; ++t) {
      const double* target = &whole.panel.target_RT[r * 60 + t];
      const double month = 0.25 * (target[-1] + target[-2] + target[-3] + target[-4]);
      const double noise = std::log(whole.panel.spend_RTC[(r * 60 + t) * 5] / (0.05 * month));
      sum += noise / 56.0;
      squares += noise * noise / 56.0;
    }
    EXPECT_NEAR(sum, 0.0, 0.06);
    EXPECT_NEAR(std::sqrt(squares), 0.1, 0.04);
  }
}

}  // namespace
}  // namespace dcmmm
