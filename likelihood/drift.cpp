#include "likelihood/drift.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "likelihood/panel_data.hpp"

namespace dcmmm {
namespace {

constexpr double kShortestPeriod = 40.0;  // weeks: faster changes can't be told from the panel's noise
constexpr double kDampedPeriod = 52.0;    // weeks: at this period a wave's prior variance is half of a slow one's
constexpr int64_t kMostWaves = 8;         // bounds the work on long panels

}  // namespace

Waves drift_waves(int64_t training_weeks, int64_t weeks, double year) {
  const auto length = static_cast<double>(training_weeks);
  const double step = kWeeksOfYear / year;  // in weeks
  const int64_t count = std::min<int64_t>(static_cast<int64_t>(2 * length * step / kShortestPeriod), kMostWaves);
  Waves out{RowMatrix(weeks, count), Eigen::VectorXd(count)};
  for (int64_t b = 0; b < count; ++b) {
    const double period = 2 * length * step / static_cast<double>(b + 1);  // weeks
    out.variance_B[b] = 1.0 / (1.0 + std::pow(kDampedPeriod / period, 4));
    for (int64_t t = 0; t < weeks; ++t) {
      const double place = (static_cast<double>(std::min(t, training_weeks - 1)) + 0.5) / length;
      out.value_NB(t, b) = std::cos(std::numbers::pi * static_cast<double>(b + 1) * place);
    }
  }
  if (count > 0) out.variance_B *= 2.0 / out.variance_B.sum();  // a cosine's mean square is 1/2
  return out;
}

}  // namespace dcmmm
