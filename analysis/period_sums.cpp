#include "analysis/period_sums.hpp"

#include <algorithm>
#include <cstddef>

#include "data/split.hpp"
#include "model/missing_media.hpp"

namespace dcmmm {
namespace {

// kind,period,component,value,lower,upper; channels are the components from `first_channel` on.
void write_component(CsvWriter& csv, const Period& period, const std::string& name, double value, std::size_t component,
                     std::size_t first_channel, const PeriodInterval& interval) {
  csv.raw(period.kind);
  csv.raw(period.label);
  csv.raw(name);
  csv.number(value);
  if (component < first_channel) {
    csv.empty(2);
  } else {
    const Interval range = interval(component - first_channel, period.first, period.count, value);
    csv.number(range.lower);
    csv.number(range.upper);
  }
  csv.end_row();
}

}  // namespace

double ComponentsOf::operator()(std::size_t cell, std::size_t component) const {
  const auto K = static_cast<std::size_t>(controls_), C = static_cast<std::size_t>(channels_);
  if (component == 0) return block_.baseline_RT[cell];
  if (component == 1) return block_.trend_RT[cell];
  if (component == 2) return block_.seasonality_RT[cell];
  if (component < 3 + K) return block_.control_RTK[cell * K + component - 3];
  return block_.media_RTC[cell * C + component - 3 - K];
}

PeriodSums::PeriodSums(int64_t weeks, int64_t origin, int64_t controls, int64_t channels)
    : weeks_(static_cast<std::size_t>(weeks)),
      origin_(static_cast<std::size_t>(origin)),
      controls_(static_cast<std::size_t>(controls)),
      channels_(static_cast<std::size_t>(channels)),
      components_(3 + controls_ + channels_),
      actual_T_(weeks_),
      predicted_T_(weeks_),
      all_T_(weeks_),
      sum_TP_(weeks_ * components_),
      coefficient_TC_(weeks_ * channels_),
      observed_T_(weeks_) {}

void PeriodSums::add(const Panel& panel, const ResultBlock& block) {
  const ComponentsOf components(block, static_cast<int64_t>(controls_), static_cast<int64_t>(channels_));
  const std::vector<uint8_t> counted_RT = cells_with_rows(panel, 0, panel.regions);
  for (std::size_t cell = 0; cell < block.predicted_RT.size(); ++cell) {
    const std::size_t week = cell % weeks_;
    all_T_[week] += block.predicted_RT[cell];
    const bool counts =
        week < origin_ || counts_in_holdout(panel.observed_RT.data() + (cell - week), static_cast<int64_t>(origin_));
    if (panel.observed_RT[cell] != 0 && counts) {
      ++observed_T_[week];
      actual_T_[week] += panel.target_RT[cell];
      predicted_T_[week] += block.predicted_RT[cell];
    }
    for (std::size_t p = 0; counted_RT[cell] != 0 && p < components_; ++p)
      sum_TP_[week * components_ + p] += components(cell, p);
    for (std::size_t c = 0; c < channels_; ++c)
      coefficient_TC_[week * channels_ + c] += block.coefficient_RTC[cell * channels_ + c];
  }
  regions_ += block.regions;
}

void PeriodSums::write_totals(CsvWriter& csv, const std::vector<std::string>& weeks) const {
  for (std::size_t week = 0; week < weeks_; ++week) {
    csv.raw(weeks[week]);
    csv.raw(week < origin_ ? "train" : "holdout");
    csv.number(static_cast<double>(observed_T_[week]));
    for (const double value : {actual_T_[week], predicted_T_[week], all_T_[week]}) csv.number(value);
    csv.end_row();
  }
}

void PeriodSums::write_contributions(CsvWriter& csv, const std::vector<Period>& periods,
                                     const std::vector<std::string>& components, const PeriodInterval& interval) const {
  for (const Period& period : periods)
    for (std::size_t p = 0; p < components_; ++p) {
      double value = 0;
      for (int64_t week = period.first; week < period.first + period.count; ++week)
        value += sum_TP_[static_cast<std::size_t>(week) * components_ + p];
      write_component(csv, period, components[p], value, p, components_ - channels_, interval);
    }
}

void PeriodSums::write_coefficients(CsvWriter& csv, const std::vector<std::string>& weeks,
                                    const std::vector<std::string>& channels) const {
  for (std::size_t i = 0; i < coefficient_TC_.size(); ++i) {
    csv.raw(weeks[i / channels_]);
    csv.raw(channels[i % channels_]);
    csv.number(coefficient_TC_[i] / static_cast<double>(regions_));
    csv.end_row();
  }
}

void write_periods_of_region(CsvWriter& csv, const ComponentsOf& values, std::span<const uint8_t> counted_RT,
                             std::size_t region, std::size_t weeks, const std::string& name,
                             const std::vector<Period>& periods, const std::vector<std::string>& components,
                             const PeriodInterval& interval) {
  for (const Period& period : periods)
    for (std::size_t p = 0; p < values.count(); ++p) {
      double sum = 0;
      for (int64_t week = period.first; week < period.first + period.count; ++week) {
        const std::size_t cell = region * weeks + static_cast<std::size_t>(week);
        if (counted_RT[cell] != 0) sum += values(cell, p);
      }
      csv.raw(name);
      write_component(csv, period, components[p], sum, p, values.count() - values.channels(), interval);
    }
}

}  // namespace dcmmm
