#include "analysis/panel_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/files.hpp"
#include "data/synthetic_calendar.hpp"
#include "data/table_import.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {

// Written and imported again, a panel is what it was, its events and weekdays included.
TEST(PanelTable, IsReadBackAsTheSamePanel) {
  const testing::TemporaryFolder folder;
  SyntheticOptions made;
  made.kind = SyntheticKind::kRagged;
  made.missing_rows = 0.1;
  made.step = TimeStep::kDay;
  made.regions = 5;
  made.weeks = 200;
  made.channels = 3;
  made.controls = 2;
  made.promotions = 2;
  made.has_spend = true;
  const PanelCoordinates names = synthetic_coordinates(made);
  PanelTable table(folder / "panel.csv", "panel.csv", names);
  Panel whole;
  generate_panel(made, [&](const Panel& panel, const TruthBlock&) {
    whole = panel;
    for (int64_t r = 0; r < 5; r += 2) table.append(slice_regions(panel, r, std::min<int64_t>(2, 5 - r)));
  });
  table.finish();
  write_text_file(folder / "events.csv", events_csv(draw_calendar(made, names.weeks).events));

  ImportOptions options;
  options.source = folder / "panel.csv";
  options.events = folder / "events.csv";
  const Panel read = import_table(options);
  EXPECT_EQ(read.coordinates.weeks, names.weeks);
  EXPECT_EQ(read.coordinates.step, TimeStep::kDay);
  EXPECT_EQ(read.coordinates.channels, names.channels);
  EXPECT_EQ(read.coordinates.controls, names.controls);
  EXPECT_EQ(read.observed_RT, whole.observed_RT);
  EXPECT_EQ(read.target_RT, whole.target_RT);
  EXPECT_EQ(read.media_RTC, whole.media_RTC);
  EXPECT_EQ(read.spend_RTC, whole.spend_RTC);
  EXPECT_EQ(read.controls_RTK, whole.controls_RTK);
  for (int64_t r = 0; r < 5; ++r) EXPECT_NEAR(read.population_R[r] / whole.population_R[r], 1.0, 1e-12);
}

}  // namespace dcmmm
