#include "analysis/panel_table.hpp"

#include <utility>

namespace dcmmm {

PanelTable::PanelTable(const std::filesystem::path& path, std::string name, const PanelCoordinates& coordinates)
    : csv_(path, std::move(name)) {
  for (const auto* column : {&coordinates.region_column, &coordinates.time_column, &coordinates.target_column}) {
    csv_.text(*column);
  }
  for (const auto& column : coordinates.channel_columns) csv_.text(column);
  for (size_t c = 0; coordinates.has_spend && c < coordinates.channels.size(); ++c) {
    csv_.text("spend_" + coordinates.channels[c]);
  }
  for (const auto& column : coordinates.control_columns) {
    if (!is_event(column)) csv_.text(column);
  }
  csv_.text("population");
  csv_.end_row();
}

void PanelTable::append(const Panel& block) {
  const PanelCoordinates& names = block.coordinates;
  const int64_t T = block.weeks(), C = block.channels(), K = block.controls();
  for (int64_t cell = 0; cell < block.regions * T; ++cell) {
    if (!block.observed_RT[cell]) continue;
    const int64_t r = cell / T;
    csv_.text(names.regions[block.first_region + r]);
    csv_.text(names.weeks[cell % T]);
    csv_.number(block.target_RT[cell]);
    for (int64_t c = 0; c < C; ++c) csv_.number(block.media_RTC[cell * C + c]);
    for (int64_t c = 0; names.has_spend && c < C; ++c) csv_.number(block.spend_RTC[cell * C + c]);
    for (int64_t k = 0; k < K - names.events(); ++k) csv_.number(block.controls_RTK[cell * K + k]);
    csv_.number(block.population_R[r]);
    csv_.end_row();
  }
}

}  // namespace dcmmm
