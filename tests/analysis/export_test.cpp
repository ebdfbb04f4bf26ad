#include "analysis/export.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "analysis/curve_tables.hpp"
#include "analysis/intervals.hpp"
#include "analysis/response_curves.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "data/table_reader.hpp"
#include "tests/analysis/exported_files.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

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
  EXPECT_EQ(read_csv(folder / "csv" / "region_curves.csv").size(), 5u * 3 * kRegionCurvePoints);
  EXPECT_EQ(read_csv(folder / "csv" / "dag.csv").size(), 0u);
  // Told beforehand.
  const PanelFile panel(folder / "panel.h5");
  EXPECT_EQ(exported_headers(folder / "results.h5", panel), kHeaders);
  ExportOptions parquet;
  parquet.format = TableFormat::kParquet;
  EXPECT_EQ(exported_headers(folder / "results.h5", panel, parquet).at("dag.parquet"), kHeaders.at("dag.csv"));
}

TEST(Export, GivesTablesOfChosenRegionsAsTheFilesHaveThem) {
  const TestFolder folder;
  SmallRun().write(folder);
  const auto files = export_all(folder);
  const std::vector<int64_t> regions = {1, 3, 4};
  const ChosenTables chosen = {
      {"prediction.csv", regions},    {"region_channels.csv", regions}, {"totals.csv", {}},
      {"contributions.csv", regions}, {"region_curves.csv", regions},   {"region_roi_by_period.csv", regions}};
  const auto tables = export_tables(folder / "results.h5", PanelFile(folder / "panel.h5"), chosen);
  ASSERT_EQ(tables.size(), chosen.size());
  EXPECT_EQ(tables.at("totals.csv"), files.at("totals.csv"));
  for (const auto& [name, rows] : chosen) {
    if (rows.empty()) continue;
    // The file's rows without the other regions'.
    std::istringstream lines(files.at(name));
    std::string expected;
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with("region 0,") && !line.starts_with("region 2,")) expected += line + "\n";
    EXPECT_EQ(tables.at(name), expected) << name;
  }
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
  EXPECT_EQ(read_csv(folder / "csv" / "adstock.csv")[0][0], "'=1+1,tv");
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

TEST(Export, WritesTheSameValuesAsParquet) {
  const TestFolder folder;
  SmallRun run;
  run.panel.coordinates.regions[1] = "Miami, FL";
  run.write(folder);
  const auto files = export_all(folder);
  ExportOptions options;
  options.format = TableFormat::kParquet;
  const auto parquet = export_all(folder, "parquet", options);
  EXPECT_EQ(export_all(folder, "parquet", options), parquet);
  ASSERT_EQ(parquet.size(), files.size());
  for (const auto& [name, header] : kHeaders) {
    const std::string stem = name.substr(0, name.size() - 4);
    TableReader reader(folder / "parquet" / (stem + ".parquet"));
    std::string columns;
    for (const std::string& column : reader.columns()) columns += (columns.empty() ? "" : ",") + column;
    EXPECT_EQ(columns, header);
    reader.select({}, reader.columns());
    const Table rows = read_csv(folder / "csv" / name);
    std::size_t row = 0;
    for (std::vector<CellColumn> cells; reader.next(cells);)
      for (std::size_t i = 0; i < static_cast<std::size_t>(cells[0].size()); ++i, ++row)
        for (std::size_t column = 0; column < cells.size(); ++column) {
          const std::string& expected = rows.at(row)[column];
          if (cells[column].is_text) {
            ASSERT_EQ(cells[column].texts[i], expected) << name;
          } else if (expected.empty()) {
            ASSERT_TRUE(cells[column].missing[i]) << name << " " << column;
          } else {
            ASSERT_EQ(cells[column].numbers[i], std::stod(expected)) << name << " " << column;
          }
        }
    EXPECT_EQ(row, rows.size()) << name;
  }
}

}  // namespace
}  // namespace dcmmm
