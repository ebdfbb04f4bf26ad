#include "likelihood/carry_over.hpp"

#include <algorithm>
#include <cmath>

// T weeks, L lags.
namespace dcmmm {

void carry_geometric(ChannelMedia media, double decay, int64_t weeks, CarriedMedia& out) {
  out.adstock_T.resize(weeks);
  out.by_decay_T.resize(weeks);
  out.by_peak_T.assign(weeks, 0.0);
  double adstock = 0, by_decay = 0;
  for (int64_t t = 0; t < weeks; ++t) {
    const double value = media.at(t);
    by_decay = adstock + decay * by_decay - value;
    adstock = decay * adstock + (1.0 - decay) * value;
    out.adstock_T[t] = adstock;
    out.by_decay_T[t] = by_decay * decay * (1.0 - decay);
  }
}

void carry_delayed(ChannelMedia media, double decay, double peak, int64_t lags, int64_t weeks, CarriedMedia& out) {
  std::vector<double> weight(lags), by_decay(lags), by_peak(lags);
  const double log_decay = std::log(decay), peak_slope = peak * (1.0 - peak / static_cast<double>(lags - 1));
  double sum = 0, mean_decay = 0, mean_peak = 0;
  for (int64_t l = 0; l < lags; ++l) {
    const double distance = static_cast<double>(l) - peak;
    weight[l] = std::exp(distance * distance * log_decay);
    by_decay[l] = distance * distance * (1.0 - decay);  // of log w by logit d
    by_peak[l] = -2.0 * distance * log_decay * peak_slope;
    sum += weight[l];
    mean_decay += weight[l] * by_decay[l];
    mean_peak += weight[l] * by_peak[l];
  }
  for (int64_t l = 0; l < lags; ++l) {  // the weights sum to one
    weight[l] /= sum;
    by_decay[l] = weight[l] * (by_decay[l] - mean_decay / sum);
    by_peak[l] = weight[l] * (by_peak[l] - mean_peak / sum);
  }
  out.adstock_T.assign(weeks, 0.0);
  out.by_decay_T.assign(weeks, 0.0);
  out.by_peak_T.assign(weeks, 0.0);
  for (int64_t t = 0; t < weeks; ++t)
    for (int64_t l = 0; l < std::min(lags, t + 1); ++l) {
      const double value = media.at(t - l);
      out.adstock_T[t] += weight[l] * value;
      out.by_decay_T[t] += by_decay[l] * value;
      out.by_peak_T[t] += by_peak[l] * value;
    }
}

}  // namespace dcmmm
