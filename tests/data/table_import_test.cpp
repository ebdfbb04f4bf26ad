// Import of good tables.
#include "data/table_import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/errors.hpp"
#include "common/large_vector.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "tests/data/table_files.hpp"

namespace dcmmm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Rows out of order; region 9 misses week 1, region 10 has no target in week 2.
const std::string kTable =
    "region,week,target,media_tv,control_price,population\n"
    "10,0,5,1,0.5,100\n"
    "9,2,8,4,,50\n"
    "10,2,,3,1.5,100\n"
    "9,0,7,0,2.5,50\n"
    "10,1,6,2,,100\n";

Panel import_text(const std::filesystem::path& path, const std::string& content, ImportReport* report = nullptr) {
  ImportOptions options;
  options.source = write_bytes(path, content);
  return import_table(options, report);
}

void expect_same_data(const Panel& a, const Panel& b) {
  EXPECT_EQ(a.coordinates.regions, b.coordinates.regions);
  EXPECT_EQ(a.coordinates.weeks, b.coordinates.weeks);
  EXPECT_EQ(a.target_RT, b.target_RT);
  EXPECT_EQ(a.observed_RT, b.observed_RT);
  EXPECT_EQ(a.dark_RT, b.dark_RT);
  EXPECT_EQ(a.media_RTC, b.media_RTC);
  EXPECT_EQ(a.controls_RTK, b.controls_RTK);
  EXPECT_EQ(a.population_R, b.population_R);
}

}  // namespace

TEST(TableImport, PutsRowsInTheirPlaces) {
  TemporaryFolder folder;
  ImportReport report;
  const auto panel = import_text(folder / "panel.csv", kTable, &report);
  EXPECT_THAT(panel.coordinates.regions, ElementsAre("9", "10"));  // by number, not by text
  EXPECT_THAT(panel.coordinates.weeks, ElementsAre("0", "1", "2"));
  EXPECT_THAT(panel.target_RT, ElementsAre(7, 0, 8, 5, 6, 0));
  EXPECT_THAT(panel.observed_RT, ElementsAre(1, 0, 1, 1, 1, 0));
  EXPECT_THAT(panel.media_RTC, ElementsAre(0, 0, 4, 1, 2, 3));
  EXPECT_THAT(panel.controls_RTK, ElementsAre(2.5, 2.5, 2.5, 0.5, 0.5, 1.5));
  EXPECT_THAT(panel.population_R, ElementsAre(50, 100));
  EXPECT_TRUE(panel.spend_RTC.empty());
  EXPECT_EQ(panel.coordinates.channels[0], "tv");
  EXPECT_EQ(panel.coordinates.channel_columns[0], "media_tv");
  EXPECT_EQ(panel.coordinates.target_column, "target");
  EXPECT_EQ(panel.coordinates.source, "panel.csv");
  EXPECT_EQ(panel.coordinates.source_sha256, sha256_of(kTable));
  EXPECT_EQ(report.rows, 5);
  EXPECT_EQ(report.missing_rows, 1);
  EXPECT_EQ(report.missing_targets, 1);
  EXPECT_EQ(report.observed_cells, 4);
  EXPECT_EQ(report.carried_control_cells, 2);
  EXPECT_THAT(report.incomplete_regions, ElementsAre("9"));
  EXPECT_THAT(describe(report),
              HasSubstr("5 rows: 2 regions x 3 weeks, 4 observed cells\n1 missing row in 1 region, masked: 9\n"));
  EXPECT_THAT(describe(report), Not(HasSubstr("population changes")));
}

TEST(TableImport, SaysThatATargetNeverChanges) {
  TemporaryFolder folder;
  const auto described = [&](const char* rows) {
    ImportReport report;
    import_text(folder / "panel.csv", text("region,week,target,media_tv\n", rows), &report);
    return describe(report);
  };
  const char* said = "The target is the same in every row of a region";
  EXPECT_THAT(described("A,0,5,1\nA,1,5,0\nB,0,7,2\nB,1,,8\nB,2,7,8\n"),
              AllOf(HasSubstr(said), HasSubstr("Is 'target' the right column (data.target)?")));
  EXPECT_THAT(described("A,0,5,1\nA,1,5,0\nB,0,7,2\nB,1,8,8\n"), Not(HasSubstr(said)));
}

TEST(TableImport, SaysWhichPopulationsChange) {
  TemporaryFolder folder;
  const char* table = "region,week,target,media_tv,population\nA,0,5,1,100\nA,1,5,0,140\nB,0,7,2,70\nB,1,8,0,70\n";
  ImportReport report;
  EXPECT_THAT(import_text(folder / "panel.csv", table, &report).population_R, ElementsAre(120, 70));
  EXPECT_THAT(describe(report),
              HasSubstr("1 region whose population changes from row to row; the mean of its rows is used: A (100 to "
                        "140)\n"));
}

TEST(TableImport, TellsDarkWeeksFromMissingRows) {
  TemporaryFolder folder;
  const char* table = "region,week,target,media_tv\nA,0,5,1\nA,1,,0\nA,2,,3\nA,3,6,0\nB,0,7,2\nB,2,8,0\nB,3,9,1\n";
  const Panel panel = import_text(folder / "dark.csv", table);
  EXPECT_THAT(panel.observed_RT, ElementsAre(1, 0, 0, 1, 1, 0, 1, 1));
  EXPECT_THAT(panel.dark_RT, ElementsAre(0, 1, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(slice_regions(panel, 1, 1).dark_RT, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(slice_weeks(panel, 1, 2).dark_RT, ElementsAre(1, 0, 0, 0));
  write_panel_file(folder / "dark.h5", panel);
  const PanelFile file(folder / "dark.h5");
  expect_same_data(file.read(0, 2), panel);
  EXPECT_THAT(file.read(1, 1).dark_RT, ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(PanelFile::read_in_blocks(folder / "dark.h5", 0, 2).dark_RT, panel.dark_RT);
  // Without such rows a file has no such array, and the checksum that it always had.
  EXPECT_TRUE(import_text(folder / "panel.csv", kTable).dark_RT.empty());
}

TEST(TableImport, CarriesControlsFromThePastOnly) {
  TemporaryFolder folder;
  ImportReport report;
  const std::string table =
      "region,week,target,media_tv,control_a\na,0,1,1,\na,1,1,1,3\na,2,1,1,\nb,0,1,1,9\nb,1,1,1,\nb,2,1,1,8\n";
  EXPECT_THAT(import_text(folder / "panel.csv", table, &report).controls_RTK, ElementsAre(0, 3, 3, 9, 9, 8));
  EXPECT_EQ(report.unknown_control_cells, 1);
  EXPECT_EQ(report.carried_control_cells, 2);
}

TEST(TableImport, ReadsTheSameFromGzipCrlfBomAndQuotes) {
  TemporaryFolder folder;
  const auto plain = import_text(folder / "panel.csv", kTable);
  ImportOptions zipped;
  zipped.source = write_gzip(folder / "panel.csv.gz", kTable);
  expect_same_data(import_table(zipped), plain);

  std::string excel = "\xEF\xBB\xBF";
  for (const char c : kTable) excel += c == '\n' ? "\r\n" : std::string(1, c);
  expect_same_data(import_text(folder / "excel.csv", excel), plain);

  std::string quoted = "\"";
  for (const char c : kTable.substr(0, kTable.size() - 1)) {
    quoted += c == ',' ? "\",\"" : c == '\n' ? "\"\n\"" : std::string(1, c);
  }
  expect_same_data(import_text(folder / "quoted.csv", quoted + "\""), plain);  // and no newline at the end
}

TEST(TableImport, AcceptsSpacesCommasAndAccentsInNames) {
  TemporaryFolder folder;
  const auto panel = import_text(folder / "panel.csv",
                                 "region, week ,target,media_TV spots\n"
                                 "\"New York, NY\",2024-01-01, 1 ,1e3\n"
                                 "Île-de-France ,2024-01-01,2,0\n"
                                 "\n"
                                 "\"New York, NY\",2024-01-08,-1,.5\n");
  EXPECT_THAT(panel.coordinates.regions, ElementsAre("New York, NY", "Île-de-France"));
  EXPECT_THAT(panel.coordinates.channels, ElementsAre("TV spots"));
  EXPECT_THAT(panel.media_RTC, ElementsAre(1000, 0.5, 0, 0));
  EXPECT_THAT(panel.target_RT, ElementsAre(1, -1, 2, 0));
}

TEST(TableImport, WarnsOfNegativeTargetsAndShortRegions) {
  TemporaryFolder folder;
  ImportReport report;
  import_text(folder / "panel.csv", "region,week,target,media_a\na,0,-1,1\na,1,2,1\n", &report);
  EXPECT_EQ(report.negative_targets, 1);
  EXPECT_THAT(report.short_regions, ElementsAre("a"));
  EXPECT_THAT(describe(report), HasSubstr("1 negative target"));
  EXPECT_THAT(describe(report), HasSubstr("ROI will be per media unit"));
}

TEST(TableImport, TakesMissingMediaAsZeroWhenTold) {
  TemporaryFolder folder;
  ImportOptions options;
  options.source = write_bytes(folder / "panel.csv", "region,week,target,media_a\na,0,1,\na,1,2,5\n");
  options.missing_media_is_zero = true;
  ImportReport report;
  EXPECT_THAT(import_table(options, &report).media_RTC, ElementsAre(0, 5));
  EXPECT_EQ(report.zeroed_media_cells, 1);
}

TEST(TableImport, ReadsSpendFromColumnsAndPrices) {
  TemporaryFolder folder;
  ImportOptions options;
  options.source =
      write_bytes(folder / "panel.csv", "region,week,target,media_a,media_b,eur_b\na,0,1,10,20,7\na,1,1,30,40,8\n");
  options.given.spend_of = {{"media_b", "eur_b"}};
  options.given.cost = {{"media_a", 0.5}};
  const auto panel = import_table(options);
  EXPECT_TRUE(panel.coordinates.has_spend);
  EXPECT_THAT(panel.spend_RTC, ElementsAre(5, 7, 15, 8));
}

TEST(TableImport, ReadsFutureRowsWithoutTarget) {
  TemporaryFolder folder;
  ImportOptions options;
  options.source =
      write_bytes(folder / "future.csv", "region,week,media_a,control_b\na,2024-01-01,3,\nb,2024-01-01,4,2\n");
  options.needs_target = false;
  options.unknown_control = NAN;
  const auto panel = import_table(options);
  EXPECT_THAT(panel.coordinates.weeks, ElementsAre("2024-01-01"));
  EXPECT_THAT(panel.media_RTC, ElementsAre(3, 4));
  EXPECT_TRUE(std::isnan(panel.controls_RTK[0]));
  EXPECT_EQ(panel.controls_RTK[1], 2);
  EXPECT_THAT(panel.observed_RT, ElementsAre(1, 1));  // there are rows
}

TEST(TableImport, ReadsParquetColumnsOfManyTypes) {
  TemporaryFolder folder;
  const auto plain =
      import_text(folder / "panel.csv",
                  "dma,date,sales,media_a,media_b,control_c\n501,2024-01-01,1.5,10,1,2\n501,2024-01-08,2.5,20,0,2\n"
                  "502,2024-01-01,,30,1,4\n502,2024-01-08,4.5,40,0,5\n");
  const int64_t kNanosecondsPerDay = 86'400'000'000'000;
  const int64_t monday = 19723 * kNanosecondsPerDay, next = monday + 7 * kNanosecondsPerDay;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::NANO), arrow::default_memory_pool());
  ASSERT_TRUE(times.AppendValues({monday, next, monday, next}).ok());
  const std::vector<std::string> names = {"dma", "date", "unused", "sales", "media_a", "media_b", "control_c"};
  std::vector<std::shared_ptr<arrow::Array>> columns = {
      arrow_array<arrow::Int64Builder, int64_t>({501, 501, 502, 502}),
      times.Finish().ValueOrDie(),
      arrow_array<arrow::StringBuilder, std::string>({"a", "b", "c", "d"}),
      arrow_array<arrow::DoubleBuilder, double>({1.5, 2.5, 0, 4.5}, {false, false, true, false}),
      arrow_array<arrow::Int32Builder, int32_t>({10, 20, 30, 40}),
      arrow_array<arrow::BooleanBuilder, bool>({true, false, true, false}),
      arrow_array<arrow::FloatBuilder, float>({2, 0, 4, 5}, {false, true, false, false})};
  ImportOptions options;
  options.source = write_parquet(folder / "panel.parquet", names, columns);
  expect_same_data(import_table(options), plain);
  options.source = write_parquet(folder / "groups.parquet", names, columns, 1);  // one row a row group
  expect_same_data(import_table(options), plain);

  // The same with text and dictionary labels, days and numbers kept as text.
  arrow::StringDictionaryBuilder regions;
  for (const char* label : {"501", "501", "502", "502"}) ASSERT_TRUE(regions.Append(label).ok());
  columns[0] = regions.Finish().ValueOrDie();
  columns[1] = arrow_array<arrow::Date32Builder, int32_t>({19723, 19730, 19723, 19730});
  columns[4] = arrow_array<arrow::StringBuilder, std::string>({"10", "20", "30", "40"});
  options.source = write_parquet(folder / "texts.parquet", names, columns);
  expect_same_data(import_table(options), plain);

  // A region column that held gaps once and became floating point is still a code.
  columns[0] = arrow_array<arrow::DoubleBuilder, double>({501, 501, 502, 502});
  options.source = write_parquet(folder / "floats.parquet", names, columns);
  expect_same_data(import_table(options), plain);

  // All digits of a code stand in its name.
  columns[0] = arrow_array<arrow::Int64Builder, int64_t>({9007199254740993, 9007199254740993, 100000, 100000});
  options.source = write_parquet(folder / "codes.parquet", names, columns);
  EXPECT_THAT(import_table(options).coordinates.regions, ElementsAre("100000", "9007199254740993"));
  columns[0] = arrow_array<arrow::DoubleBuilder, double>({500000, 500000, 100000, 100000});
  options.source = write_parquet(folder / "codes.parquet", names, columns);
  EXPECT_THAT(import_table(options).coordinates.regions, ElementsAre("100000", "500000"));
  columns[1] = arrow_array<arrow::Int64Builder, int64_t>({1700000000, 1700604800, 1700000000, 1700604800});
  options.source = write_parquet(folder / "seconds.parquet", names, columns);
  EXPECT_THAT(import_table(options).coordinates.weeks, ElementsAre("1700000000", "1700604800"));
}

TEST(TableImport, ReadsQuotedLineBreaksWhereverABlockOfTextEnds) {
  TemporaryFolder folder;
  std::string content = "region,week,target,media_tv,note\n";
  constexpr int kWeeks = 60;
  // Blocks end before the break in a note, mostly: there only it was taken for the end of a row.
  for (int region = 0; region < 500; ++region)
    for (int week = 0; week < kWeeks; ++week)
      content += text(region, ",", week, ",5,1,\"a note that goes on for most of the row before its second\nline\"\n");
  ASSERT_GT(content.size(), size_t{3} << 19);
  EXPECT_EQ(import_text(folder / "notes.csv", content).regions, 500);
}

TEST(TableImport, WritesAPanelFileBlockByBlockAsIfItHeldThePanel) {
  TemporaryFolder folder;
  // Regions far apart in the table, some without a week, without a target or dark; more rows than a batch holds.
  constexpr int kRegions = 700, kWeeks = 30;
  std::string content = "region,week,target,media_tv,media_web,spend_tv,control_price,population\n";
  for (int week = 0; week < kWeeks; ++week)
    for (int region = kRegions; region-- > 0;) {
      if ((region * 7 + week * 3) % 11 == 0) continue;
      const bool is_dark = (region + week) % 13 == 0;
      content += text("r", region, ",", week, ",", is_dark ? "" : std::to_string(region + week), ",",
                      is_dark ? 0 : week % 5, ",", is_dark ? 0 : region % 3, ",", week, ",",
                      week % 4 == 0 ? "" : std::to_string(week), ",", 100 + region, "\n");
    }
  ImportOptions options;
  options.source = write_bytes(folder / "panel.csv", content);
  options.given.spend_of["media_tv"] = "spend_tv";
  options.given.cost["media_web"] = 2.5;
  options.events = write_bytes(folder / "events.csv", "week,name,region\n3,opening,r650\n4,opening,r2\n5,sale,\n");
  ImportReport report;
  const Panel held = import_table(options, &report);
  ASSERT_FALSE(held.dark_RT.empty());
  ASSERT_EQ(held.coordinates.events(), 2);
  for (const int64_t memory : {int64_t{1} << 40, int64_t{0}}) {
    options.memory = memory;
    options.overflow = folder / "";
    const ImportReport written = import_table(options, folder / "panel.h5");
    EXPECT_FALSE(keeps_large_arrays_in_files());
    EXPECT_EQ(describe(written), describe(report));
    const PanelFile file(folder / "panel.h5");
    const Panel read = file.read(0, kRegions);
    expect_same_data(read, held);
    EXPECT_EQ(read.spend_RTC, held.spend_RTC);
    EXPECT_EQ(read.coordinates.controls, held.coordinates.controls);
    write_panel_file(folder / "held.h5", held);
    EXPECT_EQ(file.checksum(), PanelFile(folder / "held.h5").checksum());
  }
}

TEST(TableImport, RefusesAPanelOfMissingRows) {
  TemporaryFolder folder;
  // Order numbers as regions: 10,000 x 200 cells for 10,000 rows.
  std::string orders = "order_id,week,target,media_tv\n", ragged = orders;
  for (int row = 0; row < 10'000; ++row) orders += text(row, ",", row % 200, ",5,1\n");
  ImportOptions options;
  options.source = write_bytes(folder / "orders.csv", orders);
  options.given.region = "order_id";
  for (const bool needs_target : {true, false}) {  // of a forecast, too
    options.needs_target = needs_target;
    try {
      import_table(options, folder / "panel.h5");
      FAIL() << "taken for a panel";
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(),
                  HasSubstr("orders.csv, columns 'order_id' and 'week': 10000 regions x 200 weeks for only "
                            "10000 rows. Expected a row for most weeks of most regions: is 'order_id' "
                            "really the region (data.region)?"));
    }
    EXPECT_FALSE(std::filesystem::exists(folder / "panel.h5"));
  }
  // Every twelfth week is a real panel, if a ragged one.
  for (int region = 0; region < 6'000; ++region)
    for (int week = region % 12; week < 200; week += 12) ragged += text(region, ",", week, ",5,1\n");
  options.source = write_bytes(folder / "ragged.csv", ragged);
  options.needs_target = true;
  EXPECT_EQ(import_table(options, folder / "panel.h5").regions, 6'000);
}

TEST(TableImport, LeavesNothingOfATableThatIsRefusedHalfway) {
  TemporaryFolder folder;
  ImportOptions options;
  options.source = write_bytes(folder / "panel.csv", kTable + "11,0,,1,1,100\n");  // a region without any target
  options.memory = 0;
  options.overflow = folder / "";
  EXPECT_THROW(import_table(options, folder / "panel.h5"), UserError);
  EXPECT_FALSE(std::filesystem::exists(folder / "panel.h5"));
  EXPECT_FALSE(std::filesystem::exists(folder / "panel.h5.tmp"));
  // Behind a MiB, where rows lie in files already.
  std::string rows;
  for (int week = 3; week < 60'000; ++week) rows += text("9,", week, ",7,0,2.5,50\n");
  ASSERT_GT(rows.size(), size_t{1} << 20);
  options.source = write_bytes(folder / "panel.csv", kTable + rows + "11,0,many,1,1,100\n");
  EXPECT_THROW(import_table(options, folder / "panel.h5"), UserError);
  EXPECT_FALSE(keeps_large_arrays_in_files());
}

// Cells of a table larger than one batch, against where they must be.
TEST(TableImport, KeepsItsPlaceAcrossBatches) {
  TemporaryFolder folder;
  constexpr int kRegions = 700, kWeeks = 60;
  std::string table = "region,week,target,media_a,media_b,control_c\n";
  for (int i = 0; i < kRegions * kWeeks; ++i) {
    const int cell = static_cast<int>((int64_t{i} * 7919) % (kRegions * kWeeks));  // a permutation: 7919 is prime
    const int r = cell / kWeeks, t = cell % kWeeks;
    table += text(r, ",", t, ",", cell, ",", 2 * cell, ",", 3 * cell, ",", -cell, "                        \n");
  }
  ASSERT_GT(table.size(), size_t{1} << 21);
  const auto panel = import_text(folder / "panel.csv", table);
  ASSERT_EQ(panel.regions, kRegions);
  ASSERT_EQ(panel.weeks(), kWeeks);
  for (int64_t cell = 0; cell < kRegions * kWeeks; ++cell) {
    ASSERT_EQ(panel.target_RT[cell], cell);
    ASSERT_EQ(panel.media_RTC[2 * cell], 2 * cell);
    ASSERT_EQ(panel.media_RTC[2 * cell + 1], 3 * cell);
    ASSERT_EQ(panel.controls_RTK[cell], -cell);
    ASSERT_EQ(panel.observed_RT[cell], 1);
  }
}

TEST(TableImport, ReadsTheExample) {
  ImportOptions options;
  options.source = std::filesystem::path(DCMMM_SOURCE_DIR) / "data/examples/three_regions.csv";
  ImportReport report;
  const auto panel = import_table(options, &report);
  EXPECT_EQ(panel.regions, 3);
  EXPECT_EQ(panel.weeks(), 16);
  EXPECT_EQ(panel.channels(), 2);
  EXPECT_EQ(panel.controls(), 1);
  EXPECT_EQ(report.missing_rows, 0);
  EXPECT_EQ(panel.coordinates.step, TimeStep::kWeek);
}

}  // namespace dcmmm
