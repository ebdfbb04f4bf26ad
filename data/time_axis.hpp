// The panel's weeks: reads dates and integers, finds the step between them, fills the gaps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/panel.hpp"

namespace dcmmm {

/// A week as a table writes it: a date or an integer.
struct TimePoint {
  bool is_date = false;
  int64_t value = 0;  // days since 1970-01-01, or the integer itself
};

/// Reads an ISO 8601 date ("2024-03-25", "20240325", "2024-03" for a month, also with midnight behind it:
/// "2024-03-25T00:00:00") or an integer of up to 18 digits. Nothing when it is neither, or not a day of the calendar
/// (30 February).
std::optional<TimePoint> parse_time(std::string_view label);

/// Months from year 0 to the month of a day (days since 1970-01-01).
int64_t month_number(int64_t days);

/// "2024-03-25" from days since 1970-01-01.
std::string iso_date(int64_t days);

/// Weeks without gaps from the first to the last one.
struct TimeAxis {
  std::vector<std::string> labels;  // T, ascending
  TimeStep step = TimeStep::kWeek;
  std::vector<int64_t> values;  // T, as TimePoint::value

  int64_t index_of(int64_t value) const;  // REQUIRES: the value was among those the axis was made from
};

/// The axis through `values` (distinct, ascending): steps of a day, 7 days or a month for dates, the greatest common
/// step for integers, which count as weeks. Throws UserError, its message beginning with `where`, when the steps are
/// irregular (naming the first that is), of another length, or leave most of the axis without a row.
TimeAxis make_time_axis(const std::vector<int64_t>& values, bool are_dates, const std::string& where);

/// The label of the step after the last of an axis' `labels` (two at least): what a forecast must begin with. Months go
/// on as the axis does: on its last days, or on its common day.
std::string next_label(const std::vector<std::string>& labels, TimeStep step);

}  // namespace dcmmm
