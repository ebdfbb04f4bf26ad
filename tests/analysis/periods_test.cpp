#include "analysis/periods.hpp"

#include <gtest/gtest.h>

#include <map>

#include "data/time_axis.hpp"

namespace dcmmm {
namespace {

// Every kind's periods follow each other and hold all weeks.
void expect_complete(const std::vector<Period>& periods, int64_t weeks) {
  std::map<std::string, int64_t> end;
  for (const Period& period : periods) {
    EXPECT_EQ(period.first, end[period.kind]) << period.kind << " " << period.label;
    EXPECT_GT(period.count, 0);
    end[period.kind] = period.first + period.count;
  }
  for (const auto& [kind, last] : end) EXPECT_EQ(last, weeks) << kind;
}

TEST(Periods, WeeksBelongToTheMonthInWhichTheyBegin) {
  std::vector<std::string> weeks;
  for (int64_t week = 0; week < 60; ++week) weeks.push_back(iso_date(19723 + 7 * week));  // from 2024-01-01 on
  const std::vector<Period> periods = periods_of(weeks, TimeStep::kWeek);
  expect_complete(periods, 60);
  EXPECT_EQ(periods[0].kind, "month");
  EXPECT_EQ(periods[0].label, "2024-01");
  EXPECT_EQ(periods[0].count, 5);  // 1, 8, 15, 22 and 29 January
  std::map<std::string, int64_t> quarters;
  for (const Period& period : periods)
    if (period.kind == "quarter") quarters[period.label] = period.count;
  EXPECT_EQ(quarters["2024-Q1"], 13);
  EXPECT_EQ(quarters["2024-Q3"], 14);  // from 1 July to the week of 30 September
  EXPECT_EQ(quarters["2024-Q4"], 13);  // to the week of 30 December
  EXPECT_EQ(periods.back().label, "2025");
}

TEST(Periods, WeeksWithoutDatesAreCounted) {
  std::vector<std::string> weeks;
  for (int week = 5; week < 35; ++week) weeks.push_back(std::to_string(week));
  const std::vector<Period> periods = periods_of(weeks, TimeStep::kWeek);
  expect_complete(periods, 30);
  EXPECT_EQ(periods[0].kind, "4 weeks");
  EXPECT_EQ(periods[0].label, "5..8");
  EXPECT_EQ(periods[7].label, "33..34");
  EXPECT_EQ(periods.back().label, "5..34");
}

TEST(Periods, MonthsHaveQuartersAndYears) {
  const std::vector<Period> periods = periods_of({"2023-11", "2023-12", "2024-01"}, TimeStep::kMonth);
  expect_complete(periods, 3);
  ASSERT_EQ(periods.size(), 4u);
  EXPECT_EQ(periods[0].label, "2023-Q4");
  EXPECT_EQ(periods[1].label, "2024-Q1");
  EXPECT_EQ(periods[3].label, "2024");
}

}  // namespace
}  // namespace dcmmm
