#include "analysis/response_curves.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "analysis/frequency_response.hpp"
#include "model/kernels/media.hpp"

namespace dcmmm {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Steps of the histogram of multiples: step i holds (kGrowth^(i - 1), kGrowth^i] times kSmallest, step 0 all below.
constexpr double kGrowth = 1.01, kSmallest = 1e-2;

std::size_t step_of(double multiple) {
  return multiple <= kSmallest
             ? 0
             : static_cast<std::size_t>(std::ceil(std::log(multiple / kSmallest) / std::log(kGrowth)));
}

}  // namespace

ResponseCurves::ResponseCurves(SharedResults shared, int64_t channels)
    : shared_(std::move(shared)), use_CR_(static_cast<std::size_t>(channels)), multiples_(use_CR_.size()) {}

void ResponseCurves::add(const Panel& block, const std::vector<double>& coefficient_RTC,
                         const std::vector<double>& media_scale_RC) {
  const auto weeks = static_cast<std::size_t>(block.weeks()), channels = use_CR_.size();
  for (std::size_t region = 0; region < static_cast<std::size_t>(block.regions); ++region) {
    const uint8_t* observed_T = block.observed_RT.data() + region * weeks;
    const auto cells = static_cast<double>(std::count(observed_T, observed_T + weeks, 1));
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const auto average = [&](const std::vector<double>& values_RTC) {
        double sum = 0;
        for (std::size_t week = 0; week < weeks; ++week) {
          if (observed_T[week]) sum += values_RTC[(region * weeks + week) * channels + channel];
        }
        return cells > 0 ? sum / cells : 0;
      };
      const double media = average(block.media_RTC);
      const double scale = media_scale_RC[region * channels + channel];
      const double effective = shared_.has_frequency(channel) ? average(saturated(block, channel)) : media;
      use_CR_[channel].push_back({average(coefficient_RTC), scale > 0 ? effective / scale : 0,
                                  block.coordinates.has_spend ? average(block.spend_RTC) : media, 1});
      if (media <= 0) continue;
      double& largest = use_CR_[channel].back().largest;
      auto& multiples = multiples_[channel];
      for (std::size_t week = 0; week < weeks; ++week) {
        if (!observed_T[week]) continue;
        const double multiple = block.media_RTC[(region * weeks + week) * channels + channel] / media;
        largest = std::max(largest, multiple);
        const std::size_t step = step_of(multiple);
        if (step >= multiples.size()) multiples.resize(step + 1);
        ++multiples[step];
      }
    }
  }
}

std::vector<double> ResponseCurves::saturated(const Panel& block, std::size_t channel) const {
  const std::size_t channels = use_CR_.size();
  std::vector<double> out = block.media_RTC;
  for (std::size_t cell = 0; cell < block.observed_RT.size(); ++cell)
    out[cell * channels + channel] *= frequency_response(shared_, block, cell, channel);
  return out;
}

double ResponseCurves::hill(int64_t channel, double scaled) const {
  if (is_linear(channel)) return std::min(scaled, kernels::kMaxScaledMedia);
  const auto c = static_cast<std::size_t>(channel);
  return 1 / (1 + std::exp(-shared_.exponent_C[c] *
                           (std::log(scaled + kernels::kHillOffset) - std::log(shared_.half_saturation_C[c]))));
}

double ResponseCurves::spend(int64_t channel, double multiple) const {
  const auto& use_R = use_CR_[static_cast<std::size_t>(channel)];
  double sum = 0;
  for (const Use& use : use_R) sum += use.spend;
  return use_R.empty() ? 0 : multiple * sum / static_cast<double>(use_R.size());
}

double ResponseCurves::response(int64_t channel, double multiple) const {
  const auto& use_R = use_CR_[static_cast<std::size_t>(channel)];
  double sum = 0;
  for (const Use& use : use_R) sum += use.coefficient * hill(channel, multiple * use.scaled);
  return use_R.empty() ? 0 : sum / static_cast<double>(use_R.size());
}

double ResponseCurves::coefficient(int64_t channel) const {
  const auto& use_R = use_CR_[static_cast<std::size_t>(channel)];
  double sum = 0;
  for (const Use& use : use_R) sum += use.coefficient;
  return use_R.empty() ? 0 : sum / static_cast<double>(use_R.size());
}

double ResponseCurves::slope_of_hill(int64_t channel, double scaled) const {
  if (is_linear(channel)) return scaled < kernels::kMaxScaledMedia ? 1.0 : 0.0;
  const double h = hill(channel, scaled);
  return h * (1 - h) * shared_.exponent_C[static_cast<std::size_t>(channel)] / (scaled + kernels::kHillOffset);
}

double ResponseCurves::marginal(int64_t channel, double multiple) const {
  const auto& use_R = use_CR_[static_cast<std::size_t>(channel)];
  double slope = 0;  // d response / d multiple
  for (const Use& use : use_R) slope += use.coefficient * slope_of_hill(channel, multiple * use.scaled) * use.scaled;
  const double spend_slope = spend(channel, 1);
  return spend_slope > 0 ? slope / static_cast<double>(use_R.size()) / spend_slope : kNone;
}

double ResponseCurves::height(int64_t channel) const {
  double asymptote = 0;
  const auto& use_R = use_CR_[static_cast<std::size_t>(channel)];
  for (const Use& use : use_R) asymptote += use.scaled > 0 ? use.coefficient : 0;
  return asymptote > 0 && !is_linear(channel) ? asymptote / static_cast<double>(use_R.size()) : kNone;
}

double ResponseCurves::spend_at(int64_t channel, double part_of_height) const {
  const double wanted = part_of_height * height(channel);
  if (!std::isfinite(wanted)) return kNone;
  double low = 0, high = 1;
  while (response(channel, high) < wanted) {
    low = high;
    high *= 2;
    if (!std::isfinite(high)) return kNone;
  }
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = 0.5 * (low + high);
    (response(channel, middle) < wanted ? low : high) = middle;
  }
  return spend(channel, high);
}

double ResponseCurves::saturation_spend(int64_t channel) const { return spend_at(channel, 0.9); }

double ResponseCurves::half_saturation_spend(int64_t channel) const { return spend_at(channel, 0.5); }

ResponseCurves::Point ResponseCurves::region_point(int64_t channel, std::size_t region, double multiple) const {
  const Use& use = uses(channel)[region];
  const double scaled = multiple * use.scaled;
  return {use.coefficient * hill(channel, scaled),
          use.spend > 0 && use.scaled > 0 ? use.coefficient * slope_of_hill(channel, scaled) * use.scaled / use.spend
                                          : kNone};
}

double ResponseCurves::region_spend_at(int64_t channel, std::size_t region, double part_of_height) const {
  const Use& use = uses(channel)[region];
  if (is_linear(channel) || !(use.spend > 0) || !(use.scaled > 0)) return kNone;
  const auto c = static_cast<std::size_t>(channel);
  const double odds = part_of_height / (1 - part_of_height),
               scaled = shared_.half_saturation_C[c] * std::pow(odds, 1 / shared_.exponent_C[c]);
  return (scaled - kernels::kHillOffset) * use.spend / use.scaled;
}

double ResponseCurves::observed_multiple(int64_t channel) const {
  const auto& multiples = multiples_[static_cast<std::size_t>(channel)];
  const auto weeks = static_cast<double>(std::accumulate(multiples.begin(), multiples.end(), int64_t{0}));
  int64_t below = 0;
  for (std::size_t step = 0; step < multiples.size(); ++step) {
    below += multiples[step];
    // A channel that is silent in most weeks may have a tiny percentile: the curve must still pass the average week.
    if (static_cast<double>(below) >= 0.99 * weeks) return std::max(1.0, kSmallest * std::pow(kGrowth, step));
  }
  return 1;
}

}  // namespace dcmmm
