// Shapes: R regions of a block, T weeks, C channels, K controls.
#include "analysis/cell_tables.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

#include "analysis/prediction_intervals.hpp"
#include "trainer/evaluation.hpp"
#include "trainer/naive.hpp"

namespace dcmmm {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Whether the cell's region was observed in any training week: if not, it has no forecast.
bool has_past(const Panel& block, std::size_t cell, const TableSource& source) {
  const auto observed =
      block.observed_RT.begin() + static_cast<std::ptrdiff_t>(cell / source.weeks.size() * source.weeks.size());
  return std::find(observed, observed + source.shared.origin, 1) != observed + source.shared.origin;
}

}  // namespace

void write_prediction(CsvWriter& csv, const TableSource& source, double level) {
  source.each_chosen_block([&](int64_t first, int64_t count) {
    const Panel block = source.panel.read(first, count);
    ResultBlock results;
    results.regions = count;
    results.predicted_RT = source.reader.read_array("predicted", first, count);
    results.target_scale_R = source.reader.read_array("target_scale", first, count);
    results.noise_scale_R = source.reader.read_array("noise_scale", first, count);
    results.sample_scale_R = source.reader.read_array("sample_scale", first, count);
    const IntervalBlock intervals = intervals_at(results, source.shared, level);
    for (std::size_t cell = 0; cell < results.predicted_RT.size(); ++cell) {
      const std::size_t week = source.begin_row(csv, first, cell);
      csv.raw(static_cast<int64_t>(week) < source.shared.origin ? "train" : "holdout");
      if (block.observed_RT[cell]) {
        csv.number(block.target_RT[cell]);
      } else {
        csv.empty();
      }
      csv.number(has_past(block, cell, source) ? results.predicted_RT[cell] : kNone);
      csv.number(intervals.lower_RT[cell]);
      csv.number(intervals.upper_RT[cell]);
      csv.end_row();
    }
  });
}

void write_contributions(CsvWriter& csv, const TableSource& source) {
  source.each_chosen_block([&](int64_t first, int64_t count) {
    const auto baseline_RT = source.reader.read_array("baseline", first, count);
    const auto trend_RT = source.reader.read_array("trend", first, count);
    const auto seasonality_RT = source.reader.read_array("seasonality", first, count);
    const auto control_RTK = source.reader.read_array("control_contribution", first, count);
    const auto media_RTC = source.reader.read_array("media_contribution", first, count);
    const auto row = [&](std::size_t cell, std::string_view component, double value) {
      source.begin_row(csv, first, cell);
      csv.raw(component);
      csv.number(value);
      csv.end_row();
    };
    for (std::size_t cell = 0; cell < baseline_RT.size(); ++cell) {
      row(cell, "baseline", baseline_RT[cell]);
      row(cell, "trend", trend_RT[cell]);
      row(cell, "seasonality", seasonality_RT[cell]);
      for (std::size_t k = 0; k < source.controls.size(); ++k)
        row(cell, source.controls[k], control_RTK[cell * source.controls.size() + k]);
      for (std::size_t c = 0; c < source.media.size(); ++c)
        row(cell, source.media[c], media_RTC[cell * source.media.size() + c]);
    }
  });
}

void write_coefficients(CsvWriter& csv, const TableSource& source) {
  source.each_chosen_block([&](int64_t first, int64_t count) {
    const auto coefficient_RTC = source.reader.read_array("coefficient", first, count);
    for (std::size_t i = 0; i < coefficient_RTC.size(); ++i) {
      source.begin_row(csv, first, i / source.channels.size());
      csv.raw(source.channels[i % source.channels.size()]);
      csv.number(coefficient_RTC[i]);
      csv.end_row();
    }
  });
}

void write_holdout(CsvWriter& csv, const TableSource& source) {
  const auto T = source.weeks.size(), origin = static_cast<std::size_t>(source.shared.origin);
  source.each_chosen_block([&](int64_t first, int64_t count) {
    const Panel block = source.panel.read(first, count);
    const auto predicted_RT = source.reader.read_array("predicted", first, count);
    const auto naive = naive_forecasts(block, source.shared.origin, static_cast<int64_t>(T - origin));
    for (std::size_t cell = 0; cell < predicted_RT.size(); ++cell) {
      if (cell % T < origin || block.observed_RT[cell] == 0) continue;
      source.begin_row(csv, first, cell);
      csv.number(block.target_RT[cell]);
      if (!has_past(block, cell, source)) {
        csv.empty(static_cast<int>(1 + naive.size()));
      } else {
        csv.number(predicted_RT[cell]);
        for (const auto& forecast_RN : naive) csv.number(forecast_RN[cell / T * (T - origin) + cell % T - origin]);
      }
      csv.end_row();
    }
  });
}

void write_regions(CsvWriter& csv, const TableSource& source) {
  source.each_block([&](int64_t first, int64_t count) {
    const Panel block = source.panel.read(first, count);
    const auto predicted_RT = source.reader.read_array("predicted", first, count);
    const auto scale_factor_R = source.reader.read_array("scale_factor", first, count);
    const auto baseline_levelR = source.reader.read_array("baseline_level", first, count);
    for (std::size_t region = 0; region < static_cast<std::size_t>(count); ++region) {
      const std::size_t from = region * source.weeks.size(), training = static_cast<std::size_t>(source.shared.origin);
      const RegionSums sums = region_sums(
          first + static_cast<int64_t>(region), std::span(block.target_RT).subspan(from, training),
          std::span(predicted_RT).subspan(from, training), std::span(block.observed_RT).subspan(from, training));
      const Figures figures = figures_of({&sums, 1});
      csv.raw(source.regions[static_cast<std::size_t>(first) + region]);
      for (double value :
           {scale_factor_R[region], baseline_levelR[region], figures.r2, figures.rmse, figures.relative_error}) {
        csv.number(value);
      }
      double cells = 0, actual = 0;
      for (std::size_t cell = from; cell < from + source.weeks.size(); ++cell) {
        cells += block.observed_RT[cell];
        actual += block.observed_RT[cell] != 0 ? block.target_RT[cell] : 0;
      }
      csv.number(cells);
      csv.number(actual);
      csv.end_row();
    }
  });
}

}  // namespace dcmmm
