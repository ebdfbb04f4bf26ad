#include "data/week_places.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

PanelCoordinates panel(std::vector<std::string> weeks, TimeStep step = TimeStep::kWeek) {
  PanelCoordinates names;
  names.weeks = std::move(weeks);
  names.step = step;
  return names;
}

// The place of a good row: nobody may ask where that stands, since a file is read for the answer.
int64_t place(const PanelCoordinates& names, const std::string& label) {
  const auto where = [&] {
    ADD_FAILURE() << "asked where " << label << " stands";
    return std::string();
  };
  return WeekPlaces(names).place(*parse_time(label), where, "event 'x'");
}

std::string message_of(const PanelCoordinates& names, const std::string& label) {
  try {
    WeekPlaces(names).place(
        *parse_time(label), [] { return "events.csv, line 3"; }, "event 'x'");
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST(WeekPlaces, CountsStepsFromTheFirstWeek) {
  const auto weekly = panel({"2024-01-01", "2024-01-08"});
  EXPECT_EQ(place(weekly, "2024-01-14"), 1);
  EXPECT_EQ(place(weekly, "2023-12-31"), -1);
  EXPECT_EQ(place(weekly, "2023-12-24"), -2);
  EXPECT_EQ(place(panel({"2024-01-01"}, TimeStep::kDay), "2024-02-01"), 31);
  const auto monthly = panel({"2023-11-30", "2023-12-31"}, TimeStep::kMonth);
  EXPECT_EQ(place(monthly, "2024-02-01"), 3);
  EXPECT_EQ(place(monthly, "2023-11-01"), 0);
  EXPECT_EQ(place(monthly, "2022-12-15"), -11);
  EXPECT_EQ(place(panel({"2", "4"}), "8"), 3);
  EXPECT_EQ(place(panel({"-999999999999999999", "0"}), "999999999999999999"), 2);
}

TEST(WeekPlaces, SaysWhereAWeekOfAnotherKindStandsAndWhatToDo) {
  EXPECT_THAT(message_of(panel({"2", "4"}), "5"),
              AllOf(HasSubstr("events.csv, line 3: week 5 of event 'x' lies between the panel's weeks"),
                    HasSubstr("in steps of 2. Expected one of them; correct the week.")));
  EXPECT_THAT(message_of(panel({"2024-01-01"}), "5"),
              AllOf(HasSubstr("events.csv, line 3: event 'x' has an integer"), HasSubstr("Expected the same kind")));
}

}  // namespace dcmmm
