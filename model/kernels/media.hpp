// Media kernels on the CPU: adstock and Hill curve of one region, and the channels' effect through their coefficients.
// Shapes: T weeks, C channels of one member and region. Row-major, last letter fastest.
#pragma once

#include <cstdint>
#include <vector>

namespace dcmmm::kernels {

/// Offset inside the Hill curve's logarithm: keeps h(0) and its gradients finite, and negligible for exponents >= 1.
inline constexpr double kHillOffset = 1e-4;
/// Scaled media is clipped to [0, 50].
inline constexpr double kMaxScaledMedia = 50.0;

// `scratch` is room for the kernels, one a thread, used again from region to region.

/// One region of one member. Media arrives raw and is scaled on the way: x' = min(x inverse_scale, 50).
template <class Real>
struct AdstockHill {
  int64_t weeks, channels;
  const Real* media_TC;
  const Real* inverse_scale_C;
  const Real* decay_C;
  const Real* exponent_C;
  const Real* log_half_C;
  const Real* carry_in_C;  // adstock state before the first week; null: 0
  Real* response_TC;       // out: h in [0, 1)
  Real* carry_out_C;       // out: adstock state after the last week; may be null
};

/// ad_t = d ad_{t-1} + (1 - d) x'_t; h = sigmoid(a (log(ad + 1e-4) - log g)).
template <class Real>
void adstock_hill_forward(const AdstockHill<Real>& region, std::vector<Real>& scratch);

/// Adds the region's share of dL/d(decay, exponent, log_half); the adstock is run again rather than stored.
template <class Real>
void adstock_hill_backward(const AdstockHill<Real>& region, const Real* grad_response_TC, double* grad_decay_C,
                           double* grad_exponent_C, double* grad_log_half_C, std::vector<Real>& scratch);

/// One region of one member: effect_t = sum_c softplus(log_mean_c + offset_c + deviation_tc) h_tc.
template <class Real>
struct ChannelEffect {
  int64_t weeks, channels;
  const Real* response_TC;
  const Real* log_mean_C;
  const Real* offset_C;
  const Real* deviation_TC;  // null: 0
  Real* effect_T;            // out
};

template <class Real>
void channel_effect_forward(const ChannelEffect<Real>& region, std::vector<Real>& scratch);

/// Writes dL/d(response, deviation) (the latter when not null) and dL/d(log_mean + offset), summed over weeks.
template <class Real>
void channel_effect_backward(const ChannelEffect<Real>& region, const Real* grad_effect_T, Real* grad_response_TC,
                             Real* grad_deviation_TC, double* grad_offset_C, std::vector<Real>& scratch);

// The same with registers of 64 bytes (media_wide.cpp).
#define DCMMM_WIDE(Real)                                                                                               \
  void adstock_hill_forward_wide(const AdstockHill<Real>& region, Real* scratch);                                      \
  void adstock_hill_backward_wide(const AdstockHill<Real>& region, const Real* grad_response_TC, double* grad_decay_C, \
                                  double* grad_exponent_C, double* grad_log_half_C, Real* scratch);                    \
  void channel_effect_forward_wide(const ChannelEffect<Real>& region, Real* scratch);                                  \
  void channel_effect_backward_wide(const ChannelEffect<Real>& region, const Real* grad_effect_T,                      \
                                    Real* grad_response_TC, Real* grad_deviation_TC, double* grad_offset_C,            \
                                    Real* scratch);
DCMMM_WIDE(float)
DCMMM_WIDE(double)
#undef DCMMM_WIDE

}  // namespace dcmmm::kernels
