// Compiled with -ffast-math, so that exp and log run several at a time (libmvec); nothing here compares with NaN.
#include "planning/kernels/carry_response.hpp"

#include <algorithm>
#include <cmath>

#include "model/kernels/media.hpp"

namespace dcmmm::kernels {
namespace {

// carried_DT, and h in response_DT.
void forward(const CarryResponse& in, double* carried_DT, double* response_DT) {
  const int64_t T = in.weeks, cells = in.draws * T;
  std::copy_n(in.base_DT, cells, carried_DT);
  for (int64_t d = 0; d < in.draws; ++d) {
    const double* carry = in.carry_DT + d * in.draw_stride * T;
    double* carried = carried_DT + d * T;
    for (int64_t s = 0; s < in.horizon; ++s) {
      const double scaled = in.scaled_H[s];
      if (scaled == 0) continue;
#pragma GCC ivdep
      for (int64_t t = s; t < T; ++t) carried[t] += carry[t - s] * scaled;
    }
  }
  if (in.exponent_D == nullptr) {
    std::copy_n(carried_DT, cells, response_DT);
    return;
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < cells; ++i) response_DT[i] = std::log(carried_DT[i] + kHillOffset);
  for (int64_t d = 0; d < in.draws; ++d) {
    const double exponent = in.exponent_D[d * in.draw_stride], log_half = in.log_half_D[d * in.draw_stride];
    double* response = response_DT + d * T;
#pragma GCC ivdep
    for (int64_t t = 0; t < T; ++t) response[t] = exponent * (log_half - response[t]);
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < cells; ++i) response_DT[i] = 1.0 / (1.0 + std::exp(std::min(response_DT[i], 700.0)));
}

void add_outcomes(const CarryResponse& in, const double* response_DT, double* outcome_D) {
  for (int64_t d = 0; d < in.draws; ++d) {
    const double* response = response_DT + d * in.weeks;
    double sum = 0;
    for (int64_t t = 0; t < in.weeks; ++t) sum += in.coefficient_T[t] * response[t];
    outcome_D[d] += in.factor_D[d * in.draw_stride] * sum;
  }
}

}  // namespace

void carry_response(const CarryResponse& in, double* workspace, double* outcome_D) {
  double* response_DT = workspace + in.draws * in.weeks;
  forward(in, workspace, response_DT);
  add_outcomes(in, response_DT, outcome_D);
}

void carry_response_gradient(const CarryResponse& in, const double* weight_D, double* workspace, double* outcome_D,
                             double* gradient_H) {
  const int64_t T = in.weeks;
  double *carried_DT = workspace, *response_DT = workspace + in.draws * T, *slope_DT = response_DT + in.draws * T;
  forward(in, carried_DT, response_DT);
  add_outcomes(in, response_DT, outcome_D);
  for (int64_t d = 0; d < in.draws; ++d) {
    const double *carried = carried_DT + d * T, *response = response_DT + d * T;
    double* slope = slope_DT + d * T;
    const double weight = weight_D[d] * in.factor_D[d * in.draw_stride];
    if (in.exponent_D == nullptr) {
      for (int64_t t = 0; t < T; ++t) slope[t] = weight * in.coefficient_T[t];
    } else {
      const double exponent = weight * in.exponent_D[d * in.draw_stride];
#pragma GCC ivdep
      for (int64_t t = 0; t < T; ++t)
        slope[t] = exponent * in.coefficient_T[t] * response[t] * (1.0 - response[t]) / (carried[t] + kHillOffset);
    }
    const double* carry = in.carry_DT + d * in.draw_stride * T;
    for (int64_t s = 0; s < in.horizon; ++s) {
      double sum = 0;
      for (int64_t t = s; t < T; ++t) sum += carry[t - s] * slope[t];
      gradient_H[s] += sum;
    }
  }
}

}  // namespace dcmmm::kernels
