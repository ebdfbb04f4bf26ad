#include "trainer/inner_residuals.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/fit_case.hpp"

namespace dcmmm {
namespace {

using testing::FitCase;

TrainerOptions closed_form_only() {
  TrainerOptions options = testing::quick_trainer(0);
  options.validation_weeks = 0;
  return options;
}

ModelOptions without_gru() {
  ModelOptions options = testing::quick_model();
  options.gru = false;
  return options;
}

TEST(InnerOrigins, KeepASeasonBeforeThemWhereThereIsRoom) {
  const auto origins = [](int64_t origin) { return inner_origins(origin, 52.18).origins; };
  EXPECT_EQ(origins(101), (std::vector<int64_t>{93, 85, 77, 69, 61, 53}));
  EXPECT_EQ(origins(200), (std::vector<int64_t>{192, 184, 176, 168, 160, 152}));
  EXPECT_EQ(origins(77), (std::vector<int64_t>{69, 61, 53}));
  EXPECT_EQ(origins(60), (std::vector<int64_t>{52, 44}));
  EXPECT_EQ(origins(13), (std::vector<int64_t>{9, 5}));
  EXPECT_EQ(origins(8), (std::vector<int64_t>{6, 4}));
  EXPECT_EQ(inner_origins(13, 52.18).shared_horizons, 4);
}

TEST(InnerResiduals, AreThoseOfFitsThatEndThere) {
  const Panel panel = testing::mmm_panel(6, 80, 3, 2);
  const FitCase whole(panel, testing::quick_model(), testing::quick_trainer(), 72, {1});
  const InnerOrigins inner = inner_origins(72, 52.18);
  ASSERT_EQ(inner.origins, (std::vector<int64_t>{64, 56}));
  const InnerResiduals mine = inner_residuals(*whole.fit, inner, closed_form_predictions(*whole.fit, inner));
  const std::vector<RegionResiduals> found = sample_of(mine, whole.fit->loop, panel.regions);
  ASSERT_EQ(found.size(), 6u);
  for (int64_t e = 0; e < 2; ++e) {
    const int64_t origin = inner.origins[static_cast<size_t>(e)];
    const FitCase past(testing::first_weeks(panel, 72), without_gru(), closed_form_only(), origin, {1});
    const at::Tensor predicted = past.predictions();
    for (int64_t r = 0; r < 6; ++r) {
      EXPECT_NEAR(found[r].scale / whole.fit->data.target_scale_ER[0][r].item<double>(), 1, 1e-12);
      for (int64_t h = 1; h <= 16; ++h) {
        const int64_t week = origin + h - 1, cell = r * 80 + week;
        const double error = found[r].error_OH[static_cast<size_t>(e * 16 + h - 1)];
        if (week >= 72 || panel.observed_RT[static_cast<size_t>(cell)] == 0) {
          EXPECT_TRUE(std::isnan(error));
        } else {
          EXPECT_NEAR(error, panel.target_RT[static_cast<size_t>(cell)] - predicted[0][r][week].item<double>(),
                      1e-8 * found[r].scale);
        }
      }
    }
  }
}

TEST(InnerResiduals, HearNothingFromTheHoldout) {
  Panel panel = testing::mmm_panel(6, 80, 3, 2);
  const FitCase before(panel, testing::quick_model(), testing::quick_trainer(), 70, {1});
  for (int64_t r = 0; r < 6; ++r)
    for (int64_t t = 70; t < 80; ++t) {
      panel.target_RT[static_cast<size_t>(r * 80 + t)] *= 3;
      panel.media_RTC[static_cast<size_t>((r * 80 + t) * 3)] += 100;
    }
  const FitCase after(panel, testing::quick_model(), testing::quick_trainer(), 70, {1});
  const ForecastIntervals a = forecast_intervals(*before.fit), b = forecast_intervals(*after.fit);
  EXPECT_EQ(a.quantile_GL, b.quantile_GL);
  EXPECT_EQ(a.scale_R, b.scale_R);
  EXPECT_EQ(a.national_factor, b.national_factor);
}

TEST(InnerResiduals, OfALargePanelAreSampledByChance) {
  for (const int64_t regions : {4096, 10'000}) {
    const std::vector<int64_t> cells(static_cast<size_t>(regions), 1);
    const auto alone = make_local_communicator();
    const RegionLoop loop(plan_regions(cells, 0, 1, 192, false), *alone);
    InnerResiduals mine;
    mine.cells = 2;
    for (int64_t r = 0; r < regions; ++r) {
      mine.scale_R.push_back(static_cast<double>(r + 1));
      mine.error_ROH.insert(mine.error_ROH.end(), {static_cast<double>(r), -static_cast<double>(r)});
    }
    const std::vector<RegionResiduals> sample = sample_of(mine, loop, regions);
    EXPECT_NEAR(static_cast<double>(sample.size()), 4096, regions == 4096 ? 0 : 200);
    double last = 0, odd = 0;
    for (const RegionResiduals& of : sample) {
      EXPECT_GT(of.scale, last);  // in the panel's order
      EXPECT_EQ(of.error_OH, (std::vector<double>{of.scale - 1, 1 - of.scale}));
      last = of.scale;
      odd += static_cast<int64_t>(of.scale) % 2 != 0 ? 1 : 0;
    }
    EXPECT_NEAR(odd / static_cast<double>(sample.size()), 0.5, 0.05);
    EXPECT_GT(last, 0.99 * static_cast<double>(regions));
  }
}

}  // namespace
}  // namespace dcmmm
