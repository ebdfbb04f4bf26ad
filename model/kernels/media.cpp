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

template <class Real>
void hill_of_adstock(const AdstockHill<Real>& region, const Real* adstock_TC, Real* response_TC) {
  for (int64_t week = 0; week < region.weeks; ++week) {
    const Real* adstock = adstock_TC + week * region.channels;
    Real* response = response_TC + week * region.channels;
#pragma GCC ivdep
    for (int64_t c = 0; c < region.channels; ++c) {
      const Real slope = region.exponent_C[c] * (std::log(adstock[c] + static_cast<Real>(kHillOffset)) - region.log_half_C[c]);
      response[c] = sigmoid(slope);
    }
  }
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
  hill_of_adstock(region, region.response_TC, region.response_TC);
}

template <class Real>
void adstock_hill_backward(const AdstockHill<Real>& region, const Real* grad_response_TC, double* grad_decay_C,
                           double* grad_exponent_C, double* grad_log_half_C) {
  const int64_t weeks = region.weeks, channels = region.channels;
  std::vector<Real> adstock(static_cast<size_t>(weeks * channels)), response(adstock.size());
  run_adstock(region, adstock.data());
  hill_of_adstock(region, adstock.data(), response.data());
  // Backwards in time: later_c collects dL/d ad_t through the later weeks.
  std::vector<Real> later(static_cast<size_t>(channels), Real(0));
  for (int64_t week = weeks - 1; week >= 0; --week) {
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t cell = week * channels + c;
      const Real offset_adstock = adstock[cell] + static_cast<Real>(kHillOffset);
      const Real distance = std::log(offset_adstock) - region.log_half_C[c];
      const Real grad_slope = grad_response_TC[cell] * response[cell] * (Real(1) - response[cell]);
      grad_exponent_C[c] += grad_slope * distance;
      grad_log_half_C[c] -= grad_slope * region.exponent_C[c];
      const Real grad_adstock = grad_slope * region.exponent_C[c] / offset_adstock + later[c];
      const Real before = week > 0 ? adstock[cell - channels] : (region.carry_in_C != nullptr ? region.carry_in_C[c] : Real(0));
      const Real scaled = std::min(region.media_TC[cell] * region.inverse_scale_C[c], static_cast<Real>(kMaxScaledMedia));
      grad_decay_C[c] += grad_adstock * (before - scaled);
      later[c] = grad_adstock * region.decay_C[c];
    }
  }
}

// softplus(v) = max(v, 0) + log1p(exp(-|v|)), without overflow.
template <class Real>
inline Real softplus(Real value) {
  return std::max(value, Real(0)) + std::log(Real(1) + std::exp(-std::abs(value)));
}

template <class Real>
void channel_effect_forward(const ChannelEffect<Real>& region) {
  for (int64_t week = 0; week < region.weeks; ++week) {
    Real sum = 0;
    for (int64_t c = 0; c < region.channels; ++c) {
      const int64_t cell = week * region.channels + c;
      const Real deviation = region.deviation_TC != nullptr ? region.deviation_TC[cell] : Real(0);
      sum += softplus(region.log_mean_C[c] + region.offset_C[c] + deviation) * region.response_TC[cell];
    }
    region.effect_T[week] = sum;
  }
}

template <class Real>
void channel_effect_backward(const ChannelEffect<Real>& region, const Real* grad_effect_T, Real* grad_response_TC,
                             Real* grad_deviation_TC, double* grad_offset_C) {
  for (int64_t week = 0; week < region.weeks; ++week) {
    const Real grad = grad_effect_T[week];
    for (int64_t c = 0; c < region.channels; ++c) {
      const int64_t cell = week * region.channels + c;
      const Real deviation = region.deviation_TC != nullptr ? region.deviation_TC[cell] : Real(0);
      const Real level = region.log_mean_C[c] + region.offset_C[c] + deviation;
      grad_response_TC[cell] = grad * softplus(level);
      const Real grad_level = grad * region.response_TC[cell] * sigmoid(level);
      if (grad_deviation_TC != nullptr) grad_deviation_TC[cell] = grad_level;
      grad_offset_C[c] += grad_level;
    }
  }
}

#define DCMMM_INSTANTIATE(Real)                                                                                            \
  template void adstock_hill_forward(const AdstockHill<Real>&);                                                            \
  template void adstock_hill_backward(const AdstockHill<Real>&, const Real*, double*, double*, double*);                   \
  template void channel_effect_forward(const ChannelEffect<Real>&);                                                        \
  template void channel_effect_backward(const ChannelEffect<Real>&, const Real*, Real*, Real*, double*);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::kernels
