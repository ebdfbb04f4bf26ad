#include "analysis/forecast_rows.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "analysis/prediction_intervals.hpp"
#include "data/split.hpp"

namespace dcmmm {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// Fields of a row, a value each for every forecast week; the methods' predictions follow.
enum Field : std::size_t { kActual, kCounted, kScale, kLower, kUpper, kFields };

}  // namespace

ForecastRows::ForecastRows(const Panel& panel, int64_t origin, int64_t first, std::size_t methods)
    : first_region_(panel.first_region),
      panel_weeks_(panel.weeks()),
      origin_(origin),
      first_(first),
      weeks_(panel.weeks() - first),
      methods_(methods),
      width_(1 + (kFields + methods) * static_cast<std::size_t>(weeks_)),
      rows_(static_cast<std::size_t>(panel.regions) * width_, kNone) {
  for (int64_t r = 0; r < panel.regions; ++r) {
    const int64_t region = first_region_ + r;
    rows_[static_cast<std::size_t>(r) * width_] = static_cast<double>(region);
    const auto* observed_T = panel.observed_RT.data() + r * panel_weeks_;
    const bool counts = counts_in_holdout(observed_T, origin);
    for (int64_t n = 0; n < weeks_; ++n) {
      const bool observed = observed_T[first + n] != 0;
      at(region, kActual, n) = observed ? panel.target_RT[r * panel_weeks_ + first + n] : kNone;
      at(region, kCounted, n) = observed && counts ? 1 : 0;
    }
  }
}

void ForecastRows::set_prediction(std::size_t method, int64_t region, const double* predicted_T) {
  for (int64_t n = 0; n < weeks_; ++n) at(region, kFields + method, n) = predicted_T[first_ + n];
}

void ForecastRows::set_intervals(const ResultBlock& block, const SharedResults& shared, double level) {
  const IntervalBlock intervals = intervals_at(block, shared, level);
  for (int64_t r = 0; r < block.regions; ++r) {
    for (int64_t n = 0; n < weeks_; ++n) {
      at(block.first_region + r, kScale, n) = block.target_scale_R[r];
      at(block.first_region + r, kLower, n) = intervals.lower_RT[r * panel_weeks_ + first_ + n];
      at(block.first_region + r, kUpper, n) = intervals.upper_RT[r * panel_weeks_ + first_ + n];
    }
  }
}

OriginForecasts ForecastRows::gather(Communicator& communicator, const ForecastIntervals& intervals,
                                     double level) const {
  const std::vector<double> all = communicator.all_gather(rows_);
  const std::size_t regions = all.size() / width_, weeks = static_cast<std::size_t>(weeks_);
  std::vector<std::vector<double>> fields(kFields + methods_, std::vector<double>(regions * weeks));
  for (std::size_t i = 0; i < regions; ++i) {
    const double* row = all.data() + i * width_;
    const auto region = static_cast<std::size_t>(row[0]);
    for (std::size_t field = 0; field < fields.size(); ++field)
      std::copy_n(row + 1 + field * weeks, weeks, fields[field].begin() + static_cast<std::ptrdiff_t>(region * weeks));
  }
  OriginForecasts out;
  out.origin = origin_;
  out.first_week = first_;
  out.weeks = weeks_;
  for (std::size_t n = 0; n < weeks; ++n) {
    double actual = 0, predicted = 0, scale = 0;
    bool counts = false;
    for (std::size_t cell = n; cell < regions * weeks; cell += weeks) {
      if (fields[kCounted][cell] == 0) continue;
      counts = true;
      actual += fields[kActual][cell];
      predicted += fields[kFields][cell];
      scale += fields[kScale][cell];
    }
    const double half = intervals.total_half_width(scale, first_ - origin_ + static_cast<int64_t>(n) + 1, level);
    out.total_actual_N.push_back(counts ? actual : kNone);
    out.total_predicted_N.push_back(counts ? predicted : kNone);
    out.total_lower_N.push_back(counts ? predicted - half : kNone);
    out.total_upper_N.push_back(counts ? predicted + half : kNone);
  }
  out.actual_RN = std::move(fields[kActual]);
  out.counted_RN.assign(fields[kCounted].begin(), fields[kCounted].end());
  out.lower_RN = std::move(fields[kLower]);
  out.upper_RN = std::move(fields[kUpper]);
  out.predicted_MRN.assign(std::make_move_iterator(fields.begin() + kFields), std::make_move_iterator(fields.end()));
  return out;
}

}  // namespace dcmmm
