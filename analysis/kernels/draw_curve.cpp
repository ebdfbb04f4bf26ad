// Compiled with -ffast-math, so that exp runs several draws at a time (libmvec); values are finite.
#include "analysis/kernels/draw_curve.hpp"

#include <cmath>

#include "model/kernels/media.hpp"

namespace dcmmm::kernels {

void add_draw_curve(const DrawCurve& in, double* response_D, double* slope_D) {
  const double log_level = std::log(in.level + kHillOffset), factor = in.rate / (in.level + kHillOffset);
#pragma GCC ivdep
  for (int64_t d = 0; d < in.draws; ++d) {
    const double h = 1 / (1 + std::exp(-in.exponent_D[d] * (log_level - in.log_half_D[d])));
    response_D[d] += in.coefficient * h;
    slope_D[d] += in.coefficient * factor * in.exponent_D[d] * h * (1 - h);
  }
}

}  // namespace dcmmm::kernels
