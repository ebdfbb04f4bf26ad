#include "data/panel.hpp"

#include <utility>

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

const char* steps_name(TimeStep step) {
  switch (step) {
    case TimeStep::kDay:
      return "days";
    case TimeStep::kWeek:
      return "weeks";
    case TimeStep::kMonth:
      return "months";
  }
  return "weeks";
}

Panel slice_regions(const Panel& panel, int64_t first, int64_t count) {
  if (panel.blocks) {
    Panel out = panel.blocks->read(panel.first_region + first, count);
    out.coordinates = panel.coordinates;
    return out;
  }
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
  out.dark_RT = part(panel.dark_RT, weeks);
  out.media_RTC = part(panel.media_RTC, weeks * panel.channels());
  out.controls_RTK = part(panel.controls_RTK, weeks * panel.controls());
  out.population_R = part(panel.population_R, 1);
  out.spend_RTC = part(panel.spend_RTC, weeks * panel.channels());
  return out;
}

namespace {

// Some weeks of what others read.
class WeeksOfBlocks final : public PanelBlocks {
 public:
  WeeksOfBlocks(std::shared_ptr<const PanelBlocks> all, int64_t first, int64_t count)
      : all_(std::move(all)), first_(first), count_(count) {}

  Panel read(int64_t first, int64_t count) const override {
    const Panel all_weeks = all_->read(first, count);
    const LargeArraysOnHeap on_heap;  // a block, soon gone
    return slice_weeks(all_weeks, first_, count_);
  }

 private:
  std::shared_ptr<const PanelBlocks> all_;
  int64_t first_, count_;
};

}  // namespace

Panel slice_weeks(const Panel& panel, int64_t first, int64_t count) {
  const auto part = [&](const auto& values, int64_t width) {
    using Values = std::decay_t<decltype(values)>;
    Values out;
    if (values.empty()) return out;
    out.reserve(static_cast<size_t>(panel.regions * count * width));
    for (int64_t region = 0; region < panel.regions; ++region) {
      const auto from = values.begin() + (region * panel.weeks() + first) * width;
      out.insert(out.end(), from, from + count * width);
    }
    return out;
  };
  Panel out;
  out.coordinates = panel.coordinates;
  out.coordinates.weeks.assign(panel.coordinates.weeks.begin() + first,
                               panel.coordinates.weeks.begin() + first + count);
  out.first_region = panel.first_region;
  out.regions = panel.regions;
  out.target_RT = part(panel.target_RT, 1);
  out.observed_RT = part(panel.observed_RT, 1);
  out.dark_RT = part(panel.dark_RT, 1);
  out.media_RTC = part(panel.media_RTC, panel.channels());
  out.controls_RTK = part(panel.controls_RTK, panel.controls());
  out.population_R = panel.population_R;
  out.spend_RTC = part(panel.spend_RTC, panel.channels());
  if (panel.blocks) out.blocks = std::make_shared<const WeeksOfBlocks>(panel.blocks, first, count);
  return out;
}

}  // namespace dcmmm
