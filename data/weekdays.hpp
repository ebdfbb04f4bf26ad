// Daily panels: an effect of each weekday, as events.
#pragma once

#include <string>
#include <vector>

#include "data/events.hpp"

namespace dcmmm {

/// Whether a control is one of those that append_weekdays() leads to: "event:weekday_tuesday", ...
bool is_weekday(const std::string& control);

/// Adds an event to the table for each of `days` (ISO dates) that is no Monday, named `weekday_tuesday` to
/// `weekday_sunday`: effects are held against Mondays, which the level holds.
void append_weekdays(const std::vector<std::string>& days, EventTable& table);

}  // namespace dcmmm
