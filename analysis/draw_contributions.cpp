#include "analysis/draw_contributions.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/frequency_response.hpp"
#include "analysis/kernels/draw_effect.hpp"
#include "analysis/open_differences.hpp"
#include "common/random.hpp"
#include "model/kernels/media.hpp"
#include "model/missing_media.hpp"

namespace dcmmm {

DrawContributions::DrawContributions(const SharedResults& shared, int64_t channels, int64_t weeks)
    : shared_(shared),
      channels_(static_cast<std::size_t>(channels)),
      weeks_(static_cast<std::size_t>(weeks)),
      draws_(static_cast<std::size_t>(shared.draws.count)),
      lag_weight_C_(channels_),
      all_{std::vector<double>(channels_ * weeks_ * draws_), std::vector<double>(channels_ * weeks_ * draws_)} {
  const auto lags = static_cast<std::size_t>(shared.max_lag);
  for (std::size_t c = 0; c < channels_; ++c)
    for (std::size_t d = 0; d < draws_; ++d) {
      const std::size_t i = d * channels_ + c;
      decay_CD_.push_back(shared.draws.decay_DC[i]);
      exponent_CD_.push_back(shared.draws.exponent_DC[i]);
      log_half_CD_.push_back(std::log(shared.draws.half_saturation_DC[i]));
      if (std::isnan(shared.peak_C[c])) continue;
      std::vector<double>& weight_LD = lag_weight_C_[c];
      weight_LD.resize(lags * draws_);
      double sum = 0;
      for (std::size_t lag = 0; lag < lags; ++lag)
        sum += weight_LD[lag * draws_ + d] =
            std::pow(decay_CD_.back(), std::pow(static_cast<double>(lag) - shared.peak_C[c], 2));
      for (std::size_t lag = 0; lag < lags; ++lag) weight_LD[lag * draws_ + d] /= sum;
    }
}

void DrawContributions::add_region(const Panel& panel, const std::vector<double>& coefficient_RTC,
                                   const std::vector<double>& media_scale_RC, int64_t region, Cells& cells) const {
  const auto r = static_cast<std::size_t>(region);
  std::vector<double> media_TC(weeks_ * channels_), scaled_T(weeks_), coefficient_T(weeks_), workspace(draws_);
  const RegionBlock block(panel, region, 1);
  fill_missing_rows(panel, block, region, media_TC);
  const std::vector<uint8_t> counted_T = cells_with_rows(panel, region, 1);
  for (std::size_t c = 0; c < channels_; ++c) {
    const double scale = media_scale_RC[r * channels_ + c];
    if (!(scale > 0)) continue;
    // Of reach and frequency, the frequency saturates; by the fit's curve for all draws.
    const bool is_linear = shared_.is_linear(c);
    for (std::size_t t = 0; t < weeks_; ++t) {
      const std::size_t cell = r * weeks_ + t;
      scaled_T[t] = std::min(media_TC[t * channels_ + c] / scale, kernels::kMaxScaledMedia) *
                    frequency_response(shared_, panel, cell, c);
      coefficient_T[t] = counted_T[t] != 0 ? coefficient_RTC[cell * channels_ + c] : 0.0;
    }
    kernels::add_draw_effect(
        {static_cast<int64_t>(weeks_), static_cast<int64_t>(draws_), scaled_T.data(), coefficient_T.data(), 1,
         decay_CD_.data() + c * draws_, is_linear ? nullptr : exponent_CD_.data() + c * draws_,
         is_linear ? nullptr : log_half_CD_.data() + c * draws_,
         lag_weight_C_[c].empty() ? nullptr : lag_weight_C_[c].data(), shared_.max_lag},
        workspace.data(), cells.effect_CTD.data() + c * weeks_ * draws_, cells.slope_CTD.data() + c * weeks_ * draws_);
  }
}

void DrawContributions::add(const Panel& panel, const std::vector<double>& coefficient_RTC,
                            const std::vector<double>& media_scale_RC, const std::vector<double>& target_scale_R) {
  if (draws_ == 0) return;
  for (int64_t r = 0; r < panel.regions; ++r) {
    add_region(panel, coefficient_RTC, media_scale_RC, r, all_);
    for (std::size_t c = 0; c < channels_; ++c) {
      double sum = 0;
      for (std::size_t t = 0; t < weeks_; ++t)
        sum += coefficient_RTC[(static_cast<std::size_t>(r) * weeks_ + t) * channels_ + c];
      const double scale = target_scale_R[static_cast<std::size_t>(r)];
      relative_RC_.push_back(scale > 0 ? sum / scale : 0);
    }
  }
}

void DrawContributions::finish() {
  region_sd_C_ = open_differences(relative_RC_, static_cast<int64_t>(channels_), shared_.response_sd);
  factor_CD_.assign(channels_ * draws_, 0.0);
  for (std::size_t c = 0; c < channels_; ++c)
    for (std::size_t d = 0; d < draws_; ++d) {
      double sum = 0;
      for (std::size_t t = 0; t < weeks_; ++t) sum += all_.effect_CTD[(c * weeks_ + t) * draws_ + d];
      factor_CD_[c * draws_ + d] = sum > 0 ? shared_.draws.contribution_DC[d * channels_ + c] / sum : 0;
    }
  multiply(all_, factor_CD_);
}

void DrawContributions::multiply(Cells& cells, const std::vector<double>& factor_CD) const {
  for (std::size_t c = 0; c < channels_; ++c)
    for (std::size_t t = 0; t < weeks_; ++t)
      for (std::size_t d = 0; d < draws_; ++d) {
        const std::size_t i = (c * weeks_ + t) * draws_ + d;
        cells.effect_CTD[i] *= factor_CD[c * draws_ + d];
        cells.slope_CTD[i] *= factor_CD[c * draws_ + d];
      }
}

std::vector<double> DrawContributions::region_factors(int64_t number) const {
  constexpr uint64_t kRegionStream = uint64_t{8} << 32;
  std::vector<double> out_CD = factor_CD_;
  RandomStream random(static_cast<uint64_t>(number), kRegionStream);
  for (std::size_t c = 0; c < channels_; ++c)
    for (std::size_t d = 0; d < draws_; ++d)
      out_CD[c * draws_ + d] *= std::max(0.0, 1 + region_sd_C_[c] * random.normal());
  return out_CD;
}

DrawContributions::Cells DrawContributions::of_region(const Panel& panel, const std::vector<double>& coefficient_RTC,
                                                      const std::vector<double>& media_scale_RC, int64_t region,
                                                      int64_t number) const {
  Cells out{std::vector<double>(all_.effect_CTD.size()), std::vector<double>(all_.slope_CTD.size())};
  if (draws_ == 0) return out;
  add_region(panel, coefficient_RTC, media_scale_RC, region, out);
  multiply(out, region_factors(number));
  return out;
}

Interval DrawContributions::interval(const std::vector<double>& value_CTD, std::size_t channel, int64_t first,
                                     int64_t count, double level, double value, const Interval& total,
                                     double sum) const {
  if (!shared_.is_identified(channel) || draws_ == 0)
    return {total.lower * (value / sum), total.upper * (value / sum)};  // NaN, hence empty, of a channel without effect
  std::vector<double> sum_D(draws_);
  for (int64_t t = first; t < first + count; ++t) {
    const double* value_D = value_CTD.data() + (channel * weeks_ + static_cast<std::size_t>(t)) * draws_;
    for (std::size_t d = 0; d < draws_; ++d) sum_D[d] += value_D[d];
  }
  return interval_of(sum_D, level, value);
}

}  // namespace dcmmm
