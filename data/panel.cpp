#include "data/panel.hpp"

namespace dcmmm {

double seasonal_period(TimeStep step) {
  switch (step) {
    case TimeStep::kDay:
      return 365.25;
    case TimeStep::kWeek:
      return 52.18;
    case TimeStep::kMonth:
      return 12.0;
  }
  return 52.18;
}

Panel slice_regions(const Panel& panel, int64_t first, int64_t count) {
  const int64_t weeks = panel.weeks();
  const auto part = [&](const auto& values, int64_t width) {
    using Values = std::decay_t<decltype(values)>;
    return values.empty() ? Values() : Values(values.begin() + first * width, values.begin() + (first + count) * width);
  };
  Panel out;
  out.coordinates = panel.coordinates;
  out.first_region = panel.first_region + first;
  out.regions = count;
  out.target_RT = part(panel.target_RT, weeks);
  out.observed_RT = part(panel.observed_RT, weeks);
  out.media_RTC = part(panel.media_RTC, weeks * panel.channels());
  out.controls_RTK = part(panel.controls_RTK, weeks * panel.controls());
  out.population_R = part(panel.population_R, 1);
  out.spend_RTC = part(panel.spend_RTC, weeks * panel.channels());
  return out;
}

}  // namespace dcmmm
