#include "data/weekdays.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "data/time_axis.hpp"

namespace dcmmm {
namespace {

// By the ISO weekday, from Tuesday (2) on.
constexpr std::array<const char*, 6> kNames = {"weekday_tuesday", "weekday_wednesday", "weekday_thursday",
                                               "weekday_friday",  "weekday_saturday",  "weekday_sunday"};

}  // namespace

bool is_weekday(const std::string& control) {
  return is_event(control) &&
         std::find(kNames.begin(), kNames.end(), control.substr(kEventPrefix.size())) != kNames.end();
}

void append_weekdays(const std::vector<std::string>& days, EventTable& table) {
  for (const auto& day : days) {
    Event event;
    event.time = *parse_time(day);
    const auto weekday = std::chrono::weekday(std::chrono::sys_days(std::chrono::days(event.time.value)));
    if (weekday == std::chrono::Monday) continue;
    event.name = kNames[weekday.iso_encoding() - 2];
    event.place = day;
    table.events.push_back(event);
  }
}

}  // namespace dcmmm
