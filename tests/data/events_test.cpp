#include "data/events.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.hpp"
#include "data/table_import.hpp"
#include "tests/data/table_files.hpp"

namespace dcmmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Panel panel_of(std::vector<std::string> regions, std::vector<std::string> weeks, TimeStep step = TimeStep::kWeek) {
  Panel panel;
  panel.coordinates.regions = std::move(regions);
  panel.coordinates.weeks = std::move(weeks);
  panel.coordinates.step = step;
  panel.coordinates.controls = {"price"};
  panel.coordinates.control_columns = {"control_price"};
  panel.regions = static_cast<int64_t>(panel.coordinates.regions.size());
  for (int64_t cell = 0; cell < panel.regions * panel.weeks(); ++cell)
    panel.controls_RTK.push_back(10.0 + static_cast<double>(cell));
  return panel;
}

const std::vector<std::string> kWeeks = {"2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22", "2024-01-29"};

// A column of one region.
std::vector<double> column(const Panel& panel, int64_t region, int64_t control) {
  std::vector<double> values;
  for (int64_t t = 0; t < panel.weeks(); ++t)
    values.push_back(panel.controls_RTK[(region * panel.weeks() + t) * panel.controls() + control]);
  return values;
}

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST(Events, FallIntoTheWeeksOfTheirDates) {
  const TemporaryFolder folder;
  const auto file = write_bytes(folder / "events.csv",
                                "date,name,region,window\n"
                                "2024-01-08,promo,,\n"        // a week's first day
                                "2024-01-21,holiday,B,0:1\n"  // the last day of the third week
                                "2023-12-31,early,,-1:2\n"    // the day before the panel
                                "2024-02-05,late,A,-2:+1\n"   // the day after its last week
                                "2025-01-01,never,,\n");
  Panel panel = panel_of({"A", "B"}, kWeeks);
  const auto notes = add_events(panel, read_events(file));
  EXPECT_THAT(panel.coordinates.controls,
              ElementsAre("price", "event:promo", "event:holiday", "event:early", "event:late"));
  EXPECT_EQ(panel.coordinates.events(), 4);
  EXPECT_THAT(column(panel, 1, 0), ElementsAre(15, 16, 17, 18, 19));
  for (int64_t r : {0, 1}) {
    EXPECT_THAT(column(panel, r, 1), ElementsAre(0, 1, 0, 0, 0));
    EXPECT_THAT(column(panel, r, 3), ElementsAre(1, 1, 0, 0, 0));
  }
  EXPECT_THAT(column(panel, 0, 2), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(column(panel, 1, 2), ElementsAre(0, 0, 1, 1, 0));
  EXPECT_THAT(column(panel, 0, 4), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(column(panel, 1, 4), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(notes, ElementsAre("Events without a week in the panel, left out: never"));
}

TEST(Events, ReadMonthsDaysAndIntegers) {
  const TemporaryFolder folder;
  const auto months = write_bytes(folder / "months.csv", "date,name,weeks_before,weeks_after\n2024-02-29,sale,0,1\n");
  Panel monthly = panel_of({"A"}, {"2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"}, TimeStep::kMonth);
  add_events(monthly, read_events(months));
  EXPECT_THAT(column(monthly, 0, 1), ElementsAre(0, 0, 1, 1));

  const auto integers = write_bytes(folder / "integers.csv", "week,name\n4,sale\n8,sale\n");
  Panel counted = panel_of({"A"}, {"2", "4", "6", "8"});
  add_events(counted, read_events(integers));
  EXPECT_THAT(column(counted, 0, 1), ElementsAre(0, 1, 0, 1));

  Panel daily = panel_of({"A"}, {"2024-02-27", "2024-02-28", "2024-02-29"}, TimeStep::kDay);
  add_events(daily, read_events(months));
  EXPECT_THAT(column(daily, 0, 1), ElementsAre(0, 0, 1));
}

TEST(Events, OfAForecastAreThoseOfTheTrainedPanel) {
  const TemporaryFolder folder;
  const auto file = write_bytes(folder / "events.csv", "date,name\n2024-01-08,promo\n2024-01-15,fair\n");
  Panel panel = panel_of({"A"}, kWeeks);
  const auto notes = add_events(panel, read_events(file), std::vector<std::string>{"event:holiday", "event:promo"});
  EXPECT_THAT(panel.coordinates.controls, ElementsAre("price", "event:holiday", "event:promo"));
  EXPECT_THAT(column(panel, 0, 1), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(column(panel, 0, 2), ElementsAre(0, 1, 0, 0, 0));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], HasSubstr("trained without the events fair"));
}

TEST(Events, AreRefusedWithTheirLine) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& table, Panel panel = panel_of({"North", "South"}, kWeeks)) {
    const auto file = write_bytes(folder / "events.csv", table);
    return error_of([&] { add_events(panel, read_events(file)); });
  };
  EXPECT_THAT(refused("date,name\n2024-01-08,a\n25.12.2024,b\n"),
              HasSubstr("events.csv, line 3, column 'date': '25.12.2024' is not a week. Expected"));
  EXPECT_THAT(refused("date,name\n2024-01-08,\n"), HasSubstr("line 2, column 'name': '' is an event without a name"));
  EXPECT_THAT(refused("date,name\n2024-01-08,\"a\r\nb\"\n"),
              HasSubstr("line 2, column 'name': 'a  b' is a name with a line break"));
  EXPECT_THAT(refused("date,name,region\n2024-01-08,a,Nort\n"),
              HasSubstr("line 2, column 'region': the panel has no region 'Nort'. Did you mean 'North'?"));
  for (const std::string window : {"2:1", "x", "1:2:3", "1:", "-2000:0"}) {
    EXPECT_THAT(refused("date,name,window\n2024-01-08,a," + window + "\n"),
                HasSubstr("line 2, column 'window': '" + window + "' is not a window of weeks"));
  }
  EXPECT_THAT(refused("date,name,weeks_after\n2024-01-08,a,-1\n"),
              HasSubstr("line 2, column 'weeks_after': '-1' is not a number of weeks"));
  EXPECT_THAT(refused("date,name,window,weeks_after\n2024-01-08,a,0:1,1\n"), HasSubstr("'window' stands beside"));
  EXPECT_THAT(refused("when,name\n2024-01-08,a\n"), HasSubstr("needs the columns 'date' (or 'week') and 'name'"));
  EXPECT_THAT(refused("date,name\n"), HasSubstr("events.csv: "));
  EXPECT_THAT(refused("date,name\n3,a\n"), HasSubstr("line 2: event 'a' has an integer as its week"));
  EXPECT_THAT(refused("week,name\n3,a\n", panel_of({"A"}, {"0", "2", "4"})),
              HasSubstr("line 2: week 3 of event 'a' lies between the panel's weeks"));
  EXPECT_THAT(refused("week,name\n2024-01-08,a\n", panel_of({"A"}, {"0", "2", "4"})), HasSubstr("has a date"));
}

TEST(Events, KnowTheirPlaceOnlyWhenAsked) {
  const TemporaryFolder folder;
  const auto file = write_bytes(folder / "events.csv", "date,name\n2024-01-08,a\n\n2024-01-15,b\n");
  const EventTable table = read_events(file);
  ASSERT_EQ(table.events.size(), 2u);
  EXPECT_EQ(table.place(table.events[1]), file.string() + ", line 4");
  // No file is read for those that are all right.
  std::filesystem::remove(file);
  Panel panel = panel_of({"A"}, kWeeks);
  EXPECT_NO_THROW(add_events(panel, table));
}

TEST(Events, ComeWithTheImport) {
  const TemporaryFolder folder;
  ImportOptions options;
  options.source = write_bytes(folder / "sales.csv",
                               "region,week,sales,media_tv,control_price\n"
                               "A,2024-01-01,1,2,3\nA,2024-01-08,4,5,6\nB,2024-01-01,1,2,9\n");
  options.events = write_bytes(folder / "events.csv", "date,name\n2024-01-10,promo\n");
  ImportReport report;
  const Panel panel = import_table(options, &report);
  EXPECT_THAT(panel.controls_RTK, ElementsAre(3, 0, 6, 1, 9, 0, 9, 1));
  EXPECT_THAT(report.events, ElementsAre("promo"));
  EXPECT_THAT(describe(report), HasSubstr("1 event: promo"));

  options.events.reset();
  options.source = write_bytes(folder / "odd.csv",
                               "region,week,sales,media_tv,control_event:x\nA,2024-01-01,1,2,3\nA,2024-01-08,4,5,6\n");
  EXPECT_THAT(error_of([&] { import_table(options); }), HasSubstr("the control 'event:x' is named like an event"));
}

}  // namespace dcmmm
