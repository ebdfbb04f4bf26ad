#include "data/synthetic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

SyntheticOptions small() {
  SyntheticOptions options;
  options.regions = 7;
  options.weeks = 60;
  options.channels = 5;
  options.controls = 2;
  return options;
}

// The whole panel in memory, and its parts.
struct Whole {
  Panel panel;
  TruthBlock parts;
  SyntheticTruth truth;
};

template <class Element>
void append(std::vector<Element>& all, const std::vector<Element>& block) {
  all.insert(all.end(), block.begin(), block.end());
}

Whole generate(const SyntheticOptions& options, int64_t block_regions) {
  Whole whole;
  whole.truth = generate_panel(
      options,
      [&](const Panel& block, const TruthBlock& parts) {
        EXPECT_LE(block.regions, block_regions);
        EXPECT_EQ(block.first_region, whole.panel.regions);
        whole.panel.coordinates = block.coordinates;
        whole.panel.regions += block.regions;
        append(whole.panel.target_RT, block.target_RT);
        append(whole.panel.observed_RT, block.observed_RT);
        append(whole.panel.media_RTC, block.media_RTC);
        append(whole.panel.controls_RTK, block.controls_RTK);
        append(whole.panel.population_R, block.population_R);
        append(whole.panel.spend_RTC, block.spend_RTC);
        append(whole.parts.baseline_RT, parts.baseline_RT);
        append(whole.parts.seasonality_RT, parts.seasonality_RT);
        append(whole.parts.controls_RT, parts.controls_RT);
        append(whole.parts.media_RTC, parts.media_RTC);
      },
      block_regions);
  return whole;
}

}  // namespace

TEST(Synthetic, DoesNotDependOnTheBlock) {
  auto options = small();
  options.missing_rows = 0.1;
  options.has_spend = true;
  const auto one = generate(options, 1), three = generate(options, 3), all = generate(options, 100);
  EXPECT_EQ(all.panel.regions, 7);
  for (const auto* other : {&one, &three}) {
    EXPECT_EQ(other->panel.target_RT, all.panel.target_RT);
    EXPECT_EQ(other->panel.observed_RT, all.panel.observed_RT);
    EXPECT_EQ(other->panel.media_RTC, all.panel.media_RTC);
    EXPECT_EQ(other->panel.controls_RTK, all.panel.controls_RTK);
    EXPECT_EQ(other->panel.spend_RTC, all.panel.spend_RTC);
    EXPECT_EQ(other->parts.media_RTC, all.parts.media_RTC);
    EXPECT_EQ(other->truth.contribution_C, all.truth.contribution_C);
  }
}

TEST(Synthetic, KeepsARegionWhenOthersAreAdded) {
  auto options = small();
  const auto few = generate(options, 100);
  options.regions = 12;
  auto many = generate(options, 100);
  many.panel.target_RT.resize(few.panel.target_RT.size());
  EXPECT_EQ(many.panel.target_RT, few.panel.target_RT);
}

TEST(Synthetic, ChangesWithTheSeed) {
  auto options = small();
  const auto first = generate(options, 100);
  options.seed = 2;
  const auto second = generate(options, 100);
  EXPECT_NE(first.panel.target_RT, second.panel.target_RT);
  EXPECT_NE(first.truth.decay_C, second.truth.decay_C);
}

TEST(Synthetic, AddsUpToTheTargetWithoutNoise) {
  auto options = small();
  options.noise = 0.0;
  const auto whole = generate(options, 100);
  for (size_t cell = 0; cell < whole.panel.target_RT.size(); ++cell) {
    const double* media = &whole.parts.media_RTC[cell * 5];
    const double sum = whole.parts.baseline_RT[cell] + whole.parts.seasonality_RT[cell] +
                       whole.parts.controls_RT[cell] + std::accumulate(media, media + 5, 0.0);
    ASSERT_NEAR(whole.panel.target_RT[cell] / sum, 1.0, 1e-12);
    for (int c = 0; c < 5; ++c) ASSERT_GE(media[c], 0.0);
  }
}

// A slow reading of the truth's own description: adstock and Hill of the panel's media give the contributions, up to
// one factor for each region and channel.
TEST(Synthetic, IsWhatItsTruthSays) {
  const auto options = small();
  const auto whole = generate(options, 100);
  const auto& truth = whole.truth;
  for (int64_t r = 0; r < 7; ++r) {
    for (int64_t c = 0; c < 5; ++c) {
      double factor = 0.0;
      for (int64_t t = 0; t < 60; ++t) {
        double adstock = 0.0;
        for (int64_t s = 0; s <= t; ++s) {
          const double x =
              whole.panel.media_RTC[(r * 60 + s) * 5 + c] / (truth.media_unit_C[c] * whole.panel.population_R[r]);
          adstock += (1.0 - truth.decay_C[c]) * std::pow(truth.decay_C[c], static_cast<double>(t - s)) * x;
        }
        const double a = truth.exponent_C[c];
        const double hill = std::pow(adstock, a) / (std::pow(adstock, a) + std::pow(truth.half_saturation_C[c], a));
        const double ratio = whole.parts.media_RTC[(r * 60 + t) * 5 + c] /
                             (whole.panel.population_R[r] * truth.coefficient_TC[t * 5 + c] * hill);
        if (t == 0) factor = ratio;
        ASSERT_NEAR(ratio / factor, 1.0, 1e-9);
      }
      EXPECT_GT(factor, 0.4);
      EXPECT_LT(factor, 2.5);
    }
  }
}

TEST(Synthetic, SumsItsTotalsOverObservedCells) {
  auto options = small();
  options.missing_rows = 0.2;
  options.has_spend = true;
  const auto whole = generate(options, 2);
  std::vector<double> contribution(5, 0.0), spend(5, 0.0);
  double target = 0.0;
  int64_t cells = 0;
  for (size_t cell = 0; cell < whole.panel.target_RT.size(); ++cell) {
    target += whole.panel.target_RT[cell];
    if (!whole.panel.observed_RT[cell]) continue;
    ++cells;
    for (size_t c = 0; c < 5; ++c) {
      contribution[c] += whole.parts.media_RTC[cell * 5 + c];
      spend[c] += whole.panel.spend_RTC[cell * 5 + c];
      EXPECT_NEAR(whole.panel.spend_RTC[cell * 5 + c], whole.truth.cost_C[c] * whole.panel.media_RTC[cell * 5 + c],
                  1e-9 * whole.panel.spend_RTC[cell * 5 + c]);
    }
  }
  EXPECT_EQ(whole.truth.observed_cells, cells);
  EXPECT_LT(cells, 7 * 60);
  EXPECT_NEAR(whole.truth.target / target, 1.0, 1e-12);
  for (size_t c = 0; c < 5; ++c) {
    EXPECT_NEAR(whole.truth.share_C[c], contribution[c] / target, 1e-12);
    EXPECT_NEAR(whole.truth.roi_C[c] / (contribution[c] / spend[c]), 1.0, 1e-9);
  }
}

TEST(Synthetic, MissesTheShareOfRowsAskedFor) {
  auto options = small();
  options.regions = 2000;
  options.channels = 1;
  options.missing_rows = 0.1;
  const auto whole = generate(options, 500);
  EXPECT_NEAR(static_cast<double>(whole.truth.observed_cells) / (2000.0 * 60.0), 0.9, 0.01);
  for (size_t cell = 0; cell < whole.panel.observed_RT.size(); ++cell) {
    if (whole.panel.observed_RT[cell]) continue;
    ASSERT_EQ(whole.panel.target_RT[cell], 0.0);
    ASSERT_EQ(whole.panel.media_RTC[cell], 0.0);
  }
}

TEST(Synthetic, StaysNearTheMediaShareAndScaleAskedFor) {
  auto options = small();
  options.regions = 400;
  options.channels = 13;
  const auto whole = generate(options, 64);
  EXPECT_NEAR(whole.truth.media_share, 0.3, 0.06);
  for (int64_t c = 0; c < 13; ++c) {
    double multiple = 0.0;  // of the national mean per head
    for (int64_t cell = 0; cell < 400 * 60; ++cell) {
      multiple +=
          whole.panel.media_RTC[cell * 13 + c] / (whole.truth.media_unit_C[c] * whole.panel.population_R[cell / 60]);
    }
    EXPECT_NEAR(multiple / (400.0 * 60.0), 1.0, 0.15) << c;
    EXPECT_GE(whole.truth.exponent_C[c], 2.0);
    EXPECT_LE(whole.truth.exponent_C[c], 3.5);
  }
}

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

SyntheticOptions with_graph() {
  auto options = small();
  options.regions = 40;
  options.weeks = 120;
  options.graph_edges = 5;
  options.graph_lagged = 0.4;
  return options;
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

// The truth's slopes are those of contributions when all of a channel's media are multiplied.
TEST(Synthetic, SlopesAreDerivativesOfTheCurves) {
  const auto options = with_graph();
  const auto whole = generate(options, 40);
  const SyntheticTruth& truth = whole.truth;
  const int64_t T = options.weeks, C = options.channels, c = 1;
  const auto contribution = [&](double factor) {
    double sum = 0;
    for (int64_t r = 0; r < options.regions; ++r) {
      double carried = 0;
      for (int64_t t = 0; t < T; ++t) {
        const int64_t cell = r * T + t;
        const double media = whole.panel.media_RTC[cell * C + c] / truth.media_unit_C[c] / whole.panel.population_R[r];
        carried = truth.decay_C[c] * carried + (1 - truth.decay_C[c]) * media;
        const auto hill = [&](double at) {
          return 1 / (1 + std::pow(at / truth.half_saturation_C[c], -truth.exponent_C[c]));
        };
        sum += whole.parts.media_RTC[cell * C + c] / hill(carried) * hill(factor * carried);
      }
    }
    return sum;
  };
  EXPECT_NEAR(contribution(1) / truth.contribution_C[c], 1, 1e-9);
  EXPECT_NEAR((contribution(1.0001) - contribution(0.9999)) / 0.0002 / truth.slope_C[c], 1, 1e-5);
}

TEST(Synthetic, NamesItsAxes) {
  const auto coordinates = synthetic_coordinates(small());
  EXPECT_EQ(coordinates.weeks[0], "2023-01-02");
  EXPECT_EQ(coordinates.weeks[1], "2023-01-09");
  EXPECT_EQ(coordinates.regions[6], "region_000007");
  EXPECT_EQ(coordinates.channels[4], "channel_05");
  EXPECT_EQ(coordinates.channel_columns[4], "media_channel_05");
  EXPECT_EQ(coordinates.controls.size(), 2u);
}

TEST(Synthetic, WritesItsTruthAsJson) {
  const auto options = small();
  const auto whole = generate(options, 100);
  const auto json = nlohmann::json::parse(truth_json(options, whole.truth));
  ASSERT_EQ(json["channels"].size(), 5u);
  // The last region's contribution of a channel, put together from the truth.
  const int64_t T = options.weeks, C = options.channels, r = options.regions - 1, c = 2;
  double carried = 0;
  for (int64_t t = 0; t < T; ++t) {
    const double media = whole.panel.media_RTC[(r * T + t) * C + c] / whole.truth.media_unit_C[c];
    carried += (1 - whole.truth.decay_C[c]) * (media / whole.panel.population_R[r] - carried);
  }
  const double hill = 1 / (1 + std::pow(carried / whole.truth.half_saturation_C[c], -whole.truth.exponent_C[c]));
  EXPECT_NEAR(json["channels"][c]["region_height"][r].get<double>() * hill *
                  whole.truth.coefficient_TC[(T - 1) * C + c] * whole.panel.population_R[r] /
                  whole.parts.media_RTC[(r * T + T - 1) * C + c],
              1, 1e-9);
  EXPECT_EQ(json["channels"][2]["decay"].get<double>(), whole.truth.decay_C[2]);
  EXPECT_EQ(json["channels"][2]["roi"].get<double>(), whole.truth.roi_C[2]);
  EXPECT_EQ(json["channels"][2]["coefficient"].size(), 60u);
  EXPECT_EQ(json["channels"][2]["region_height"].size(), static_cast<size_t>(options.regions));
  EXPECT_EQ(json["channels"][2]["coefficient"][7].get<double>(), whole.truth.coefficient_TC[7 * 5 + 2]);
  EXPECT_EQ(json["edges"].size(), 5u);
  EXPECT_EQ(json["options"]["seed"], 1);
}

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

TEST(Synthetic, SumsByWeekAndKnowsItsNoiseFloor) {
  auto options = small();
  options.kind = SyntheticKind::kRagged;
  options.missing_rows = 0.25;
  const auto whole = generate(options, 3);
  const auto json = nlohmann::json::parse(truth_json(options, whole.truth));
  EXPECT_EQ(json["options"]["kind"], "ragged");
  for (const int holdout : {8, 13}) {
    double squares = 0.0, held_squares = 0.0, cells = 0.0;
    for (int64_t r = 0; r < 7; ++r) {
      const double level = whole.parts.baseline_RT[r * 60 + 60 - holdout - 1];
      for (int64_t t = 60 - holdout; t < 60; ++t) {
        const int64_t cell = r * 60 + t;
        if (!whole.panel.observed_RT[cell]) continue;
        const double* media = &whole.parts.media_RTC[cell * 5];
        const double sum = whole.parts.baseline_RT[cell] + whole.parts.seasonality_RT[cell] +
                           whole.parts.controls_RT[cell] + std::accumulate(media, media + 5, 0.0);
        squares += std::pow(whole.panel.target_RT[cell] - sum, 2.0);
        held_squares += std::pow(whole.panel.target_RT[cell] - sum + whole.parts.baseline_RT[cell] - level, 2.0);
        ++cells;
      }
    }
    const auto weeks = std::to_string(holdout);
    EXPECT_NEAR(json["noise_floor"][weeks].get<double>() / std::sqrt(squares / cells), 1.0, 1e-9);
    EXPECT_NEAR(json["forecast_floor"][weeks].get<double>() / std::sqrt(held_squares / cells), 1.0, 1e-9);
  }
  for (size_t c = 0; c < 5; ++c) {
    const auto by_week = json["channels"][c]["contribution_by_week"].get<std::vector<double>>();
    EXPECT_NEAR(std::accumulate(by_week.begin(), by_week.end(), 0.0) / whole.truth.contribution_C[c], 1.0, 1e-12);
  }
}

// By hand at twice the mean week; a region's height from its first week, whose adstock has no past.
TEST(Synthetic, ResponseCurvesAreTheMeanOverRegions) {
  auto options = small();
  options.kind = SyntheticKind::kClean;
  const auto whole = generate(options, 3);
  const auto& truth = whole.truth;
  for (int64_t c = 0; c < 5; ++c) {
    const auto hill = [&](double x) {
      return 1.0 / (1.0 + std::pow(x / truth.half_saturation_C[c], -truth.exponent_C[c]));
    };
    double response = 0.0;
    std::vector<double> multiples;
    for (int64_t r = 0; r < 7; ++r) {
      const auto media_at = [&](int64_t t) {
        return whole.panel.media_RTC[(r * 60 + t) * 5 + c] / truth.media_unit_C[c] / whole.panel.population_R[r];
      };
      double mean = 0.0;
      for (int64_t t = 0; t < 60; ++t) mean += media_at(t) / 60.0;
      for (int64_t t = 0; t < 60; ++t) multiples.push_back(media_at(t) / mean);
      const double height = whole.parts.media_RTC[r * 60 * 5 + c] / hill((1.0 - truth.decay_C[c]) * media_at(0));
      response += height * hill(2.0 * mean) / 7.0;
    }
    EXPECT_NEAR(truth.response_CP[c * kTruthCurvePoints + 20] / response, 1.0, 1e-9);
    std::sort(multiples.begin(), multiples.end());
    EXPECT_NEAR(truth.range_C[c], multiples[multiples.size() * 95 / 100 - 1], 0.0101);
  }
}

TEST(Synthetic, RefusesOptionsOutOfRange) {
  const auto message_of = [](const std::function<void(SyntheticOptions&)>& change) -> std::string {
    auto options = small();
    change(options);
    try {
      synthetic_coordinates(options);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of([](auto&) {}), "no error");
  EXPECT_EQ(message_of([](auto& o) { o.regions = 0; }), "synth.regions=0: expected at least 1.");
  EXPECT_EQ(message_of([](auto& o) { o.missing_rows = 0.5; }), "synth.missing_rows=0.5: expected 0 to 0.25.");
  EXPECT_EQ(message_of([](auto& o) { o.exponent_high = 1; }),
            "synth.exponent_high=1: expected at least synth.exponent_low.");
  EXPECT_EQ(message_of([](auto& o) { o.demand_following = 1; }),
            "synth.demand_following=1: expected 0 or more, and less than 1.");
  EXPECT_EQ(message_of([](auto& o) { o.graph_edges = 11; }),
            "synth.graph_edges=11: expected 0 to 10, the pairs of synth.channels=5.");
  EXPECT_EQ(message_of([](auto& o) {
              o.graph_edges = 1;
              o.demand_following = 0.1;
            }),
            "synth.graph_edges=1: expected 0 where synth.demand_following is above 0.");
  EXPECT_EQ(message_of([](auto& o) { o.noise = NAN; }), "synth.noise=nan: expected 0 or more, and less than 1.");
}

}  // namespace dcmmm
