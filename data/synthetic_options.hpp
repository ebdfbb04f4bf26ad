// What a made-up panel's options say of its names and axes.
#pragma once

#include "data/panel.hpp"
#include "data/synthetic.hpp"

namespace dcmmm {

struct SyntheticCalendar;

/// Names and axes without weekdays and promotions. Throws UserError for options out of range.
PanelCoordinates plain_coordinates(const SyntheticOptions& options);

/// Adds the columns that an import of the panel would add for its events and weekdays.
void add_calendar_columns(const SyntheticCalendar& calendar, Panel& panel);

}  // namespace dcmmm
