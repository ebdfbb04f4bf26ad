// Panels for tests of the model and the trainer: small, uneven, with gaps, silent weeks and one week of far too much
// media.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "common/random.hpp"
#include "common/text.hpp"
#include "data/panel.hpp"

namespace dcmmm::testing {

/// Regions of very different sizes. Of more than three regions, region 1 starts late and region 2 ends early; region 3
/// has one week with 60 times the usual media; single weeks are missing everywhere; channels are silent now and then.
inline Panel mmm_panel(int64_t regions, int64_t weeks, int64_t channels, int64_t controls, uint64_t seed = 1) {
  Panel panel;
  PanelCoordinates& names = panel.coordinates;
  for (int64_t r = 0; r < regions; ++r) names.regions.push_back(text("r", r));
  for (int64_t t = 0; t < weeks; ++t) names.weeks.push_back(std::to_string(t));
  for (int64_t c = 0; c < channels; ++c) names.channels.push_back(text("channel ", c));
  for (int64_t k = 0; k < controls; ++k) names.controls.push_back(text("control ", k));
  names.channel_columns = names.channels;
  names.control_columns = names.controls;
  panel.regions = regions;
  for (int64_t r = 0; r < regions; ++r) {
    RandomStream random(seed, static_cast<uint64_t>(r));
    const double size = std::exp(1.5 * random.normal() + 6), season = 0.1 * (1 + 0.3 * random.normal());
    const int64_t first = regions > 3 && r == 1 ? weeks / 4 : 0, last = regions > 3 && r == 2 ? 3 * weeks / 4 : weeks;
    panel.population_R.push_back(size);
    std::vector<double> carried_C(static_cast<size_t>(channels), 0.0);
    double level = 1;
    for (int64_t t = 0; t < weeks; ++t) {
      const bool seen = t >= first && t < last && random.uniform() > 0.05;
      level += 0.01 * random.normal();
      double target = level + season * std::sin(2 * std::numbers::pi * static_cast<double>(t) / 52.18 + 0.3);
      for (int64_t c = 0; c < channels; ++c) {
        double media = random.uniform() < 0.15 ? 0.0 : std::exp(0.7 * random.normal());
        if (r == 3 && c == 0) media = t == weeks / 3 ? 60.0 : 1e-3 * media;
        if (r == 0 && c > 0 && c == channels - 1) media *= 1e-3;  // hardly knows this channel: its scale has a floor
        carried_C[c] = 0.5 * carried_C[c] + 0.5 * media;
        target += 0.1 * carried_C[c] * carried_C[c] / (1 + carried_C[c] * carried_C[c]);
        panel.media_RTC.push_back(seen ? media * size * static_cast<double>(c + 1) : 0);
      }
      for (int64_t k = 0; k < controls; ++k) {
        const double control = random.normal();
        target += 0.02 * control;
        panel.controls_RTK.push_back(10.0 * static_cast<double>(k) + control);
      }
      const double shock = random.uniform() < 0.03 ? 0.3 : 0.0;  // outliers, for Huber's weights
      panel.observed_RT.push_back(seen ? 1 : 0);
      panel.target_RT.push_back(seen ? size * (target + shock + 0.03 * random.normal()) : 0);
    }
  }
  return panel;
}

/// The panel's first `weeks` weeks.
inline Panel first_weeks(const Panel& panel, int64_t weeks) {
  Panel cut = panel;
  cut.coordinates.weeks.resize(static_cast<size_t>(weeks));
  const auto shorten = [&](auto& values, const auto& from, int64_t width) {
    values.clear();
    for (int64_t r = 0; r < panel.regions; ++r)
      values.insert(values.end(), from.begin() + r * panel.weeks() * width,
                    from.begin() + (r * panel.weeks() + weeks) * width);
  };
  shorten(cut.target_RT, panel.target_RT, 1);
  shorten(cut.observed_RT, panel.observed_RT, 1);
  shorten(cut.media_RTC, panel.media_RTC, panel.channels());
  shorten(cut.controls_RTK, panel.controls_RTK, panel.controls());
  return cut;
}

/// Observed cells of each region: what the regions are spread over ranks by.
inline std::vector<int64_t> observed_cells(const Panel& panel) {
  std::vector<int64_t> cells(static_cast<size_t>(panel.regions), 0);
  for (size_t i = 0; i < panel.observed_RT.size(); ++i)
    cells[i / panel.coordinates.weeks.size()] += panel.observed_RT[i];
  return cells;
}

}  // namespace dcmmm::testing
