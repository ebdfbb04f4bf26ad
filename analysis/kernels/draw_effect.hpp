// What one channel brings in one region, by every draw's carry-over and curve at once.
// Shapes: T weeks, D draws, L lags.
#pragma once

#include <cstdint>

namespace dcmmm::kernels {

/// effect[t, d] = coefficient_t h_d(carried[t, d]), with the curve of model/kernels/media.hpp. Carry-over is geometric,
/// carried_t = decay carried_{t-1} + (1 - decay) x'_t, or where `lag_weight_LD` isn't null that sum over L lags.
struct DrawEffect {
  int64_t weeks, draws;
  const double* scaled_T;       // x', in [0, 50]
  const double* coefficient_T;  // KPI units a week at full saturation
  int64_t coefficient_stride;   // between weeks, in numbers
  const double* decay_D;
  const double *exponent_D, *log_half_D;  // null: h is the carried media itself
  const double* lag_weight_LD;
  int64_t lags;
};

/// Adds to effect_TD, and d effect / d log carried to slope_TD. `workspace` has room for D numbers.
void add_draw_effect(const DrawEffect& in, double* workspace, double* effect_TD, double* slope_TD);

}  // namespace dcmmm::kernels
