// What a constant level of media brings in one region, by every draw's curve at once.
// Shapes: D draws.
#pragma once

#include <cstdint>

namespace dcmmm::kernels {

/// h_d = 1 / (1 + exp(-a_d (log(level + 1e-4) - log g_d))), the curve of model/kernels/media.hpp.
struct DrawCurve {
  int64_t draws;
  double level;        // scaled media a week
  double coefficient;  // effect at full saturation
  double rate;         // change of the level, in scaled media, that the slope is for
  const double *exponent_D, *log_half_D;
};

/// Adds coefficient h_d to response_D and coefficient rate dh_d/dlevel to slope_D.
void add_draw_curve(const DrawCurve& in, double* response_D, double* slope_D);

}  // namespace dcmmm::kernels
