#include "model/kernels/delayed_adstock.hpp"

#include <algorithm>
#include <vector>

#include "model/kernels/media.hpp"

namespace dcmmm::kernels {
namespace {

// x' of the lags - 1 weeks before the first, then of all weeks.
template <class Real>
std::vector<Real> scaled_media(const DelayedAdstock<Real>& region) {
  const int64_t channels = region.channels, before = (region.lags - 1) * channels;
  std::vector<Real> scaled(static_cast<size_t>(before + region.weeks * channels), Real(0));
  if (region.history_in_LC != nullptr) std::copy_n(region.history_in_LC, before, scaled.data());
  for (int64_t i = 0; i < region.weeks * channels; ++i) {
    scaled[before + i] =
        std::min(region.media_TC[i] * region.inverse_scale_C[i % channels], static_cast<Real>(kMaxScaledMedia));
  }
  return scaled;
}

}  // namespace

template <class Real>
void delayed_adstock_forward(const DelayedAdstock<Real>& region) {
  const int64_t channels = region.channels, lags = region.lags;
  const std::vector<Real> scaled = scaled_media(region);
  std::fill_n(region.adstock_TC, region.weeks * channels, Real(0));
  for (int64_t week = 0; week < region.weeks; ++week) {
    Real* out = region.adstock_TC + week * channels;
    for (int64_t lag = 0; lag < lags; ++lag) {
      const Real* media = scaled.data() + (lags - 1 + week - lag) * channels;
      const Real* weight = region.weight_LC + lag * channels;
      for (int64_t c = 0; c < channels; ++c) out[c] += weight[c] * media[c];
    }
  }
  if (region.history_out_LC != nullptr)
    std::copy_n(scaled.data() + region.weeks * channels, (lags - 1) * channels, region.history_out_LC);
}

template <class Real>
void delayed_adstock_backward(const DelayedAdstock<Real>& region, const Real* grad_adstock_TC, double* grad_weight_LC) {
  const int64_t channels = region.channels, lags = region.lags;
  const std::vector<Real> scaled = scaled_media(region);
  for (int64_t week = 0; week < region.weeks; ++week) {
    const Real* grad = grad_adstock_TC + week * channels;
    for (int64_t lag = 0; lag < lags; ++lag) {
      const Real* media = scaled.data() + (lags - 1 + week - lag) * channels;
      double* to = grad_weight_LC + lag * channels;
      for (int64_t c = 0; c < channels; ++c) to[c] += grad[c] * media[c];
    }
  }
}

#define DCMMM_INSTANTIATE(Real)                                       \
  template void delayed_adstock_forward(const DelayedAdstock<Real>&); \
  template void delayed_adstock_backward(const DelayedAdstock<Real>&, const Real*, double*);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::kernels
