// Compiled with -ffast-math, so that exp and log run eight at a time (libmvec); values are checked for NaN elsewhere.
#include "model/kernels/media.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/kernels/sigmoid.hpp"

namespace dcmmm::kernels {
namespace {

// Adstock states of all weeks: ad_t = d ad_{t-1} + (1 - d) x'_t.
template <class Real>
void run_adstock(const AdstockHill<Real>& region, Real* adstock_TC) {
  const int64_t channels = region.channels;
  std::vector<Real> state(static_cast<size_t>(channels), Real(0));
  if (region.carry_in_C != nullptr) std::copy_n(region.carry_in_C, channels, state.data());
  for (int64_t week = 0; week < region.weeks; ++week) {
    const Real* media = region.media_TC + week * channels;
    Real* out = adstock_TC + week * channels;
    for (int64_t c = 0; c < channels; ++c) {
      const Real scaled = std::min(media[c] * region.inverse_scale_C[c], static_cast<Real>(kMaxScaledMedia));
      state[c] = region.decay_C[c] * state[c] + (Real(1) - region.decay_C[c]) * scaled;
      out[c] = state[c];
    }
  }
}

// The curve's parts, of all weeks. A channel is only a few numbers wide, so exp and log run over weeks and channels at
// once.
template <class Real>
void hill_of_adstock(const AdstockHill<Real>& region, const Real* adstock_TC, Real* log_TC, Real* response_TC) {
  const int64_t channels = region.channels, cells = region.weeks * channels;
#pragma GCC ivdep
  for (int64_t i = 0; i < cells; ++i) log_TC[i] = std::log(adstock_TC[i] + static_cast<Real>(kHillOffset));
  for (int64_t week = 0; week < region.weeks; ++week) {
    const Real* log = log_TC + week * channels;
    Real* slope = response_TC + week * channels;
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) slope[c] = region.exponent_C[c] * (log[c] - region.log_half_C[c]);
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < cells; ++i) response_TC[i] = sigmoid(response_TC[i]);
}

// log_mean + offset + deviation of all weeks; without deviations, of one week that stands for all.
template <class Real>
std::vector<Real> log_coefficients(const ChannelEffect<Real>& region) {
  const int64_t channels = region.channels, weeks = region.deviation_TC != nullptr ? region.weeks : 1;
  std::vector<Real> level_TC(static_cast<size_t>(weeks * channels));
  for (int64_t week = 0; week < weeks; ++week) {
    Real* level = level_TC.data() + week * channels;
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) level[c] = region.log_mean_C[c] + region.offset_C[c];
  }
  if (region.deviation_TC != nullptr)
    for (size_t i = 0; i < level_TC.size(); ++i) level_TC[i] += region.deviation_TC[i];
  return level_TC;
}

}  // namespace

template <class Real>
void adstock_hill_forward(const AdstockHill<Real>& region) {
  const int64_t channels = region.channels;
  run_adstock(region, region.response_TC);
  if (region.carry_out_C != nullptr) {
    if (region.weeks > 0)
      std::copy_n(region.response_TC + (region.weeks - 1) * channels, channels, region.carry_out_C);
    else if (region.carry_in_C != nullptr)
      std::copy_n(region.carry_in_C, channels, region.carry_out_C);
  }
  std::vector<Real> log_TC(static_cast<size_t>(region.weeks * channels));
  hill_of_adstock(region, region.response_TC, log_TC.data(), region.response_TC);
}

template <class Real>
void adstock_hill_backward(const AdstockHill<Real>& region, const Real* grad_response_TC, double* grad_decay_C,
                           double* grad_exponent_C, double* grad_log_half_C) {
  const int64_t weeks = region.weeks, channels = region.channels, cells = weeks * channels;
  // The state before the first week, then the adstock of all weeks.
  std::vector<Real> states(static_cast<size_t>(cells + channels), Real(0)), log_TC(static_cast<size_t>(cells)),
      slope_TC(log_TC);
  if (region.carry_in_C != nullptr) std::copy_n(region.carry_in_C, channels, states.data());
  const Real* adstock_TC = states.data() + channels;
  run_adstock(region, states.data() + channels);
  hill_of_adstock(region, adstock_TC, log_TC.data(), slope_TC.data());
  for (int64_t i = 0; i < cells; ++i)
    slope_TC[i] = grad_response_TC[i] * slope_TC[i] * (Real(1) - slope_TC[i]);  // dL/d slope
  // Backwards in time: later_c collects dL/d ad_t through the later weeks.
  std::vector<Real> later_C(static_cast<size_t>(channels), Real(0));
  Real* later = later_C.data();
  for (int64_t week = weeks - 1; week >= 0; --week) {
    const Real *before = states.data() + week * channels, *adstock = before + channels;
    const Real *media = region.media_TC + week * channels, *slope = slope_TC.data() + week * channels;
    const Real* log = log_TC.data() + week * channels;
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      grad_exponent_C[c] += slope[c] * (log[c] - region.log_half_C[c]);
      grad_log_half_C[c] -= slope[c] * region.exponent_C[c];
      const Real grad_adstock =
          slope[c] * region.exponent_C[c] / (adstock[c] + static_cast<Real>(kHillOffset)) + later[c];
      const Real scaled = std::min(media[c] * region.inverse_scale_C[c], static_cast<Real>(kMaxScaledMedia));
      grad_decay_C[c] += grad_adstock * (before[c] - scaled);
      later[c] = grad_adstock * region.decay_C[c];
    }
  }
}

template <class Real>
void channel_effect_forward(const ChannelEffect<Real>& region) {
  const int64_t channels = region.channels, step = region.deviation_TC != nullptr ? channels : 0;
  std::vector<Real> coefficient_TC = log_coefficients(region);
  // softplus(v) = max(v, 0) + log(1 + exp(-|v|)), without overflow.
  for (size_t i = 0; i < coefficient_TC.size(); ++i) {
    const Real level = coefficient_TC[i];
    coefficient_TC[i] = std::max(level, Real(0)) + std::log(Real(1) + std::exp(-std::abs(level)));
  }
  for (int64_t week = 0; week < region.weeks; ++week) {
    const Real *coefficient = coefficient_TC.data() + week * step, *response = region.response_TC + week * channels;
    Real sum = 0;
    for (int64_t c = 0; c < channels; ++c) sum += coefficient[c] * response[c];
    region.effect_T[week] = sum;
  }
}

template <class Real>
void channel_effect_backward(const ChannelEffect<Real>& region, const Real* grad_effect_T, Real* grad_response_TC,
                             Real* grad_deviation_TC, double* grad_offset_C) {
  const int64_t channels = region.channels, step = region.deviation_TC != nullptr ? channels : 0;
  // softplus as above; its slope is the logistic function, from the same exponential.
  std::vector<Real> slope_TC = log_coefficients(region), coefficient_TC(slope_TC.size());
  for (size_t i = 0; i < slope_TC.size(); ++i) {
    const Real level = slope_TC[i], exponential = std::exp(-std::abs(level)), share = Real(1) / (Real(1) + exponential);
    coefficient_TC[i] = std::max(level, Real(0)) + std::log(Real(1) + exponential);
    slope_TC[i] = level >= Real(0) ? share : exponential * share;
  }
  for (int64_t week = 0; week < region.weeks; ++week) {
    const Real grad = grad_effect_T[week];
    const Real *coefficient = coefficient_TC.data() + week * step, *slope = slope_TC.data() + week * step,
               *response = region.response_TC + week * channels;
    Real* to_response = grad_response_TC + week * channels;
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) {
      to_response[c] = grad * coefficient[c];
      grad_offset_C[c] += grad * slope[c] * response[c];
    }
    if (grad_deviation_TC == nullptr) continue;
    Real* to_deviation = grad_deviation_TC + week * channels;
#pragma GCC ivdep
    for (int64_t c = 0; c < channels; ++c) to_deviation[c] = grad * slope[c] * response[c];
  }
}

#define DCMMM_INSTANTIATE(Real)                                                                          \
  template void adstock_hill_forward(const AdstockHill<Real>&);                                          \
  template void adstock_hill_backward(const AdstockHill<Real>&, const Real*, double*, double*, double*); \
  template void channel_effect_forward(const ChannelEffect<Real>&);                                      \
  template void channel_effect_backward(const ChannelEffect<Real>&, const Real*, Real*, Real*, double*);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::kernels
