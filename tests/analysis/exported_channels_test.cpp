#include "analysis/export.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "analysis/intervals.hpp"
#include "analysis/response_curves.hpp"
#include "tests/analysis/exported_files.hpp"

namespace dcmmm {
namespace {

using ::testing::HasSubstr;

TEST(ExportedChannels, IntervalsComeFromTheDraws) {
  const TestFolder folder;
  SmallRun run;
  run.write(folder);
  ExportOptions options;
  options.interval = 0.8;
  export_all(folder, "csv", options);
  const auto number = [&](const char* file, std::size_t row, std::size_t column) {
    return std::stod(read_csv(folder / "csv" / file)[row][column]);
  };
  ResponseCurves curves(run.shared, 3);
  curves.add(run.panel, run.results.coefficient_RTC, run.results.media_scale_RC);
  for (std::size_t c = 0; c < 3; ++c) {
    std::vector<double> totals, decays, responses, marginals;
    const double largest = curves.largest_multiple(static_cast<int64_t>(c));
    for (std::size_t d = 0; d < 15; ++d) {
      totals.push_back(run.shared.draws.contribution_DC[3 * d + c]);
      decays.push_back(run.shared.draws.decay_DC[3 * d + c]);
      // By hand: the regions' coefficients scaled to the draw's mean, the draw's curve.
      SharedResults drawn = run.shared;
      drawn.exponent_C[c] = run.shared.draws.exponent_DC[3 * d + c];
      drawn.half_saturation_C[c] = run.shared.draws.half_saturation_DC[3 * d + c];
      ResponseCurves of_draw(drawn, 3);
      of_draw.add(run.panel, run.results.coefficient_RTC, run.results.media_scale_RC);
      marginals.push_back(of_draw.marginal(static_cast<int64_t>(c), 1) * run.shared.draws.coefficient_DC[3 * d + c] /
                          curves.coefficient(static_cast<int64_t>(c)));
      responses.push_back(of_draw.response(static_cast<int64_t>(c), largest) *
                          run.shared.draws.coefficient_DC[3 * d + c] / curves.coefficient(static_cast<int64_t>(c)));
    }
    const double total = number("channel_summary.csv", c, 2), units = number("channel_summary.csv", c, 1);
    const Interval expected = interval_of(totals, 0.8, total);
    EXPECT_NEAR(number("channel_summary.csv", c, 3), expected.lower, 1e-9);
    EXPECT_NEAR(number("channel_summary.csv", c, 4), expected.upper, 1e-9);
    EXPECT_NEAR(number("channel_summary.csv", c, 8), expected.upper / units, 1e-12);
    EXPECT_LT(expected.lower, expected.upper - 50);
    const Interval marginal = interval_of(marginals, 0.8, number("channel_summary.csv", c, 9));
    EXPECT_NEAR(number("channel_summary.csv", c, 18), marginal.lower, 1e-12);
    EXPECT_NEAR(number("channel_summary.csv", c, 19), marginal.upper, 1e-12);
    const Interval decay = interval_of(decays, 0.8, run.shared.decay_C[c]);
    EXPECT_NEAR(number("adstock.csv", c, 2), decay.lower, 1e-12);
    EXPECT_NEAR(number("adstock.csv", c, 3), decay.upper, 1e-12);
    const std::size_t last = (c + 1) * kCurvePoints - 1;
    const Interval curve = interval_of(responses, 0.8, number("response_curves.csv", last, 2));
    EXPECT_NEAR(number("response_curves.csv", last, 3), curve.lower, 1e-9);
    EXPECT_NEAR(number("response_curves.csv", last, 4), curve.upper, 1e-9);
  }
}

TEST(ExportedChannels, LeavesIntervalsEmptyWithoutDraws) {
  const TestFolder folder;
  SmallRun run;
  run.shared.draws = {};
  run.write(folder);
  export_all(folder);
  for (const auto& row : read_csv(folder / "csv" / "channel_summary.csv"))
    EXPECT_EQ(row[3] + row[4] + row[7] + row[8], "");
  for (const auto& row : read_csv(folder / "csv" / "adstock.csv")) EXPECT_EQ(row[2] + row[3], "");
  for (const char* name : {"response_curves.csv", "region_curves.csv"})
    for (const auto& row : read_csv(folder / "csv" / name)) EXPECT_EQ(row[name[2] == 's' ? 3 : 4] + row[8], "");
  for (const auto& row : read_csv(folder / "csv" / "roi_by_period.csv")) EXPECT_EQ(row[12] + row[13], "");
}

TEST(ExportedChannels, RoiIsPerCurrencyWithSpendAndPerUnitWithout) {
  const TestFolder folder, units_folder;
  SmallRun run;
  run.write(units_folder);
  std::vector<std::string> notes;
  ExportOptions options;
  options.note = [&](const std::string& line) { notes.push_back(line); };
  export_all(units_folder, "csv", options);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], HasSubstr("media units"));
  run.panel.coordinates.has_spend = true;
  for (double units : run.panel.media_RTC) run.panel.spend_RTC.push_back(units * 4);
  run.write(folder);
  export_all(folder, "csv", options);
  EXPECT_EQ(notes.size(), 1u);
  const Table currency = read_csv(folder / "csv" / "channel_summary.csv");
  const Table units = read_csv(units_folder / "csv" / "channel_summary.csv");
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t column : {6, 9}) {
      EXPECT_NEAR(std::stod(currency[c][column]) * 4 / std::stod(units[c][column]), 1, 1e-12);
    }
  }
}

TEST(ExportedChannels, SaysInEveryTableOfChannelsWhichAreNotIdentified) {
  const TestFolder folder;
  SmallRun run(2, 4, 2, 0);
  run.shared.follows_demand_C = {1, 0};
  run.shared.local_slope_C = {0.9, 0};
  run.write(folder);
  const auto files = export_all(folder);
  for (const char* name : {"channel_summary.csv", "adstock.csv", "response_curves.csv", "saturation.csv",
                           "region_curves.csv", "region_channels.csv"}) {
    const Table rows = read_csv(folder / "csv" / name);
    std::istringstream header(kHeaders.at(name));
    size_t place = 0;
    for (std::string column; std::getline(header, column, ',') && column != "identified";) ++place;
    EXPECT_EQ(rows.front()[place], "no") << name;
    EXPECT_EQ(rows.back()[place], "yes") << name;
  }
}

TEST(ExportedChannels, WritesTheGraphAndEffectsThroughIt) {
  const TestFolder folder;
  SmallRun run;
  Graph& graph = run.shared.graph;
  graph.channels = 3;
  graph.edges = {{2, 0, 1, 0.5, 0.96, Direction::kTime}, {0, 1, 0, -0.2, 1.0, Direction::kUndirected}};
  graph.draws = 3;
  graph.weight_BS = {0.4, -0.1, 0.5, -0.2, 0.6, -0.3};
  graph.total_CC = {1, 0, 0, 0, 1, 0, 0.8, 0, 1};
  for (const double effect : {0.7, 0.8, 0.9})
    for (const double value : {1.0, 0.0, 0.0, 0.0, 1.0, 0.0, effect, 0.0, 1.0}) graph.total_BCC.push_back(value);
  graph.differences = {{"north, south", 1, 2, 0, 0.3, 0.0, 0.94}};
  run.shared.draws = {};
  run.write(folder);
  export_all(folder);
  EXPECT_THAT(read_csv(folder / "csv" / "dag_groups.csv"),
              ::testing::ElementsAre(
                  ::testing::ElementsAre("north, south", "channel_1", "channel_2", "0", "0.3", "0", "0.94")));
  const Table edges = read_csv(folder / "csv" / "dag.csv");
  ASSERT_EQ(edges.size(), 2u);
  EXPECT_THAT(edges[0], ::testing::ElementsAre("channel_2", "channel_0", "1", "0.5", ::testing::_, ::testing::_, "0.96",
                                               "yes", "time"));
  EXPECT_THAT(edges[1],
              ::testing::ElementsAre("channel_0", "channel_1", "0", "-0.2", ::testing::_, ::testing::_, "1", "no", ""));
  // Student's t of two degrees: 2.92; the draws' sd is 0.1.
  EXPECT_NEAR(std::stod(edges[0][5]), 0.5 + 2.92 * 0.1 * std::sqrt(4.0 / 3), 1e-3);
  EXPECT_NEAR(std::stod(edges[1][4]), -0.2 - 2.92 * 0.1 * std::sqrt(4.0 / 3), 1e-3);

  // The slope of channel 0 in the log of all its media, by hand.
  double slope = 0;
  for (std::size_t i = 0; i < run.results.media_RTC.size(); i += 3)
    slope += run.results.media_RTC[i] * (1 - run.results.media_RTC[i] / run.results.coefficient_RTC[i]) *
             run.shared.exponent_C[0];
  const Table channels = read_csv(folder / "csv" / "channel_summary.csv");
  const auto at = [&](std::size_t channel, std::size_t column) { return std::stod(channels[channel][column]); };
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(channels[c][10], channels[c][2]);  // direct is the channel's own contribution
    EXPECT_NEAR((at(c, 10) + at(c, 11)) / at(c, 13), 1, 1e-12);
    EXPECT_NEAR(at(c, 11), c == 2 ? 0.8 * slope : 0, 1e-9 * slope);
  }
  EXPECT_NEAR(at(2, 15), (0.8 + 2.92 * 0.1 * std::sqrt(4.0 / 3)) * slope, 1e-3 * slope);
  EXPECT_NEAR(at(2, 16), at(2, 10) + at(2, 14), 1e-9 * slope);
}

TEST(ExportedChannels, SummaryAgreesWithSumsOverTheOtherFiles) {
  const TestFolder folder;
  SmallRun run;
  run.write(folder);
  export_all(folder);
  std::map<std::string, double> contribution;
  double predicted = 0;
  for (const auto& row : read_csv(folder / "csv" / "contributions.csv")) contribution[row[2]] += std::stod(row[3]);
  for (const auto& row : read_csv(folder / "csv" / "prediction.csv")) predicted += std::stod(row[4]);
  const Table summary = read_csv(folder / "csv" / "channel_summary.csv");
  ASSERT_EQ(summary.size(), 3u);
  for (std::size_t c = 0; c < 3; ++c) {
    double units = 0;
    for (std::size_t i = c; i < run.panel.media_RTC.size(); i += 3) units += run.panel.media_RTC[i];
    const double expected = contribution.at("media:channel_" + std::to_string(c));
    EXPECT_NEAR(std::stod(summary[c][1]), units, 1e-8);
    EXPECT_NEAR(std::stod(summary[c][2]), expected, 1e-9);
    EXPECT_NEAR(std::stod(summary[c][5]), expected / predicted, 1e-12);
    EXPECT_NEAR(std::stod(summary[c][6]), expected / units, 1e-12);
    EXPECT_GT(std::stod(summary[c][9]), 0);
    for (std::size_t empty : {10, 11}) EXPECT_EQ(summary[c][empty], "");
  }
}

TEST(ExportedChannels, AdstockGivesHalfLivesOfGeometricCarryOverOnly) {
  const TestFolder folder;
  SmallRun run(2, 4, 2, 0);
  run.shared.decay_C = {.5, .25};
  run.shared.draws = {};
  run.write(folder);
  EXPECT_EQ(export_all(folder).at("adstock.csv"),
            kHeaders.at("adstock.csv") + "\nchannel_0,0.5,,,1,0,yes\nchannel_1,0.25,,,0.5,0,yes\n");
  run.shared.peak_C[0] = 2.5;
  run.write(folder);
  EXPECT_EQ(export_all(folder).at("adstock.csv"),
            kHeaders.at("adstock.csv") + "\nchannel_0,0.5,,,,2.5,yes\nchannel_1,0.25,,,0.5,0,yes\n");
}

TEST(ExportedChannels, LeavesRatiosOfASilentChannelEmpty) {
  const TestFolder folder;
  SmallRun run(2, 4, 1, 0);
  std::fill(run.panel.media_RTC.begin(), run.panel.media_RTC.end(), 0);
  run.write(folder);
  export_all(folder);
  const auto summary = read_csv(folder / "csv" / "channel_summary.csv")[0];
  EXPECT_EQ(summary[1], "0");
  EXPECT_EQ(summary[6] + summary[9], "");
  EXPECT_EQ(read_csv(folder / "csv" / "saturation.csv")[0][3], "");
}

TEST(ExportedChannels, ReturnsAreMoneyWithPricesAndARevenue) {
  const TestFolder folder;
  SmallRun run;
  run.write(folder);
  export_all(folder);
  ExportOptions options;
  options.money = {{4, 5, 6}, 20.0};
  std::vector<std::string> notes;
  options.note = [&](const std::string& line) { notes.push_back(line); };
  export_all(folder, "money", options);
  EXPECT_TRUE(notes.empty());
  // Column of the table, and what a price and the revenue make of it.
  const auto compare = [&](const char* name, std::size_t channel_column, std::size_t column, bool priced, bool valued) {
    const Table units = read_csv(folder / "csv" / name), money = read_csv(folder / "money" / name);
    ASSERT_EQ(units.size(), money.size());
    for (std::size_t row = 0; row < units.size(); ++row) {
      if (units[row][column].empty()) continue;
      const double price = 4.0 + std::stod(units[row][channel_column].substr(8));
      const double expected = std::stod(units[row][column]) * (valued ? 20 : 1) / (priced ? price : 1);
      EXPECT_NEAR(std::stod(money[row][column]), expected, 1e-9 * std::abs(expected)) << name << " " << column;
    }
  };
  for (const std::size_t column : {6, 7, 8, 9}) compare("channel_summary.csv", 0, column, true, true);
  for (const std::size_t column : {2, 3, 4}) compare("channel_summary.csv", 0, column, false, false);
  for (const std::size_t column : {7, 8, 9, 10, 12, 13}) compare("roi_by_period.csv", 2, column, true, true);
  for (const std::size_t column : {13, 14, 15, 16, 17, 18}) compare("region_channels.csv", 1, column, true, true);
  for (const std::size_t column : {10, 11, 12}) compare("response_curves.csv", 0, column, true, true);
  for (const std::size_t column : {5, 8, 9}) compare("response_curves.csv", 0, column, true, false);
  // Without any of it a marginal return is the curve's slope.
  for (const auto& row : read_csv(folder / "csv" / "response_curves.csv")) EXPECT_EQ(row[5], row[10]);
}

TEST(ExportedChannels, ReturnsOfPeriodsAddUp) {
  const TestFolder folder;
  SmallRun run;
  run.panel.coordinates.has_spend = true;
  for (double units : run.panel.media_RTC) run.panel.spend_RTC.push_back(units * 4);
  run.write(folder);
  export_all(folder);
  const Table summary = read_csv(folder / "csv" / "channel_summary.csv");
  std::map<std::string, double> spend, contribution;
  for (const auto& row : read_csv(folder / "csv" / "roi_by_period.csv")) {
    spend[row[0] + row[2]] += std::stod(row[3]);
    contribution[row[0] + row[2]] += std::stod(row[4]);
    EXPECT_NEAR(std::stod(row[7]) * std::stod(row[3]) / std::stod(row[4]), 1, 1e-12);
    EXPECT_LE(std::stod(row[8]), std::stod(row[7]));
    EXPECT_GE(std::stod(row[9]), std::stod(row[7]));
  }
  for (const char* kind : {"week", "4 weeks", "13 weeks", "52 weeks"})
    for (const auto& row : summary) {
      EXPECT_NEAR(spend.at(kind + row[0]), std::stod(row[1]), 1e-8) << kind;
      EXPECT_NEAR(contribution.at(kind + row[0]), std::stod(row[2]), 1e-9) << kind;
    }
  // Slopes in logs of all cells over all spend, by hand.
  double slope = 0;
  for (std::size_t i = 0; i < run.results.media_RTC.size(); i += 3)
    slope += run.results.media_RTC[i] * (1 - run.results.media_RTC[i] / run.results.coefficient_RTC[i]) *
             run.shared.exponent_C[0];
  const Table periods = read_csv(folder / "csv" / "roi_by_period.csv");
  const auto& all = *std::find_if(periods.begin(), periods.end(), [](const auto& row) { return row[0] == "52 weeks"; });
  EXPECT_NEAR(std::stod(all[10]), slope / std::stod(all[3]), 1e-12 + 1e-9 * std::abs(slope / std::stod(all[3])));
}

}  // namespace
}  // namespace dcmmm
