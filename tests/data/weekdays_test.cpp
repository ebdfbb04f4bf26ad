#include "data/weekdays.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/table_import.hpp"
#include "tests/data/table_files.hpp"

namespace dcmmm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Rows of one region from 2024-02-26, a Monday, on.
std::filesystem::path days(const std::filesystem::path& path, const std::vector<std::string>& dates,
                           bool target = true) {
  std::string rows = target ? "region,date,sales,media_tv\n" : "region,date,media_tv\n";
  for (size_t i = 0; i < dates.size(); ++i)
    rows += "A," + dates[i] + (target ? ",10" : "") + "," + std::to_string(i) + "\n";
  return write_bytes(path, rows);
}

const std::vector<std::string> kNineDays = {"2024-02-26", "2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01",
                                            "2024-03-02", "2024-03-03", "2024-03-04", "2024-03-05"};

std::vector<double> column(const Panel& panel, const std::string& name) {
  std::vector<double> values;
  const auto& controls = panel.coordinates.controls;
  const auto k = std::find(controls.begin(), controls.end(), name) - controls.begin();
  for (int64_t t = 0; t < panel.weeks(); ++t) values.push_back(panel.controls_RTK[t * panel.controls() + k]);
  return values;
}

}  // namespace

TEST(Weekdays, AreEventsOfADailyPanel) {
  const TemporaryFolder folder;
  ImportOptions options;
  options.source = days(folder / "days.csv", kNineDays);
  const Panel panel = import_table(options);
  EXPECT_THAT(panel.coordinates.controls,
              ElementsAre("event:weekday_tuesday", "event:weekday_wednesday", "event:weekday_thursday",
                          "event:weekday_friday", "event:weekday_saturday", "event:weekday_sunday"));
  EXPECT_THAT(column(panel, "event:weekday_tuesday"), ElementsAre(0, 1, 0, 0, 0, 0, 0, 0, 1));
  EXPECT_THAT(column(panel, "event:weekday_thursday"), ElementsAre(0, 0, 0, 1, 0, 0, 0, 0, 0));
  EXPECT_THAT(column(panel, "event:weekday_sunday"), ElementsAre(0, 0, 0, 0, 0, 0, 1, 0, 0));
}

TEST(Weekdays, StandBesideOtherEvents) {
  const TemporaryFolder folder;
  ImportOptions options;
  options.source = days(folder / "days.csv", kNineDays);
  options.events = write_bytes(folder / "events.csv", "date,name,window\n2024-03-01,sale,0:1\n");
  const Panel panel = import_table(options);
  EXPECT_EQ(panel.coordinates.events(), 7);
  EXPECT_THAT(column(panel, "event:sale"), ElementsAre(0, 0, 0, 0, 1, 1, 0, 0, 0));
  EXPECT_THAT(column(panel, "event:weekday_friday"), ElementsAre(0, 0, 0, 0, 1, 0, 0, 0, 0));
}

TEST(Weekdays, AreLeftOutWhereStepsAreLongerOrNotWanted) {
  const TemporaryFolder folder;
  ImportOptions options;
  options.source = days(folder / "weeks.csv", {"2024-02-26", "2024-03-04", "2024-03-11"});
  EXPECT_THAT(import_table(options).coordinates.controls, IsEmpty());
  options.source = days(folder / "days.csv", kNineDays);
  options.weekdays = false;
  EXPECT_THAT(import_table(options).coordinates.controls, IsEmpty());
}

// A table of one day can't show its step: a forecast knows it from the run, and which weekdays that has.
TEST(Weekdays, FollowTheRunInForecasts) {
  const TemporaryFolder folder;
  ImportOptions options;
  options.source = days(folder / "day.csv", {"2024-03-06"}, false);
  options.events = write_bytes(folder / "events.csv", "date,name\n2024-03-07,sale\n");  // the day after
  options.needs_target = false;
  options.step = TimeStep::kDay;
  options.event_names = {"event:weekday_tuesday", "event:weekday_wednesday", "event:sale"};
  ImportReport report;
  const Panel panel = import_table(options, &report);
  EXPECT_THAT(panel.coordinates.controls,
              ElementsAre("event:weekday_tuesday", "event:weekday_wednesday", "event:sale"));
  EXPECT_THAT(panel.controls_RTK, ElementsAre(0, 1, 0));
  EXPECT_THAT(report.event_notes, IsEmpty());
}

TEST(Weekdays, AreKnownByTheirNames) {
  EXPECT_TRUE(is_weekday("event:weekday_tuesday"));
  EXPECT_FALSE(is_weekday("event:weekday_monday"));
  EXPECT_FALSE(is_weekday("weekday_tuesday"));
  EXPECT_FALSE(is_weekday("event:sale"));
}

}  // namespace dcmmm
