#include "analysis/crossval_report.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "analysis/forecast_rows.hpp"
#include "common/text.hpp"
#include "tests/mmm_panel.hpp"

namespace dcmmm {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Two origins of two weeks, two regions; a model, no fit beside it, naive forecasts that are all 1 but the third, 4.
std::vector<OriginForecasts> two_origins() {
  std::vector<OriginForecasts> out(2);
  for (std::size_t i = 0; i < 2; ++i) {
    out[i].origin = i == 0 ? 20 : 30;
    out[i].first_week = out[i].origin + 1;  // a gap of one week
    out[i].weeks = 2;
    out[i].predicted_MRN.assign(1 + kNaiveKinds, std::vector<double>(4, 1.0));
    out[i].predicted_MRN[3].assign(4, 4.0);
    out[i].total_lower_N = {9, 0};
    out[i].total_upper_N = {11, 1};
  }
  out[0].total_actual_N = {10, 3};
  out[1].total_actual_N = {6, 9};
  out[0].actual_RN = {2, kNone, 8, 3};
  out[0].counted_RN = {1, 0, 1, 1};
  out[0].predicted_MRN[0] = {3, 9, 8, 5};
  out[0].lower_RN = {2, 0, 9, kNone};
  out[0].upper_RN = {3, 1, 9, kNone};
  out[1].actual_RN = {6, 2, 5, 7};
  out[1].counted_RN = {1, 1, 0, 1};  // the third is observed, but of a region without history
  out[1].predicted_MRN[0] = {6, 3, 0, 7};
  out[1].lower_RN = {0, 0, 0, 0};
  out[1].upper_RN = {9, 1, 9, 9};
  return out;
}

TEST(CrossvalReport, PoolsAndSelectsCells) {
  const auto origins = two_origins();
  // Errors -1, 0, -2 | 0, -1, 0 over 2, 8, 3 | 6, 2, 7.
  const Figures pooled = crossval_figures(origins, 0, {});
  EXPECT_EQ(pooled.cells, 6);
  EXPECT_DOUBLE_EQ(pooled.rmse, std::sqrt(6. / 6));
  EXPECT_DOUBLE_EQ(pooled.wape, 4. / 28);
  // Region 0: 2, 6, 2 with errors -1, 0, -1; region 1: 8, 3, 7 with 0, -2, 0. Each over both origins.
  EXPECT_DOUBLE_EQ(pooled.median_region_r2, (1 - 2 / (32. / 3) + 1 - 4 / 14.) / 2);
  EXPECT_DOUBLE_EQ(crossval_figures(origins, 0, {0, {}}).rmse, std::sqrt(5. / 3));
  EXPECT_EQ(crossval_figures(origins, 0, {{}, 2}).cells, 3);  // the first week after the gap is the second ahead
  EXPECT_DOUBLE_EQ(crossval_figures(origins, 0, {{}, 3}).rmse, std::sqrt(5. / 3));
  EXPECT_EQ(crossval_figures(origins, 0, {{}, 1}).cells, 0);
}

TEST(CrossvalReport, CountsWhatIntervalsCover) {
  const Coverage all = crossval_coverage(two_origins(), {});
  EXPECT_EQ(all.cells, 5);          // one counted cell has no interval
  EXPECT_EQ(all.covered_cells, 3);  // 2 at its bound, 6 and 7; not 8 and 2
  EXPECT_EQ(all.totals, 4);
  EXPECT_EQ(all.covered_totals, 1);  // 2 + 8 of 9 to 11; not 3, 6 and 2 + 7
  EXPECT_TRUE(std::isnan(crossval_coverage(two_origins(), {{}, 9}).of_cells()));
}

// A table may go on into weeks whose target isn't known yet.
TEST(ForecastRows, HaveNoTotalOfAWeekThatNothingIsKnownOf) {
  Panel panel = testing::mmm_panel(3, 20, 2, 1);
  panel.observed_RT.assign(panel.observed_RT.size(), 1);
  for (int64_t r = 0; r < 3; ++r) panel.observed_RT[r * 20 + 18] = 0;
  panel.observed_RT[19] = 0;
  const ForecastRows rows(panel, 16, 16, 1 + kNaiveKinds);
  ForecastIntervals intervals;
  const OriginForecasts out = rows.gather(*make_local_communicator(), intervals, 0.9);
  EXPECT_TRUE(std::isfinite(out.total_actual_N[1]));
  EXPECT_TRUE(std::isfinite(out.total_actual_N[3]));  // of the two regions that are known
  for (const auto* values : {&out.total_actual_N, &out.total_predicted_N, &out.total_lower_N, &out.total_upper_N})
    EXPECT_TRUE(std::isnan((*values)[2]));
  EXPECT_LE(crossval_coverage({out}, {}).totals, 3);
}

TEST(CrossvalReport, ComparesWithTheBestNaiveForecastOfTheSameCells) {
  CrossvalFacts facts;
  facts.model = "default";
  const auto json = nlohmann::json::parse(crossval_json(two_origins(), facts));
  // The naive forecast 4 misses by 2, 4, 1 | 2, 2, 3: squares 38; the forecast 1 by 1, 7, 2 | 5, 1, 6: 116.
  EXPECT_NEAR(json["pooled"]["model"]["skill"].get<double>(), std::sqrt(38. / 6), 1e-12);
  EXPECT_NEAR(json["pooled"]["naive"]["last_8"]["skill"].get<double>(), 1, 1e-12);
  EXPECT_NEAR(json["by_origin"]["20"]["model"]["skill"].get<double>(), std::sqrt(21. / 5), 1e-12);
  EXPECT_NEAR(json["by_horizon"]["2"]["model"]["coverage"].get<double>(), 2. / 3, 1e-12);
  EXPECT_EQ(json["origins"], (std::vector<int>{20, 30}));
  EXPECT_TRUE(json["window"].is_null());
  const std::string table = crossval_table(two_origins(), facts);
  EXPECT_NE(table.find("naive last_8 (best)"), std::string::npos);
  EXPECT_NE(table.find("cover 60.00 % of the cells and 1 of 4 weekly totals"), std::string::npos);
}

}  // namespace
}  // namespace dcmmm
