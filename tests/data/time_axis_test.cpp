#include "data/time_axis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TimeAxis axis_of(const std::vector<std::string>& labels) {
  std::vector<int64_t> values;
  bool are_dates = false;
  for (const auto& label : labels) {
    const auto point = parse_time(label);
    EXPECT_TRUE(point) << label;
    values.push_back(point->value);
    are_dates = point->is_date;
  }
  return make_time_axis(values, are_dates, "panel.csv: ");
}

std::string message_of(const std::vector<std::string>& labels) {
  try {
    axis_of(labels);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST(TimeAxis, ReadsDatesLikeTheSystemCalendar) {
  for (int64_t day = -20000; day < 40000; day += 37) {
    const std::time_t seconds = day * 86400;
    char expected[32];
    std::strftime(expected, sizeof expected, "%Y-%m-%d", std::gmtime(&seconds));
    EXPECT_EQ(iso_date(day), expected);
    EXPECT_EQ(parse_time(expected)->value, day);
    EXPECT_TRUE(parse_time(expected)->is_date);
  }
}

TEST(TimeAxis, ReadsTheFormsOfADate) {
  const int64_t day = parse_time("2024-03-25")->value;
  for (const char* label : {"20240325", "2024-03-25T00:00:00", "2024-03-25 00:00:00", "2024-03-25T00:00:00Z"}) {
    ASSERT_TRUE(parse_time(label)) << label;
    EXPECT_TRUE(parse_time(label)->is_date) << label;
    EXPECT_EQ(parse_time(label)->value, day) << label;
  }
  EXPECT_EQ(iso_date(parse_time("2024-03")->value), "2024-03-01");
}

TEST(TimeAxis, ReadsIntegers) {
  EXPECT_FALSE(parse_time("-3")->is_date);
  EXPECT_EQ(parse_time("-3")->value, -3);
  EXPECT_EQ(parse_time("108")->value, 108);
  EXPECT_FALSE(parse_time("20249999")->is_date);
}

TEST(TimeAxis, RefusesWhatIsNeither) {
  for (const char* label :
       {"", "2024-02-30", "2023-02-29", "2024-13-01", "25/03/2024", "2024-3-5", "week 7", "1.5", "2024-03-25T09:30:00",
        "2024-0a-01", "99999999999999999999", "1000000000000000000", "-1000000000000000000", "9223372036854775807"}) {
    EXPECT_FALSE(parse_time(label)) << label;
  }
}

TEST(TimeAxis, CompletesWeeks) {
  const auto axis = axis_of({"2024-01-01", "2024-01-08", "2024-01-29"});
  EXPECT_EQ(axis.step, TimeStep::kWeek);
  EXPECT_THAT(axis.labels, ElementsAre("2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22", "2024-01-29"));
  EXPECT_EQ(axis.index_of(parse_time("2024-01-29")->value), 4);
}

TEST(TimeAxis, CompletesDaysOverWeekends) {
  const auto axis = axis_of({"2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12"});
  EXPECT_EQ(axis.step, TimeStep::kDay);
  EXPECT_EQ(axis.labels.size(), 6u);
}

TEST(TimeAxis, CompletesMonths) {
  const auto first_days = axis_of({"2023-12-01", "2024-01-01", "2024-03-01"});
  EXPECT_EQ(first_days.step, TimeStep::kMonth);
  EXPECT_THAT(first_days.labels, ElementsAre("2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01"));
  const auto last_days = axis_of({"2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-06-30"});
  EXPECT_EQ(last_days.step, TimeStep::kMonth);
  EXPECT_EQ(last_days.labels[4], "2024-05-31");
  const auto thirtieths = axis_of({"2024-01-30", "2024-02-29", "2024-03-30"});
  EXPECT_EQ(thirtieths.step, TimeStep::kMonth);
}

TEST(TimeAxis, GoesOnAfterItsLastStep) {
  const auto next = [](const std::vector<std::string>& labels) {
    const TimeAxis axis = axis_of(labels);
    return next_label(axis.labels, axis.step);
  };
  EXPECT_EQ(next({"3", "5"}), "7");
  EXPECT_EQ(next({"2024-02-27", "2024-02-28"}), "2024-02-29");
  EXPECT_EQ(next({"2024-12-23", "2024-12-30"}), "2025-01-06");
  // The first of a month, and another day.
  EXPECT_EQ(next({"2024-11-01", "2024-12-01"}), "2025-01-01");
  EXPECT_EQ(next({"2024-01-15", "2024-02-15"}), "2024-03-15");
  // The last day, whatever the last month's length.
  EXPECT_EQ(next({"2024-01-31", "2024-02-29", "2024-03-31"}), "2024-04-30");
  EXPECT_EQ(next({"2024-01-31", "2024-02-29"}), "2024-03-31");
  EXPECT_EQ(next({"2023-01-31", "2023-02-28"}), "2023-03-31");
  EXPECT_EQ(next({"2024-03-31", "2024-04-30"}), "2024-05-31");
  EXPECT_EQ(next({"2024-01-31", "2024-02-29", "2024-04-30"}), "2024-05-31");  // with a gap
  EXPECT_EQ(next({"2024-11-30", "2024-12-31"}), "2025-01-31");
  // A common day that some months haven't got.
  EXPECT_EQ(next({"2023-01-28", "2023-02-28"}), "2023-03-28");
  EXPECT_EQ(next({"2024-01-29", "2024-02-29"}), "2024-03-29");
  EXPECT_EQ(next({"2022-12-30", "2023-01-30", "2023-02-28"}), "2023-03-30");
  EXPECT_EQ(next({"2022-12-30", "2023-01-30"}), "2023-02-28");
  EXPECT_EQ(next({"2024-03-30", "2024-04-30"}), "2024-05-30");
}

TEST(TimeAxis, TakesIntegersAsWeeks) {
  const auto axis = axis_of({"-1", "0", "3"});
  EXPECT_EQ(axis.step, TimeStep::kWeek);
  EXPECT_THAT(axis.labels, ElementsAre("-1", "0", "1", "2", "3"));
  EXPECT_THAT(axis_of({"0", "7", "21"}).labels, ElementsAre("0", "7", "14", "21"));
}

TEST(TimeAxis, TakesIntegersOfUpTo18Digits) {
  const std::string last(18, '9');
  EXPECT_THAT(axis_of({"-" + last, last}).labels, ElementsAre("-" + last, last));
  EXPECT_EQ(next_label({"-" + last, last}, TimeStep::kWeek), "2999999999999999997");
  EXPECT_THAT(message_of({"0", "1", last}), HasSubstr("nothing stands between '1' and '" + last + "'"));
}

TEST(TimeAxis, NamesTheFirstIrregularStep) {
  const auto message = message_of({"2024-01-01", "2024-01-08", "2024-01-16", "2024-01-23", "2024-01-30"});
  EXPECT_THAT(message,
              HasSubstr("panel.csv: '2024-01-16' comes 8 days after '2024-01-08', while most steps are of 7 days"));
}

TEST(TimeAxis, RefusesOtherSteps) {
  EXPECT_THAT(message_of({"2024-01-01", "2024-01-15", "2024-01-29"}), HasSubstr("the rows are 14 days apart"));
  EXPECT_THAT(message_of({"2024-01-01", "2024-04-01", "2024-07-01"}), HasSubstr("the rows are 3 months apart"));
}

TEST(TimeAxis, SuspectsAMistypedDate) {
  EXPECT_THAT(message_of({"2024-01-01", "2024-01-08", "2024-01-15", "2104-01-14"}),
              HasSubstr("nothing stands between '2024-01-15' and '2104-01-14'"));
}

TEST(TimeAxis, RefusesYearAndWeekInOneNumber) {
  EXPECT_THAT(message_of({"202351", "202352", "202401"}), HasSubstr("'202351' looks like a year and a week"));
}

TEST(TimeAxis, KnowsTheSeasonalPeriodOfAStep) {
  EXPECT_EQ(seasonal_period(TimeStep::kDay), 365.25);
  EXPECT_EQ(seasonal_period(TimeStep::kWeek), 52.18);
  EXPECT_EQ(seasonal_period(TimeStep::kMonth), 12.0);
}

}  // namespace dcmmm
