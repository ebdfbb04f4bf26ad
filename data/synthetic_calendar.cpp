#include "data/synthetic_calendar.hpp"

#include <algorithm>
#include <numeric>

#include "common/random.hpp"
#include "common/text.hpp"
#include "data/time_axis.hpp"

namespace dcmmm {
namespace {

constexpr uint64_t kCalendarStream = uint64_t{3} << 60;
constexpr double kWeekday = 0.08;  // standard deviation of weekdays' effects
// Days between the starts of one promotion's runs, and how long a run lasts.
constexpr double kShortestPause = 60, kLongestPause = 120;
constexpr int64_t kShortestRun = 3, kLongestRun = 10;

}  // namespace

SyntheticCalendar draw_calendar(const SyntheticOptions& options, const std::vector<std::string>& weeks) {
  SyntheticCalendar calendar;
  const auto T = static_cast<int64_t>(weeks.size());
  const bool is_daily = options.step == TimeStep::kDay;
  const int64_t days_a_step = is_daily ? 1 : 7;
  RandomStream random(options.seed, kCalendarStream);
  calendar.effect_T.assign(weeks.size(), 0.0);
  if (is_daily) {
    for (int i = 0; i < 7; ++i) calendar.weekday_effect_W.push_back(kWeekday * random.normal());
    const double mean = std::accumulate(calendar.weekday_effect_W.begin(), calendar.weekday_effect_W.end(), 0.0) / 7.0;
    for (auto& effect : calendar.weekday_effect_W) effect -= mean;
    // The first day is a Monday.
    for (int64_t t = 0; t < T; ++t) calendar.effect_T[t] += calendar.weekday_effect_W[t % 7];
  }
  calendar.events.file = "synthetic";
  for (int64_t p = 0; p < options.promotions; ++p) {
    calendar.promotions.push_back(text("promotion_", p + 1 < 10 ? "0" : "", p + 1));
    calendar.promotion_effect_P.push_back(random.uniform(0.05, 0.3));
    const int64_t days = kShortestRun + static_cast<int64_t>(random.uniform(0.0, kLongestRun - kShortestRun + 1.0));
    const int64_t after = (days - 1) / days_a_step;  // steps after the first
    double start = random.uniform(0.0, kLongestPause);
    while (static_cast<int64_t>(start) / days_a_step < T) {
      const int64_t first = static_cast<int64_t>(start) / days_a_step;
      for (int64_t t = first; t <= std::min(T - 1, first + after); ++t) {
        calendar.effect_T[t] += calendar.promotion_effect_P.back();
      }
      Event event;
      event.name = calendar.promotions.back();
      event.time = *parse_time(weeks[first]);
      event.after = after;
      event.place = weeks[first];
      calendar.events.events.push_back(event);
      start += random.uniform(kShortestPause, kLongestPause);
    }
  }
  return calendar;
}

std::string events_csv(const EventTable& events) {
  std::string out = "date,name,window\n";
  for (const Event& event : events.events) {
    out += text(iso_date(event.time.value), ",", event.name, ",", -event.before, ":", event.after, "\n");
  }
  return out;
}

}  // namespace dcmmm
