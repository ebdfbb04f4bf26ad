#include "data/time_axis.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <numeric>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

namespace chr = std::chrono;

// Beyond this many weeks of the axis for each week that has a row, a date is more likely mistyped than a gap real.
constexpr int64_t kMaximumSparsity = 4;

// Of an integer week: differences, and steps beyond the last one, stay far from int64's end.
constexpr int64_t kLargestWeek = 999'999'999'999'999'999;

std::optional<int64_t> parse_integer(std::string_view digits) {
  int64_t value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || result.ec != std::errc() || result.ptr != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<TimePoint> make_date(std::string_view year, std::string_view month, std::string_view day) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (const auto part : {year, month, day}) {
    if (!std::all_of(part.begin(), part.end(), is_digit)) return std::nullopt;
  }
  const chr::year_month_day date{chr::year(static_cast<int>(*parse_integer(year))),
                                 chr::month(static_cast<unsigned>(*parse_integer(month))),
                                 chr::day(static_cast<unsigned>(*parse_integer(day)))};
  if (!date.ok()) return std::nullopt;
  return TimePoint{true, chr::sys_days(date).time_since_epoch().count()};
}

chr::year_month_day to_date(int64_t days) { return chr::sys_days(chr::days(days)); }

bool is_last_of_month(int64_t days) { return static_cast<unsigned>(to_date(days + 1).day()) == 1; }

// The given day of that month, or the month's last day when it has none such.
int64_t day_in_month(int64_t month_number, unsigned day) {
  const chr::year_month month{chr::year(static_cast<int>(month_number / 12)),
                              chr::month(static_cast<unsigned>(month_number % 12) + 1)};
  const chr::sys_days last = chr::sys_days(month / chr::last);
  const chr::sys_days wanted = chr::sys_days(month / chr::day(1)) + chr::days(day - 1);
  return std::min(wanted, last).time_since_epoch().count();
}

std::vector<int64_t> differences(const std::vector<int64_t>& values) {
  std::vector<int64_t> steps(values.size());
  std::adjacent_difference(values.begin(), values.end(), steps.begin());
  steps.erase(steps.begin());
  return steps;
}

int64_t most_common(const std::vector<int64_t>& steps) {
  std::map<int64_t, int64_t> counts;
  for (const auto step : steps) ++counts[step];
  return std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) { return a.second < b.second; })->first;
}

int64_t common_divisor(const std::vector<int64_t>& steps) {
  int64_t divisor = 0;
  for (const auto step : steps) divisor = std::gcd(divisor, step);
  return divisor;
}

// The day of the month that monthly dates stand on; 31 where all are their month's last. Of two months in a row one has
// 31 days, so a common 28th to 30th isn't mistaken for the last day.
unsigned monthly_day(const std::vector<int64_t>& values) {
  if (std::all_of(values.begin(), values.end(), is_last_of_month)) return 31;
  unsigned day = 0;
  for (const auto value : values) day = std::max(day, static_cast<unsigned>(to_date(value).day()));
  return day;
}

// Monthly: at most one row a month, always on the same day (the month's last where it has none such) or on the last.
bool is_monthly(const std::vector<int64_t>& values) {
  const unsigned day = monthly_day(values);
  return std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == day_in_month(month_number(v), day); });
}

std::string label_of(int64_t value, bool is_date) { return is_date ? iso_date(value) : std::to_string(value); }

[[noreturn]] void fail_irregular(const std::vector<int64_t>& values, bool are_dates, const std::string& where) {
  const auto steps = differences(values);
  const int64_t usual = most_common(steps);
  size_t odd = 0;
  while (odd + 1 < steps.size() && steps[odd] % usual == 0) ++odd;
  const char* unit = are_dates ? " days" : "";
  throw UserError(
      text(where, "'", label_of(values[odd + 1], are_dates), "' comes ", steps[odd], unit, " after '",
           label_of(values[odd], are_dates), "', while most steps are of ", usual, unit,
           ". Expected regular steps of 1 day, 7 days or 1 month; correct the dates or sum the rows to weeks."));
}

TimeAxis monthly_axis(const std::vector<int64_t>& values, const std::string& where) {
  const unsigned day = monthly_day(values);
  std::vector<int64_t> months;
  months.reserve(values.size());
  for (const auto value : values) months.push_back(month_number(value));
  const int64_t step = common_divisor(differences(months));
  if (step != 1) {
    throw UserError(text(where, "the rows are ", step, " months apart. Expected steps of 1 day, 7 days or 1 month."));
  }
  TimeAxis axis;
  axis.step = TimeStep::kMonth;
  for (int64_t month = months.front(); month <= months.back(); ++month) axis.values.push_back(day_in_month(month, day));
  return axis;
}

TimeAxis stepped_axis(const std::vector<int64_t>& values, bool are_dates, const std::string& where) {
  const auto steps = differences(values);
  const int64_t step = common_divisor(steps);
  TimeAxis axis;
  if (are_dates && step == 1) {
    const auto single_days = std::count(steps.begin(), steps.end(), 1);
    if (2 * single_days < static_cast<int64_t>(steps.size())) fail_irregular(values, are_dates, where);
    axis.step = TimeStep::kDay;
  } else if (are_dates && step != 7) {
    if (most_common(steps) != step) fail_irregular(values, are_dates, where);
    throw UserError(text(where, "the rows are ", step, " days apart. Expected steps of 1 day, 7 days or 1 month."));
  }
  const int64_t length = (values.back() - values.front()) / step + 1;
  if (length > kMaximumSparsity * static_cast<int64_t>(values.size())) {
    const auto widest = std::max_element(steps.begin(), steps.end()) - steps.begin();
    throw UserError(text(where, "nothing stands between '", label_of(values[widest], are_dates), "' and '",
                         label_of(values[widest + 1], are_dates), "'; with steps of ", step, are_dates ? " days" : "",
                         " only ", values.size(), " of ", length,
                         " weeks would have a row. Check for a mistyped date."));
  }
  for (int64_t value = values.front(); value <= values.back(); value += step) axis.values.push_back(value);
  return axis;
}

// 202352, 202401: counting these as integers would put 48 empty weeks between the years.
bool look_like_year_and_week(const std::vector<int64_t>& values) {
  return values.front() / 100 != values.back() / 100 && std::all_of(values.begin(), values.end(), [](int64_t v) {
           return v >= 190001 && v <= 219953 && v % 100 >= 1 && v % 100 <= 53;
         });
}

}  // namespace

std::optional<TimePoint> parse_time(std::string_view label) {
  for (const std::string_view midnight : {"T00:00:00Z", "T00:00:00", " 00:00:00"}) {
    if (label.size() > 10 && label.substr(10) == midnight) label = label.substr(0, 10);
  }
  if (label.size() == 10 && label[4] == '-' && label[7] == '-') {
    return make_date(label.substr(0, 4), label.substr(5, 2), label.substr(8));
  }
  if (label.size() == 7 && label[4] == '-') return make_date(label.substr(0, 4), label.substr(5), "01");
  const auto integer = parse_integer(label);
  if (!integer || *integer > kLargestWeek || *integer < -kLargestWeek) return std::nullopt;
  if (label.size() == 8 && *integer >= 19000101 && *integer <= 21991231) {
    const auto date = make_date(label.substr(0, 4), label.substr(4, 2), label.substr(6));
    if (date) return date;
  }
  return TimePoint{false, *integer};
}

int64_t month_number(int64_t days) {
  const auto date = to_date(days);
  return int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month()) - 1;
}

std::string iso_date(int64_t days) {
  const auto date = to_date(days);
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return buffer;
}

int64_t TimeAxis::index_of(int64_t value) const {
  return std::lower_bound(values.begin(), values.end(), value) - values.begin();
}

TimeAxis make_time_axis(const std::vector<int64_t>& values, bool are_dates, const std::string& where) {
  TimeAxis axis;
  if (values.size() == 1) {
    axis.values = values;
  } else if (!are_dates && look_like_year_and_week(values)) {
    throw UserError(text(where, "'", values.front(),
                         "' looks like a year and a week in one number, which leaves gaps between "
                         "the years. Expected ISO dates (2024-03-25) or integers that count every week."));
  } else if (are_dates && is_monthly(values)) {
    axis = monthly_axis(values, where);
  } else {
    axis = stepped_axis(values, are_dates, where);
  }
  for (const auto value : axis.values) axis.labels.push_back(label_of(value, are_dates));
  return axis;
}

std::string next_label(const std::vector<std::string>& labels, TimeStep step) {
  const TimePoint last = *parse_time(labels.back()), before = *parse_time(labels[labels.size() - 2]);
  if (!last.is_date) return std::to_string(2 * last.value - before.value);
  if (step != TimeStep::kMonth) return iso_date(2 * last.value - before.value);
  // The last label alone doesn't tell: 30 April may stand for the 30th or for the last day.
  std::vector<int64_t> values;
  values.reserve(labels.size());
  for (const auto& label : labels) values.push_back(parse_time(label)->value);
  return iso_date(day_in_month(month_number(last.value) + 1, monthly_day(values)));
}

}  // namespace dcmmm
