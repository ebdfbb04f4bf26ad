#include "model/seasonality.hpp"

#include <cmath>
#include <numbers>

namespace dcmmm {

int64_t pattern_count(const ModelOptions& options) { return 2 * options.harmonics + (options.trend ? 1 : 0); }

at::Tensor temporal_patterns(const ModelOptions& options, double period, int64_t first_week, int64_t weeks) {
  at::Tensor patterns = at::zeros({weeks, pattern_count(options)}, at::kDouble);
  auto value = patterns.accessor<double, 2>();
  for (int64_t t = 0; t < weeks; ++t) {
    const double years = static_cast<double>(first_week + t) / period;
    for (int k = 0; k < options.harmonics; ++k) {
      const int64_t column = int64_t{2} * k;
      value[t][column] = std::sin(2.0 * std::numbers::pi * (k + 1) * years);
      value[t][column + 1] = std::cos(2.0 * std::numbers::pi * (k + 1) * years);
    }
    if (options.trend) value[t][int64_t{2} * options.harmonics] = years;
  }
  return patterns;
}

at::Tensor sum_of_patterns(const at::Tensor& coefficient_EnS, const at::Tensor& patterns_TS) {
  at::Tensor sum =
      at::zeros({coefficient_EnS.size(0), coefficient_EnS.size(1), patterns_TS.size(0)}, coefficient_EnS.options());
  for (int64_t s = 0; s < patterns_TS.size(1); ++s)
    sum = sum + coefficient_EnS.select(-1, s).unsqueeze(-1) * patterns_TS.select(1, s);
  return sum;
}

}  // namespace dcmmm
