#include "data/synthetic_calendar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

SyntheticOptions daily() {
  SyntheticOptions options;
  options.kind = SyntheticKind::kClean;
  options.step = TimeStep::kDay;
  options.regions = 3;
  options.weeks = 400;
  options.channels = 2;
  options.controls = 1;
  options.promotions = 2;
  return options;
}

struct Whole {
  Panel panel;
  TruthBlock parts;
  SyntheticTruth truth;
};

Whole generate(const SyntheticOptions& options) {
  Whole whole;
  whole.truth = generate_panel(options, [&](const Panel& panel, const TruthBlock& parts) {
    whole.panel = panel;
    whole.parts = parts;
  });
  return whole;
}

}  // namespace

TEST(SyntheticCalendar, CountsDaysFromAMonday) {
  const Whole made = generate(daily());
  const PanelCoordinates& names = made.panel.coordinates;
  EXPECT_EQ(names.step, TimeStep::kDay);
  EXPECT_EQ(names.weeks[0], "2023-01-02");
  EXPECT_EQ(names.weeks[399], "2024-02-05");
  EXPECT_EQ(names.controls, synthetic_coordinates(daily()).controls);
  EXPECT_EQ(names.events(), 2 + 6);
  EXPECT_EQ(made.panel.controls_RTK.size(), static_cast<size_t>(3 * 400 * names.controls.size()));
}

// A panel differs from the one without promotions by their effects, on the days that its own columns name.
TEST(SyntheticCalendar, AddsPromotionsToTheTarget) {
  SyntheticOptions without = daily();
  without.promotions = 0;
  const Whole made = generate(daily()), plain = generate(without);
  ASSERT_EQ(made.truth.promotions, (std::vector<std::string>{"promotion_01", "promotion_02"}));
  const int64_t K = made.panel.controls();
  double days = 0.0;
  for (int64_t cell = 0; cell < 3 * 400; ++cell) {
    double expected = 0.0;
    for (int64_t p = 0; p < 2; ++p) {  // behind the one control
      const double active = made.panel.controls_RTK[cell * K + 1 + p];
      expected += active * made.truth.promotion_effect_P[p] * made.panel.population_R[cell / 400];
      days += active;
    }
    EXPECT_NEAR(made.panel.target_RT[cell] - plain.panel.target_RT[cell], expected, 1e-6 * made.panel.target_RT[cell]);
  }
  EXPECT_GT(days, 3 * 2 * 3 * 3);  // each came at least three times, for three days or more
  EXPECT_EQ(made.panel.media_RTC, plain.panel.media_RTC);
}

TEST(SyntheticCalendar, GivesWeekdaysTheirEffects) {
  SyntheticOptions options = daily();
  options.seasonality = 0.0;
  options.promotions = 0;
  const Whole made = generate(options);
  const auto& effects = made.truth.weekday_effect_W;
  ASSERT_EQ(effects.size(), 7u);
  EXPECT_NEAR(std::accumulate(effects.begin(), effects.end(), 0.0), 0.0, 1e-12);
  EXPECT_GT(std::abs(effects[0]), 0.0);
  for (int64_t t = 0; t < 400; ++t) {
    EXPECT_NEAR(made.parts.seasonality_RT[t], effects[t % 7] * made.panel.population_R[0],
                1e-9 * made.panel.population_R[0]);
  }
}

// Seven days move a level as far as a week does.
TEST(SyntheticCalendar, LetsLevelsDriftByTheDay) {
  SyntheticOptions options = daily();
  options.regions = 20;
  options.national_drift = 0.0;
  const Whole made = generate(options);
  double squares = 0.0;
  for (int64_t r = 0; r < 20; ++r) {
    for (int64_t t = 1; t < 400; ++t) {
      const double* level = &made.parts.baseline_RT[r * 400 + t];
      squares += std::pow((level[0] - level[-1]) / made.panel.population_R[r], 2.0) / (20 * 399);
    }
  }
  EXPECT_NEAR(std::sqrt(7.0 * squares), options.region_drift, 0.03 * options.region_drift);
}

TEST(SyntheticCalendar, LeavesWeeklyPanelsWithoutPromotionsAsTheyAre) {
  SyntheticOptions options = daily();
  options.step = TimeStep::kWeek;
  options.promotions = 0;
  const auto calendar = draw_calendar(options, synthetic_coordinates(options).weeks);
  EXPECT_THAT(calendar.effect_T, testing::Each(0.0));
  EXPECT_THAT(calendar.weekday_effect_W, testing::IsEmpty());
  EXPECT_EQ(generate(options).panel.coordinates.events(), 0);
}

TEST(SyntheticCalendar, RefusesWhatItCannotMake) {
  SyntheticOptions options = daily();
  options.promotions = 100;
  EXPECT_THROW(synthetic_coordinates(options), UserError);
  options = daily();
  options.step = TimeStep::kMonth;
  EXPECT_THROW(synthetic_coordinates(options), UserError);
}

}  // namespace dcmmm
