// A small panel with gaps, unequal names and every kind of value, for tests of files.
#pragma once

#include <cstdint>
#include <string>

#include "common/random.hpp"
#include "data/panel.hpp"

namespace dcmmm::testing {

/// Every value is a function of its place and the seed, so that parts can be checked alone.
inline Panel small_panel(int64_t regions, int64_t weeks, int64_t channels, int64_t controls, bool has_spend = true,
                         uint64_t seed = 1) {
  Panel panel;
  PanelCoordinates& names = panel.coordinates;
  for (int64_t r = 0; r < regions; ++r) names.regions.push_back("Region " + std::to_string(r));
  for (int64_t t = 0; t < weeks; ++t) names.weeks.push_back(std::to_string(t));
  for (int64_t c = 0; c < channels; ++c) {
    names.channels.push_back("Kanal ü" + std::to_string(c));
    names.channel_columns.push_back("media_" + std::to_string(c));
  }
  for (int64_t k = 0; k < controls; ++k) {
    names.controls.push_back("control " + std::to_string(k));
    names.control_columns.push_back("control_" + std::to_string(k));
  }
  names.region_column = "dma";
  names.time_column = "week";
  names.target_column = "revenue";
  names.step = TimeStep::kWeek;
  names.has_spend = has_spend;
  names.source = "table.csv";
  names.source_sha256 = std::string(64, 'a');
  panel.regions = regions;
  RandomStream random(seed, 0);
  for (int64_t rt = 0; rt < regions * weeks; ++rt) {
    const bool seen = random.uniform() > 0.1;
    panel.observed_RT.push_back(seen ? 1 : 0);
    panel.target_RT.push_back(seen ? 100 * random.uniform() : 0);
    for (int64_t c = 0; c < channels; ++c) panel.media_RTC.push_back(seen ? 10 * random.uniform() : 0);
    for (int64_t k = 0; k < controls; ++k) panel.controls_RTK.push_back(random.normal());
    if (has_spend) {
      for (int64_t c = 0; c < channels; ++c) panel.spend_RTC.push_back(random.uniform());
    }
  }
  for (int64_t r = 0; r < regions; ++r) panel.population_R.push_back(static_cast<double>(1000 * r));
  return panel;
}

/// The panel's regions [first, first + count).
inline Panel part_of(const Panel& panel, int64_t first, int64_t count) {
  Panel part;
  part.coordinates = panel.coordinates;
  part.first_region = first;
  part.regions = count;
  const auto cut = [&](auto& to, const auto& from, int64_t size) {
    if (!from.empty()) to.assign(from.begin() + first * size, from.begin() + (first + count) * size);
  };
  const int64_t T = panel.weeks();
  cut(part.target_RT, panel.target_RT, T);
  cut(part.observed_RT, panel.observed_RT, T);
  cut(part.media_RTC, panel.media_RTC, T * panel.channels());
  cut(part.controls_RTK, panel.controls_RTK, T * panel.controls());
  cut(part.population_R, panel.population_R, 1);
  cut(part.spend_RTC, panel.spend_RTC, T * panel.channels());
  return part;
}

}  // namespace dcmmm::testing
