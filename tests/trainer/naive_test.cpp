#include "trainer/naive.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/communicator.hpp"
#include "tests/trainer/real_panel.hpp"
#include "trainer/evaluation.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAre;

/// One region; a negative value is a missing week.
Panel one_region(const std::vector<double>& target_T, TimeStep step = TimeStep::kWeek) {
  Panel panel;
  panel.coordinates.regions = {"a"};
  panel.coordinates.step = step;
  panel.regions = 1;
  for (std::size_t week = 0; week < target_T.size(); ++week) {
    panel.coordinates.weeks.push_back(std::to_string(week));
    panel.observed_RT.push_back(target_T[week] >= 0);
    panel.target_RT.push_back(target_T[week] >= 0 ? target_T[week] : 0);
  }
  return panel;
}

TEST(Naive, AveragesObservedTrainingWeeksOnly) {
  const auto forecast_RN = naive_forecasts(one_region({1, 2, -1, 4, 8, 16, -1, 1000, 1000}), 7, 2);
  EXPECT_THAT(forecast_RN[0], ElementsAre(6.2, 6.2));  // 31 / 5
  EXPECT_THAT(forecast_RN[1], ElementsAre(7.5, 7.5));  // (2 + 4 + 8 + 16) / 4
  EXPECT_THAT(forecast_RN[2], ElementsAre(6.2, 6.2));  // fewer than 8: all
  EXPECT_THAT(forecast_RN[5], ElementsAre(16, 16));
}

TEST(Naive, SeasonalLooksOneSeasonBackAndFallsBackToTheLastEight) {
  std::vector<double> target_T(15, 10);
  target_T[0] = 1;
  target_T[1] = -1;  // a year before week 13: missing
  const auto forecast_RN = naive_forecasts(one_region(target_T, TimeStep::kMonth), 12, 3);
  EXPECT_THAT(forecast_RN[4], ElementsAre(1, 10, 10));
}

TEST(Naive, SeasonalOfDaysAveragesTheSameWeekday) {
  std::vector<double> target_T(10 * 7 + 9);
  for (size_t day = 0; day < target_T.size(); ++day)
    target_T[day] = 100.0 * static_cast<double>(day % 7) + static_cast<double>(day / 7);
  target_T[9 * 7 + 1] = -1;  // not observed: the eight before it count
  const auto forecast_RN = naive_forecasts(one_region(target_T, TimeStep::kDay), 70, 9);
  // Weeks 2 to 9 of weekday 0, and 1 to 8 of weekday 1; beyond a week ahead still of training days.
  EXPECT_THAT(forecast_RN[4], ElementsAre(5.5, 104.5, 205.5, 305.5, 405.5, 505.5, 605.5, 5.5, 104.5));
  EXPECT_THAT(naive_forecasts(one_region({1, 2, 3, 4, 5, 6, 7, 8}, TimeStep::kDay), 3, 5)[4],
              ElementsAre(2, 2, 2, 2, 1));
}

TEST(Naive, SeasonalNeverReadsTheHoldout) {
  std::vector<double> target_T(30, 10);
  for (int month = 14; month < 30; ++month) target_T[month] = 99;
  const auto forecast_RN = naive_forecasts(one_region(target_T, TimeStep::kMonth), 14, 16);
  for (const auto& values : forecast_RN) EXPECT_THAT(values, ::testing::Each(10));
}

TEST(Naive, GivesZeroWithoutAnyTrainingWeek) {
  const auto forecast_RN = naive_forecasts(one_region({-1, -1, 5, 6}), 2, 2);
  for (const auto& values : forecast_RN) EXPECT_THAT(values, ElementsAre(0, 0));
}

TEST(Naive, LeavesNothingToForecastWithoutHoldout) {
  for (const auto& values : naive_forecasts(one_region({1, 2}), 2, 0)) EXPECT_TRUE(values.empty());
}

TEST(Naive, KnowsTheSeasonOfEveryStep) {
  EXPECT_EQ(seasonal_lag(TimeStep::kWeek), 52);
  EXPECT_EQ(seasonal_lag(TimeStep::kMonth), 12);
  EXPECT_EQ(seasonal_lag(TimeStep::kDay) % 7, 0);
}

/// RMSE in thousands and R2 of every naive forecast on the real panel, by an independent NumPy script.
struct KnownSplit {
  int64_t origin, horizon, cells;
  std::array<double, 5> rmse_thousands, r2;  // train_mean, last_4, last_8, last_13, seasonal
};

class NaiveOnRealPanel : public ::testing::TestWithParam<KnownSplit> {};

TEST_P(NaiveOnRealPanel, ReachesTheKnownFigures) {
  const KnownSplit& known = GetParam();
  const Panel panel = read_real_panel();
  ASSERT_EQ(panel.regions, 190);
  FitEvaluation evaluation(known.origin, known.horizon);
  evaluation.add(panel, panel.target_RT);
  const auto communicator = make_local_communicator();
  const FitFigures figures = evaluation.figures(*communicator);
  EXPECT_EQ(figures.holdout.cells, known.cells);
  for (std::size_t kind = 0; kind < known.r2.size(); ++kind) {
    EXPECT_EQ(figures.naive[kind].cells, known.cells);
    EXPECT_NEAR(figures.naive[kind].rmse / 1000, known.rmse_thousands[kind], 0.0501) << kNaiveNames[kind];
    EXPECT_NEAR(figures.naive[kind].r2, known.r2[kind], 0.0000501) << kNaiveNames[kind];
  }
}

INSTANTIATE_TEST_SUITE_P(
    Splits, NaiveOnRealPanel,
    ::testing::Values(
        KnownSplit{101, 8, 1496, {223.2, 132.8, 135.7, 127.0, 193.8}, {.9790, .9926, .9922, .9932, .9842}},
        KnownSplit{96, 13, 2431, {237.2, 132.0, 119.7, 155.3, 196.2}, {.9766, .9928, .9940, .9900, .9840}}),
    [](const auto& info) { return "Origin" + std::to_string(info.param.origin); });

}  // namespace
}  // namespace dcmmm
