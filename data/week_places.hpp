// Which of a panel's weeks a date falls into.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "data/panel.hpp"
#include "data/time_axis.hpp"

namespace dcmmm {

class WeekPlaces {
 public:
  explicit WeekPlaces(const PanelCoordinates& coordinates);

  /// Steps from the panel's first week, below 0 before it. Throws UserError for a date where weeks are integers or the
  /// reverse, and for an integer between the panel's weeks; `where` ("events.csv, line 3", asked for then only) and
  /// `what` ("event 'x'") are for the message.
  int64_t place(const TimePoint& time, const std::function<std::string()>& where, const std::string& what) const;

 private:
  TimeStep step_;
  TimePoint first_;
  int64_t integer_step_ = 1;
};

}  // namespace dcmmm
