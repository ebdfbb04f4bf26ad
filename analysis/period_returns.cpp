#include "analysis/period_returns.hpp"

#include "analysis/channel_effects.hpp"
#include "model/missing_media.hpp"

namespace dcmmm {

PeriodReturns::PeriodReturns(const SharedResults& shared, int64_t channels, int64_t weeks)
    : shared_(shared),
      channels_(static_cast<std::size_t>(channels)),
      weeks_(static_cast<std::size_t>(weeks)),
      spend_TC_(channels_ * weeks_),
      contribution_TC_(channels_ * weeks_),
      slope_TC_(channels_ * weeks_) {}

void PeriodReturns::add(const Panel& panel, const ResultBlock& results) {
  for (std::size_t region = 0; region < static_cast<std::size_t>(panel.regions); ++region)
    add_region(panel, results, region);
}

void PeriodReturns::add_region(const Panel& panel, const ResultBlock& results, std::size_t region) {
  const std::vector<uint8_t> counted_T = cells_with_rows(panel, static_cast<int64_t>(region), 1);
  const auto& spend_RTC = panel.coordinates.has_spend ? panel.spend_RTC : panel.media_RTC;
  const std::size_t cells = weeks_ * channels_;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    const std::size_t i = region * cells + cell;
    spend_TC_[cell] += spend_RTC[i];
    if (counted_T[cell / channels_] == 0) continue;
    contribution_TC_[cell] += results.media_RTC[i];
    slope_TC_[cell] += slope_in_logs(shared_, cell % channels_, results.media_RTC[i], results.coefficient_RTC[i]);
  }
}

void PeriodReturns::write(CsvWriter& csv, const std::string& region, const std::vector<Period>& periods,
                          const std::vector<std::string>& channels, double revenue, const PeriodInterval& interval,
                          const PeriodInterval& slope_interval) const {
  for (const Period& period : periods)
    for (std::size_t c = 0; c < channels_; ++c) {
      double spend = 0, contribution = 0, slope = 0;
      for (int64_t week = period.first; week < period.first + period.count; ++week) {
        const std::size_t i = static_cast<std::size_t>(week) * channels_ + c;
        spend += spend_TC_[i], contribution += contribution_TC_[i], slope += slope_TC_[i];
      }
      const Interval range = interval(c, period.first, period.count, contribution),
                     slopes = slope_interval(c, period.first, period.count, slope);
      const double per_spend = revenue / spend;  // not finite, hence empty, without spend
      if (!region.empty()) csv.raw(region);
      csv.raw(period.kind);
      csv.raw(period.label);
      csv.raw(channels[c]);
      for (const double value : {spend, contribution, range.lower, range.upper, contribution * per_spend,
                                 range.lower * per_spend, range.upper * per_spend, slope * per_spend})
        csv.number(value);
      csv.raw(shared_.is_identified(c) ? "yes" : "no");
      csv.number(slopes.lower * per_spend);
      csv.number(slopes.upper * per_spend);
      csv.end_row();
    }
}

}  // namespace dcmmm
