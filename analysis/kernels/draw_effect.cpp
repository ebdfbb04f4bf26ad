// Compiled with -ffast-math, so that exp and log run several draws at a time (libmvec); values are finite.
#include "analysis/kernels/draw_effect.hpp"

#include <algorithm>
#include <cmath>

#include "model/kernels/media.hpp"

namespace dcmmm::kernels {

void add_draw_effect(const DrawEffect& in, double* workspace, double* effect_TD, double* slope_TD) {
  const int64_t draws = in.draws;
  double* carried_D = workspace;
  std::fill_n(carried_D, draws, 0.0);
  for (int64_t t = 0; t < in.weeks; ++t) {
    if (in.lag_weight_LD == nullptr) {
      const double media = in.scaled_T[t];
#pragma GCC ivdep
      for (int64_t d = 0; d < draws; ++d) carried_D[d] = in.decay_D[d] * carried_D[d] + (1 - in.decay_D[d]) * media;
    } else {
      std::fill_n(carried_D, draws, 0.0);
      for (int64_t lag = 0; lag < std::min(in.lags, t + 1); ++lag) {
        const double media = in.scaled_T[t - lag];
        const double* weight_D = in.lag_weight_LD + lag * draws;
#pragma GCC ivdep
        for (int64_t d = 0; d < draws; ++d) carried_D[d] += weight_D[d] * media;
      }
    }
    const double coefficient = in.coefficient_T[t * in.coefficient_stride];
    double *effect_D = effect_TD + t * draws, *slope_D = slope_TD + t * draws;
    if (in.exponent_D == nullptr) {
#pragma GCC ivdep
      for (int64_t d = 0; d < draws; ++d) {
        effect_D[d] += coefficient * carried_D[d];
        slope_D[d] += coefficient * carried_D[d];
      }
    } else {
#pragma GCC ivdep
      for (int64_t d = 0; d < draws; ++d) {
        const double h =
            1 / (1 + std::exp(-in.exponent_D[d] * (std::log(carried_D[d] + kHillOffset) - in.log_half_D[d])));
        effect_D[d] += coefficient * h;
        slope_D[d] += coefficient * h * (1 - h) * in.exponent_D[d];
      }
    }
  }
}

}  // namespace dcmmm::kernels
