#include "analysis/data_quality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/missing_media.hpp"

namespace dcmmm {

DataQuality::DataQuality(const PanelCoordinates& coordinates, int64_t origin)
    : channels_(coordinates.channels),
      origin_(static_cast<std::size_t>(origin)),
      products_CC_(channels_.size() * channels_.size()) {
  columns_.push_back({coordinates.target_column, "target"});
  for (const std::string& name : coordinates.channels) columns_.push_back({name, "media"});
  for (const std::string& name : coordinates.controls) columns_.push_back({name, "control"});
}

void DataQuality::add_column(Column& column, std::span<const double> values, std::size_t width, std::size_t place,
                             std::span<const uint8_t> is_there_T, std::size_t region) {
  const std::size_t T = is_there_T.size();
  double least = std::numeric_limits<double>::infinity(), most = -least;  // in this region's training weeks
  for (std::size_t week = 0; week < T; ++week) {
    if (is_there_T[week] == 0) {
      ++column.missing;
      continue;
    }
    const double value = values[(region * T + week) * width + place];
    column.minimum = column.cells == 0 ? value : std::min(column.minimum, value);
    column.maximum = column.cells == 0 ? value : std::max(column.maximum, value);
    column.sum += value;
    column.zeros += value == 0 ? 1 : 0;
    ++column.cells;
    if (week < origin_) {
      least = std::min(least, value);
      most = std::max(most, value);
    } else if (value < least || value > most) {
      ++column.outside;
    }
  }
}

void DataQuality::add(const Panel& block) {
  const auto T = static_cast<std::size_t>(block.weeks()), C = channels_.size();
  const auto K = static_cast<std::size_t>(block.controls());
  std::vector<double> mean_C(C), share_C(C);
  const std::vector<uint8_t> has_row_RT = cells_with_rows(block, 0, block.regions);
  for (std::size_t r = 0; r < static_cast<std::size_t>(block.regions); ++r) {
    const std::span observed_T(block.observed_RT.data() + r * T, T);
    const std::span has_row_T(has_row_RT.data() + r * T, T);
    add_column(columns_[0], block.target_RT, 1, 0, observed_T, r);
    for (std::size_t c = 0; c < C; ++c) add_column(columns_[1 + c], block.media_RTC, C, c, has_row_T, r);
    for (std::size_t k = 0; k < K; ++k) add_column(columns_[1 + C + k], block.controls_RTK, K, k, has_row_T, r);
    double cells = 0;
    std::fill(mean_C.begin(), mean_C.end(), 0);
    for (std::size_t week = 0; week < T; ++week) {
      if (observed_T[week] == 0) continue;
      ++cells;
      for (std::size_t c = 0; c < C; ++c) mean_C[c] += block.media_RTC[(r * T + week) * C + c];
    }
    for (std::size_t week = 0; week < T; ++week) {
      if (observed_T[week] == 0) continue;
      for (std::size_t c = 0; c < C; ++c)
        share_C[c] = mean_C[c] > 0 ? block.media_RTC[(r * T + week) * C + c] * cells / mean_C[c] - 1 : 0;
      for (std::size_t a = 0; a < C; ++a)
        for (std::size_t b = 0; b < C; ++b) products_CC_[a * C + b] += share_C[a] * share_C[b];
    }
  }
}

void DataQuality::write_columns(CsvWriter& csv) const {
  for (const Column& column : columns_) {
    csv.text(column.name);
    csv.raw(column.kind);
    for (const int64_t count : {column.cells, column.missing, column.zeros}) csv.number(static_cast<double>(count));
    for (const double value : {column.minimum, column.sum / static_cast<double>(column.cells), column.maximum})
      csv.number(value);
    csv.number(static_cast<double>(column.outside));
    csv.end_row();
  }
}

void DataQuality::write_correlations(CsvWriter& csv) const {
  const std::size_t C = channels_.size();
  for (std::size_t a = 0; a < C; ++a)
    for (std::size_t b = 0; b < C; ++b) {
      csv.text(channels_[a]);
      csv.text(channels_[b]);
      csv.number(products_CC_[a * C + b] / std::sqrt(products_CC_[a * C + a] * products_CC_[b * C + b]));
      csv.end_row();
    }
}

}  // namespace dcmmm
