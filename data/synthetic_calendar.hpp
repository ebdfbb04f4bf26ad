// What the calendar does to a synthetic panel: promotions and, where steps are days, weekdays.
// Shapes: T weeks (days), W weekdays, P promotions.
#pragma once

#include <string>
#include <vector>

#include "data/events.hpp"
#include "data/synthetic.hpp"

namespace dcmmm {

/// The same in all regions; effects are shares of a region's level.
struct SyntheticCalendar {
  std::vector<double> weekday_effect_W;    // Monday first, summing to 0; empty unless steps are days
  std::vector<std::string> promotions;     // "promotion_01", ...
  std::vector<double> promotion_effect_P;  // while it lasts
  EventTable events;                       // when promotions come: about every third month each
  std::vector<double> effect_T;            // of both together
};

/// Drawn from random numbers of its own: a panel without promotions and weekdays is what it was.
SyntheticCalendar draw_calendar(const SyntheticOptions& options, const std::vector<std::string>& weeks);

/// The panel's promotions as a table for `data.events`: date, name, window.
std::string events_csv(const EventTable& events);

}  // namespace dcmmm
