// What spend on one channel in one region brings: carry-over, saturation and coefficients of all draws at once.
// Shapes: D draws, H weeks of the horizon, T >= H weeks that count.
#pragma once

#include <cstdint>

namespace dcmmm::kernels {

/// One channel in one region. carried[d, t] = base[d, t] + sum over s <= t, s < H of carry[d, t - s] * x'_s;
/// outcome[d] = factor[d] * sum over t of coefficient[t] * h(carried[d, t]).
struct CarryResponse {
  int64_t draws, horizon, weeks;
  const double* scaled_H;    // x', at least 0
  const float* base_DT;      // carried over from media that are not planned
  const double* carry_DT;    // weight of lag 0, 1, ...; draws are `draw_stride` apart, as are the next three
  int64_t draw_stride;       // C, in numbers (carry: in rows of T)
  const double* exponent_D;  // null: h is the carried media itself
  const double* log_half_D;
  const double* factor_D;
  const double* coefficient_T;  // KPI units a week at full saturation
};

/// Room for what `carry_response` computes on the way: 3 * D * T numbers.
inline int64_t workspace_size(int64_t draws, int64_t weeks) { return 3 * draws * weeks; }

/// Adds to outcome_D.
void carry_response(const CarryResponse& in, double* workspace, double* outcome_D);

/// The same, and adds to gradient_H the derivative of sum over d of weight[d] * outcome[d] by x'.
void carry_response_gradient(const CarryResponse& in, const double* weight_D, double* workspace, double* outcome_D,
                             double* gradient_H);

}  // namespace dcmmm::kernels
