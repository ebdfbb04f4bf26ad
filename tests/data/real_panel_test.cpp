// The public real panel that set-up fetches: 190 DMAs x 109 weeks x 13 channels x 7 controls.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>

#include "data/table_import.hpp"

namespace dcmmm {
namespace {

std::filesystem::path real_panel() {
  const char* given = std::getenv("DCMMM_REAL_PANEL");
  return given ? std::filesystem::path(given) : std::filesystem::path(DCMMM_SOURCE_DIR) / ".deps/panel/mmm_data.csv";
}

}  // namespace

TEST(RealPanel, ImportsWithGuessedRoles) {
  ASSERT_TRUE(std::filesystem::exists(real_panel()))
      << "The real panel isn't at " << real_panel()
      << ". Run `bash launch/build.sh`, which fetches it, or set DCMMM_REAL_PANEL.";
  ImportOptions options;
  options.source = real_panel();
  ImportReport report;
  const auto start = std::chrono::steady_clock::now();
  const auto panel = import_table(options, &report);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  RecordProperty("import_seconds", std::to_string(seconds.count()));
  EXPECT_LT(seconds.count(), 10.0);  // 0.1 s on an idle core: this is for what grows too fast
  EXPECT_EQ(panel.regions, 190);
  EXPECT_EQ(panel.weeks(), 109);
  EXPECT_EQ(panel.channels(), 13);
  EXPECT_EQ(panel.controls(), 7);
  EXPECT_EQ(report.rows, 20370);
  EXPECT_EQ(report.missing_rows, 340);
  EXPECT_EQ(report.observed_cells, 20370);
  EXPECT_EQ(report.incomplete_regions, (std::vector<std::string>{"509", "518", "734", "744", "766", "801"}));
  EXPECT_EQ(panel.coordinates.weeks.front(), "0");
  EXPECT_EQ(panel.coordinates.weeks.back(), "108");
  EXPECT_EQ(panel.coordinates.step, TimeStep::kWeek);
  EXPECT_EQ(panel.coordinates.region_column, "dmacode");
  EXPECT_EQ(panel.coordinates.channels[0], "Channel_01_delayed_lag_1_decay_0.05_delay_1");
  EXPECT_EQ(std::accumulate(panel.observed_RT.begin(), panel.observed_RT.end(), int64_t{0}), 20370);
}

// Every cell against a plain reading of the file by lines and commas.
TEST(RealPanel, HoldsEveryCellOfTheFile) {
  ASSERT_TRUE(std::filesystem::exists(real_panel())) << "The real panel is missing: run `bash launch/build.sh`.";
  ImportOptions options;
  options.source = real_panel();
  const auto panel = import_table(options);
  std::map<std::string, int64_t> place;
  for (int64_t r = 0; r < panel.regions; ++r) place[panel.coordinates.regions[r]] = r;
  std::ifstream in(real_panel());
  std::string line, field;
  std::getline(in, line);
  int64_t rows = 0;
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::vector<std::string> cells;
    while (std::getline(fields, field, ',')) cells.push_back(field);
    ASSERT_EQ(cells.size(), 23u);
    ASSERT_TRUE(place.count(cells[0]));
    const int64_t cell = place[cells[0]] * 109 + std::stoi(cells[1]);
    for (int64_t c = 0; c < 13; ++c) ASSERT_EQ(panel.media_RTC[cell * 13 + c], std::stod(cells[2 + c]));
    ASSERT_EQ(panel.target_RT[cell], std::stod(cells[15]));
    for (int64_t k = 0; k < 7; ++k) ASSERT_EQ(panel.controls_RTK[cell * 7 + k], std::stod(cells[16 + k]));
    ++rows;
  }
  EXPECT_EQ(rows, 20370);
}

}  // namespace dcmmm
