// Carried-over media of one region and channel, with derivatives. Shapes: T weeks, L lags.
#pragma once

#include <cstdint>
#include <vector>

namespace dcmmm {

/// A channel's scaled media by week, `stride` numbers apart.
struct ChannelMedia {
  const float* value;
  int64_t stride;
  bool is_off = false;               // in all regions: there is no response, not even to what the curve has at zero
  const float* frequency = nullptr;  // of a channel whose media are its reach, as far apart; null: none

  double at(int64_t week) const { return value[week * stride]; }
};

/// Carried-over media and its derivatives by the coordinates that shape it, T each; buffers are reused.
struct CarriedMedia {
  std::vector<double> adstock_T, by_decay_T, by_peak_T;
};

/// ad_t = d ad_{t-1} + (1 - d) x_t; by_decay is d ad / d logit(d), by_peak 0.
void carry_geometric(ChannelMedia media, double decay, int64_t weeks, CarriedMedia& out);

/// ad_t = sum_l w_l x_{t-l}, w_l proportional to d^((l - peak)^2) over `lags` weeks (Jin et al. 2017, equation 3);
/// by_peak is d ad / d logit(peak / (lags - 1)).
void carry_delayed(ChannelMedia media, double decay, double peak, int64_t lags, int64_t weeks, CarriedMedia& out);

}  // namespace dcmmm
