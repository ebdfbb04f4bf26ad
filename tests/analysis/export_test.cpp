#include "analysis/export.hpp"

#include <gmock/gmock.h>

#include <gtest/gtest.h>
#include <sstream>

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/intervals.hpp"
#include "analysis/prediction_intervals.hpp"
#include "analysis/response_curves.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "tests/analysis/small_run.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Table = std::vector<std::vector<std::string>>;

const std::map<std::string, std::string> kHeaders = {
    {"prediction.csv", "region,week,split,actual,predicted,lower,upper"},
    {"contributions.csv", "region,week,component,value"},
    {"channel_summary.csv",
     "channel,spend,contribution,contribution_lower,contribution_upper,share,roi,roi_lower,roi_upper,marginal_roi,"
     "direct,indirect,identified,total,indirect_lower,indirect_upper,total_lower,total_upper"},
    {"coefficients.csv", "region,week,channel,value"},
    {"adstock.csv", "channel,decay,lower,upper,half_life_weeks,peak_week,identified"},
    {"response_curves.csv", "channel,spend,response,lower,upper,marginal,identified,extrapolated"},
    {"saturation.csv",
     "channel,exponent,half_saturation,saturation_spend,identified,spend,response,marginal,half_saturation_spend,"
     "height,"
     "headroom,fitted_height,fitted_half_saturation,fitted_exponent,fitted_error"},
    {"region_channels.csv",
     "region,channel,spend,contribution,weekly_spend,response,marginal,height,half_saturation_spend,exponent,"
     "identified"},
    {"contributions_by_period.csv", "region,kind,period,component,value"},
    {"contributions_total.csv", "kind,period,component,value,lower,upper"},
    {"holdout.csv", "region,week,actual,predicted,train_mean,last_4,last_8,last_13,seasonal,last"},
    {"totals.csv", "week,split,observed_regions,actual,predicted,predicted_all"},
    {"coefficients_mean.csv", "week,channel,value"},
    {"residual_distribution.csv", "from,to,train,holdout,normal"},
    {"residual_autocorrelation.csv", "lag,autocorrelation,pairs"},
    {"data_quality.csv", "column,kind,cells,missing,zeros,minimum,mean,maximum,outside"},
    {"correlations.csv", "channel,other,correlation"},
    {"dag.csv", "source,target,lag,weight,lower,upper,confidence,directed,direction_from"},
    {"dag_groups.csv", "group,source,target,lag,weight,shared_weight,confidence"},
    {"regions.csv", "region,scale,baseline_level,r2,rmse,relative_error,observed_weeks,actual"}};

/// Parses RFC 4180 letter by letter; the header line is left out.
Table read_csv(const fs::path& path) {
  Table rows(1, {""});
  bool quoted = false;
  const std::string content = read_text_file(path);
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char letter = content[i];
    if (quoted) {
      if (letter != '"') {
        rows.back().back() += letter;
      } else if (i + 1 < content.size() && content[i + 1] == '"') {
        rows.back().back() += content[++i];
      } else {
        quoted = false;
      }
    } else if (letter == '"') {
      quoted = true;
    } else if (letter == ',') {
      rows.back().emplace_back();
    } else if (letter == '\n') {
      rows.push_back({""});
    } else {
      rows.back().back() += letter;
    }
  }
  rows.pop_back();
  rows.erase(rows.begin());
  return rows;
}

std::map<std::string, std::string> export_all(const TestFolder& folder, const std::string& output = "csv",
                                              const ExportOptions& options = {}) {
  export_results(folder / "results.h5", PanelFile(folder / "panel.h5"), folder / output, options);
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder / output)) {
    files[entry.path().filename().string()] = read_text_file(entry.path());
  }
  return files;
}

TEST(Export, WritesTheDocumentedFilesAndColumns) {
  const TestFolder folder;
  SmallRun().write(folder);
  const auto files = export_all(folder);
  ASSERT_EQ(files.size(), kHeaders.size());
  for (const auto& [name, header] : kHeaders) {
    ASSERT_TRUE(files.count(name)) << name;
    EXPECT_EQ(files.at(name).substr(0, files.at(name).find('\n')), header);
    const auto columns = std::count(header.begin(), header.end(), ',') + 1;
    for (const auto& row : read_csv(folder / "csv" / name))
      EXPECT_EQ(row.size(), static_cast<std::size_t>(columns)) << name;
  }
  EXPECT_EQ(read_csv(folder / "csv" / "prediction.csv").size(), 45u);
  EXPECT_EQ(read_csv(folder / "csv" / "contributions.csv").size(), 45u * 8);
  EXPECT_EQ(read_csv(folder / "csv" / "coefficients.csv").size(), 45u * 3);
  EXPECT_EQ(read_csv(folder / "csv" / "response_curves.csv").size(), 150u);
  EXPECT_EQ(read_csv(folder / "csv" / "dag.csv").size(), 0u);
}

TEST(Export, GivesTablesOfChosenRegionsAsTheFilesHaveThem) {
  const TestFolder folder;
  SmallRun().write(folder);
  const auto files = export_all(folder);
  const std::vector<std::string> names = {"prediction.csv", "region_channels.csv", "totals.csv", "contributions.csv"};
  const auto tables = export_tables(folder / "results.h5", PanelFile(folder / "panel.h5"), names, {1, 3, 4});
  ASSERT_EQ(tables.size(), names.size());
  EXPECT_EQ(tables.at("totals.csv"), files.at("totals.csv"));
  for (const char* name : {"prediction.csv", "region_channels.csv", "contributions.csv"}) {
    // The file's rows without the other regions'.
    std::istringstream lines(files.at(name));
    std::string expected;
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with("region 0,") && !line.starts_with("region 2,")) expected += line + "\n";
    EXPECT_EQ(tables.at(name), expected) << name;
  }
}

TEST(Export, WritesTheGraphAndEffectsThroughIt) {
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

TEST(Export, ComponentsSumToThePrediction) {
  const TestFolder folder;
  SmallRun().write(folder);
  export_all(folder);
  std::map<std::string, double> sums;
  for (const auto& row : read_csv(folder / "csv" / "contributions.csv"))
    sums[row[0] + "/" + row[1]] += std::stod(row[3]);
  const Table predictions = read_csv(folder / "csv" / "prediction.csv");
  ASSERT_EQ(sums.size(), predictions.size());
  for (const auto& row : predictions) EXPECT_NEAR(sums.at(row[0] + "/" + row[1]), std::stod(row[4]), 1e-9);
}

TEST(Export, PredictionShowsSplitAndMissingActuals) {
  const TestFolder folder;
  SmallRun run;
  run.write(folder);
  export_all(folder);
  const Table rows = read_csv(folder / "csv" / "prediction.csv");
  for (std::size_t cell = 0; cell < rows.size(); ++cell) {
    EXPECT_EQ(rows[cell][0], "region " + std::to_string(cell / 9));
    EXPECT_EQ(rows[cell][1], std::to_string(cell % 9));
    EXPECT_EQ(rows[cell][2], cell % 9 < 7 ? "train" : "holdout");
    EXPECT_EQ(rows[cell][3].empty(), run.panel.observed_RT[cell] == 0);
    if (!rows[cell][3].empty()) {
      EXPECT_EQ(std::stod(rows[cell][3]), run.panel.target_RT[cell]);
    }
    EXPECT_EQ(std::stod(rows[cell][5]), run.results.lower_RT[cell]);
    EXPECT_EQ(std::stod(rows[cell][6]), run.results.upper_RT[cell]);
    EXPECT_EQ(std::stod(rows[cell][4]), run.results.predicted_RT[cell]);
  }
}

TEST(Export, GivesTheSameBytesAgainAndForAnyBlock) {
  const TestFolder folder;
  SmallRun().write(folder);
  ExportOptions by_two;
  by_two.block_regions = 2;
  const auto files = export_all(folder);
  EXPECT_EQ(export_all(folder), files);
  EXPECT_EQ(export_all(folder, "by_two", by_two), files);
}

TEST(Export, SummaryAgreesWithSumsOverTheOtherFiles) {
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

TEST(Export, IntervalsComeFromTheDraws) {
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
    std::vector<double> totals, decays, responses;
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
      responses.push_back(of_draw.response(static_cast<int64_t>(c), largest) *
                          run.shared.draws.coefficient_DC[3 * d + c] / curves.coefficient(static_cast<int64_t>(c)));
    }
    const double total = number("channel_summary.csv", c, 2), units = number("channel_summary.csv", c, 1);
    const Interval expected = interval_of(totals, 0.8, total);
    EXPECT_NEAR(number("channel_summary.csv", c, 3), expected.lower, 1e-9);
    EXPECT_NEAR(number("channel_summary.csv", c, 4), expected.upper, 1e-9);
    EXPECT_NEAR(number("channel_summary.csv", c, 8), expected.upper / units, 1e-12);
    EXPECT_LT(expected.lower, expected.upper - 50);
    const Interval decay = interval_of(decays, 0.8, run.shared.decay_C[c]);
    EXPECT_NEAR(number("adstock.csv", c, 2), decay.lower, 1e-12);
    EXPECT_NEAR(number("adstock.csv", c, 3), decay.upper, 1e-12);
    const std::size_t last = (c + 1) * kCurvePoints - 1;
    const Interval curve = interval_of(responses, 0.8, number("response_curves.csv", last, 2));
    EXPECT_NEAR(number("response_curves.csv", last, 3), curve.lower, 1e-9);
    EXPECT_NEAR(number("response_curves.csv", last, 4), curve.upper, 1e-9);
  }
}

TEST(Export, LeavesIntervalsEmptyWithoutDraws) {
  const TestFolder folder;
  SmallRun run;
  run.shared.draws = {};
  run.write(folder);
  export_all(folder);
  for (const auto& row : read_csv(folder / "csv" / "channel_summary.csv"))
    EXPECT_EQ(row[3] + row[4] + row[7] + row[8], "");
  for (const auto& row : read_csv(folder / "csv" / "adstock.csv")) EXPECT_EQ(row[2] + row[3], "");
  for (const auto& row : read_csv(folder / "csv" / "response_curves.csv")) EXPECT_EQ(row[3] + row[4], "");
}

TEST(Export, RoiIsPerCurrencyWithSpendAndPerUnitWithout) {
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

TEST(Export, PermutingRegionsPermutesRowsOnly) {
  const TestFolder folder, mirrored_folder;
  SmallRun run, mirrored;
  run.write(folder);
  mirrored.panel.coordinates.regions = {run.panel.coordinates.regions.rbegin(), run.panel.coordinates.regions.rend()};
  const auto mirror = [&](auto& values, std::size_t width) {
    const auto original = values;
    for (std::size_t r = 0; r < 5; ++r) {
      std::copy_n(original.begin() + static_cast<std::ptrdiff_t>((4 - r) * width), width,
                  values.begin() + static_cast<std::ptrdiff_t>(r * width));
    }
  };
  mirror(mirrored.panel.target_RT, 9), mirror(mirrored.panel.observed_RT, 9), mirror(mirrored.panel.media_RTC, 27);
  for (auto values :
       {&ResultBlock::predicted_RT, &ResultBlock::baseline_RT, &ResultBlock::trend_RT, &ResultBlock::seasonality_RT,
        &ResultBlock::control_RTK, &ResultBlock::media_RTC, &ResultBlock::coefficient_RTC, &ResultBlock::media_scale_RC,
        &ResultBlock::scale_factor_R, &ResultBlock::baseline_level_R, &ResultBlock::target_scale_R,
        &ResultBlock::noise_scale_R, &ResultBlock::sample_scale_R}) {
    mirror(mirrored.results.*values, (mirrored.results.*values).size() / 5);
  }
  mirrored.write(mirrored_folder);
  export_all(folder);
  export_all(mirrored_folder);
  for (const char* name : {"prediction.csv", "contributions.csv", "coefficients.csv", "regions.csv"}) {
    Table a = read_csv(folder / "csv" / name), b = read_csv(mirrored_folder / "csv" / name);
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    EXPECT_EQ(a, b) << name;
  }
  for (const char* name : {"channel_summary.csv", "response_curves.csv", "saturation.csv"}) {
    const Table a = read_csv(folder / "csv" / name), b = read_csv(mirrored_folder / "csv" / name);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t row = 0; row < a.size(); ++row) {
      for (std::size_t column = 1; column < a[row].size(); ++column) {
        ASSERT_EQ(a[row][column].empty(), b[row][column].empty());
        if (a[row][column].empty()) continue;
        if (a[row][column] == "yes" || a[row][column] == "no") {
          EXPECT_EQ(a[row][column], b[row][column]) << name;
          continue;
        }
        const double value = std::stod(a[row][column]);
        EXPECT_NEAR(value, std::stod(b[row][column]), 1e-9 * std::abs(value)) << name;
      }
    }
  }
}

TEST(Export, RegionsShowTheFitOnTrainingWeeks) {
  const TestFolder folder;
  SmallRun run(2, 5, 1, 0);  // training weeks 0 to 2
  run.panel.target_RT = {2, 4, 100, 100, 100, 3, 3, 3, 3, 3};
  run.panel.observed_RT = {1, 1, 0, 1, 1, 1, 1, 1, 1, 1};
  run.results.predicted_RT = {3, 5, 0, 0, 0, 3, 3, 6, 0, 0};
  run.results.scale_factor_R = {1.25, .5};
  run.results.baseline_level_R = {7, 8};
  run.write(folder);
  const auto files = export_all(folder);
  EXPECT_EQ(files.at("regions.csv"), kHeaders.at("regions.csv") + "\nregion 0,1.25,7,0,1,0.3333333333333333,4,206\n" +
                                         "region 1,0.5,8,,1.7320508075688772,0.5773502691896257,5,15\n");
}

TEST(Export, AdstockGivesHalfLivesOfGeometricCarryOverOnly) {
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

TEST(Export, SaysInEveryTableOfChannelsWhichAreNotIdentified) {
  const TestFolder folder;
  SmallRun run(2, 4, 2, 0);
  run.shared.follows_demand_C = {1, 0};
  run.shared.local_slope_C = {0.9, 0};
  run.write(folder);
  const auto files = export_all(folder);
  for (const char* name : {"channel_summary.csv", "adstock.csv", "response_curves.csv", "saturation.csv"}) {
    const Table rows = read_csv(folder / "csv" / name);
    std::istringstream header(kHeaders.at(name));
    size_t place = 0;
    for (std::string column; std::getline(header, column, ',') && column != "identified";) ++place;
    EXPECT_EQ(rows.front()[place], "no") << name;
    EXPECT_EQ(rows.back()[place], "yes") << name;
  }
}

TEST(Export, QuotesNames) {
  const TestFolder folder;
  SmallRun run(2, 3, 1, 1);
  run.panel.coordinates.regions = {"Miami, FL", "the \"Loop\""};
  run.panel.coordinates.channels = {"=1+1,tv"};
  run.panel.coordinates.controls = {"line\nbreak"};
  run.write(folder);
  export_all(folder);
  const Table rows = read_csv(folder / "csv" / "contributions.csv");
  EXPECT_EQ(rows[0][0], "Miami, FL");
  EXPECT_EQ(rows.back()[0], "the \"Loop\"");
  EXPECT_EQ(rows[3][2], "control:line\nbreak");
  EXPECT_EQ(rows[4][2], "media:=1+1,tv");
  EXPECT_EQ(read_csv(folder / "csv" / "adstock.csv")[0][0], "=1+1,tv");
}

TEST(Export, LeavesRatiosOfASilentChannelEmpty) {
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

TEST(Export, RefusesAnotherPanelAndAnOutputThatIsAFile) {
  const TestFolder folder;
  SmallRun run;
  run.write(folder);
  run.panel.target_RT[0] += 1;
  write_panel_file(folder / "other.h5", run.panel);
  try {
    export_results(folder / "results.h5", PanelFile(folder / "other.h5"), folder / "csv");
    FAIL() << "expected an error";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("checksum"));
  }
  EXPECT_FALSE(fs::exists(folder / "csv"));
  write_text_file(folder / "file", "x");
  EXPECT_THROW(export_all(folder, "file"), UserError);
  EXPECT_EQ(read_text_file(folder / "file"), "x");
}

}  // namespace
}  // namespace dcmmm
