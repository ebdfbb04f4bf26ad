// Carry-over by given weights of the last weeks, of one region and member, on the CPU.
// Shapes: T weeks, C channels (those with such a carry-over), L lags. Row-major, last letter fastest.
#pragma once

#include <cstdint>

namespace dcmmm::kernels {

/// Media arrives raw and is scaled on the way: x' = min(x inverse_scale, 50).
template <class Real>
struct DelayedAdstock {
  int64_t weeks, channels, lags;
  const Real* media_TC;
  const Real* inverse_scale_C;
  const Real* weight_LC;      // of the same week first
  const Real* history_in_LC;  // x' of the lags - 1 weeks before the first, oldest first; null: 0
  Real* adstock_TC;           // out
  Real* history_out_LC;       // out: x' of the last lags - 1 weeks; may be null
};

/// ad_t = sum_l w_l x'_(t-l).
template <class Real>
void delayed_adstock_forward(const DelayedAdstock<Real>& region);

/// Adds the region's share of dL/d(weight).
template <class Real>
void delayed_adstock_backward(const DelayedAdstock<Real>& region, const Real* grad_adstock_TC, double* grad_weight_LC);

}  // namespace dcmmm::kernels
