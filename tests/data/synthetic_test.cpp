#include "data/synthetic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "common/errors.hpp"
#include "tests/data/synthetic_panels.hpp"

namespace dcmmm {
namespace {

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

}  // namespace
}  // namespace dcmmm
