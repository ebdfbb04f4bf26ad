#include "common/quantiles.hpp"

#include <cmath>
#include <numbers>

namespace dcmmm {

double normal_quantile(double probability) {
  if (probability > 0.5) return -normal_quantile(1 - probability);
  // Newton on log P(Z <= z), which is concave: from the left of the answer it never overshoots.
  const double target = std::log(probability);
  double z = -std::sqrt(-2 * target) - 1;
  for (int round = 0; round < 60; ++round) {
    const double below = 0.5 * std::erfc(-z / std::numbers::sqrt2);
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    const double step = (target - std::log(below)) * below / density;
    z += step;
    if (std::abs(step) < 1e-15 * (1 + std::abs(z))) break;
  }
  return z;
}

double student_quantile(double probability, double degrees) {
  const double z = normal_quantile(probability), z2 = z * z;
  const double first = z * (z2 + 1) / 4;
  const double second = z * (5 * z2 * z2 + 16 * z2 + 3) / 96;
  const double third = z * (3 * z2 * z2 * z2 + 19 * z2 * z2 + 17 * z2 - 15) / 384;
  const double fourth = z * (79 * z2 * z2 * z2 * z2 + 776 * z2 * z2 * z2 + 1482 * z2 * z2 - 1920 * z2 - 945) / 92160;
  const double n = degrees;
  return z + first / n + second / (n * n) + third / (n * n * n) + fourth / (n * n * n * n);
}

}  // namespace dcmmm
