#include "analysis/response_curves.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/analysis/small_run.hpp"

namespace dcmmm {
namespace {

ResponseCurves curves_of(const SmallRun& run) {
  ResponseCurves curves(run.shared, run.panel.channels());
  curves.add(run.panel, run.results.coefficient_RTC, run.results.media_scale_RC);
  return curves;
}

/// One region, one channel: media 0, 2, 4 and a missing week, scale 2, coefficient 9 on average, Hill a = 2, g = 1.
SmallRun tiny_run() {
  SmallRun run(1, 4, 1, 0);
  run.panel.media_RTC = {0, 2, 4, 1000};
  run.panel.observed_RT = {1, 1, 1, 0};
  run.results.coefficient_RTC = {8, 9, 10, 5000};
  run.results.media_scale_RC = {2};
  run.shared.exponent_C = {2};
  run.shared.half_saturation_C = {1};
  return run;
}

double hill_at(double v) { return std::pow(v + 1e-4, 2) / (1 + std::pow(v + 1e-4, 2)); }

TEST(ResponseCurves, AgreeWithAHandComputedCase) {
  const ResponseCurves curves = curves_of(tiny_run());
  EXPECT_DOUBLE_EQ(curves.spend(0, 1.5), 3);                  // average week: 2 units
  EXPECT_NEAR(curves.response(0, 1), 9 * hill_at(1), 1e-12);  // x / scale = 1
  EXPECT_NEAR(curves.response(0, 3), 9 * hill_at(3), 1e-12);
  EXPECT_NEAR(curves.marginal(0, 1), 9 * 2 * 1.0001 / std::pow(1 + 1.0001 * 1.0001, 2) / 2, 1e-12);
  EXPECT_NEAR(curves.saturation_spend(0), 2 * (3 - 1e-4), 1e-9);  // v^2 / (1 + v^2) = .9 at v = 3
  EXPECT_NEAR(curves.largest_multiple(0), 1.5 * 2, 1.5 * 2 * .011);
}

TEST(ResponseCurves, CountSpendInCurrencyWhereThereIsSome) {
  SmallRun run = tiny_run();
  run.panel.coordinates.has_spend = true;
  run.panel.spend_RTC = {0, 20, 40, 7};
  const ResponseCurves curves = curves_of(run), in_units = curves_of(tiny_run());
  EXPECT_DOUBLE_EQ(curves.spend(0, 1), 20);
  EXPECT_DOUBLE_EQ(curves.response(0, 1), in_units.response(0, 1));
  EXPECT_DOUBLE_EQ(curves.marginal(0, 1), in_units.marginal(0, 1) / 10);
  EXPECT_NEAR(curves.saturation_spend(0), 10 * in_units.saturation_spend(0), 1e-9);
}

TEST(ResponseCurves, MarginalIsTheSlope) {
  const SmallRun run;
  const ResponseCurves curves = curves_of(run);
  for (int64_t c = 0; c < 3; ++c) {
    for (double multiple : {.1, 1., 2.5}) {
      const double step = 1e-5;
      const double slope = (curves.response(c, multiple + step) - curves.response(c, multiple - step)) /
                           (curves.spend(c, multiple + step) - curves.spend(c, multiple - step));
      EXPECT_NEAR(curves.marginal(c, multiple) / slope, 1, 1e-7);
    }
  }
}

TEST(ResponseCurves, RiseTowardsTheirHeight) {
  const SmallRun run;
  const ResponseCurves curves = curves_of(run);
  for (int64_t c = 0; c < 3; ++c) {
    double before = -1;
    for (double multiple = 0; multiple < 20; multiple += .25) {
      EXPECT_GT(curves.response(c, multiple), before);
      before = curves.response(c, multiple);
    }
    const double saturated = curves.saturation_spend(c) / curves.spend(c, 1);
    EXPECT_NEAR(curves.response(c, saturated) / curves.response(c, 1e9), .9, 1e-9);
  }
}

TEST(ResponseCurves, AreSilentForAChannelWithoutMedia) {
  SmallRun run = tiny_run();
  run.panel.media_RTC = {0, 0, 0, 0};
  const ResponseCurves curves = curves_of(run);
  EXPECT_EQ(curves.spend(0, 2), 0);
  EXPECT_NEAR(curves.response(0, 2), 0, 1e-6);
  EXPECT_TRUE(std::isnan(curves.marginal(0, 1)));
  EXPECT_TRUE(std::isnan(curves.saturation_spend(0)));
  EXPECT_DOUBLE_EQ(curves.largest_multiple(0), 1.5);
}

TEST(ResponseCurves, LargestMultipleIsThePercentileOfASortedList) {
  const SmallRun run(60, 50, 2, 0);
  const ResponseCurves curves = curves_of(run);
  for (int64_t c = 0; c < 2; ++c) {
    std::vector<double> multiples;
    for (int64_t r = 0; r < 60; ++r) {
      std::vector<double> media;
      double sum = 0;
      for (int64_t t = 0; t < 50; ++t) {
        if (!run.panel.observed_RT[static_cast<std::size_t>(r * 50 + t)]) continue;
        media.push_back(run.panel.media_RTC[static_cast<std::size_t>((r * 50 + t) * 2 + c)]);
        sum += media.back();
      }
      for (double value : media) multiples.push_back(value * static_cast<double>(media.size()) / sum);
    }
    std::sort(multiples.begin(), multiples.end());
    const double percentile =
        multiples[static_cast<std::size_t>(std::ceil(.99 * static_cast<double>(multiples.size()))) - 1];
    EXPECT_GE(curves.largest_multiple(c), 1.5 * percentile * (1 - 1e-12));
    EXPECT_LE(curves.largest_multiple(c), 1.5 * percentile * 1.0101);
  }
}

}  // namespace
}  // namespace dcmmm
