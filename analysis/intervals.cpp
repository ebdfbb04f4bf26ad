#include "analysis/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <vector>

namespace dcmmm {
namespace {

constexpr size_t kEnoughForQuantiles = 100;

// P(|T| < value) for a whole number of degrees of freedom.
double student_within(double value, int freedom) {
  const double angle = std::atan(value / std::sqrt(freedom)), cosine = std::cos(angle), square = cosine * cosine;
  const bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1.0, sum = freedom == 1 ? 0.0 : term;
  for (int k = odd ? 3 : 2; k < freedom; k += 2) {
    term *= square * (k - 1) / k;
    sum += term;
  }
  return odd ? 2 / std::numbers::pi * (angle + std::sin(angle) * sum) : std::sin(angle) * sum;
}

// Between the order statistics, linearly (Hyndman and Fan 1996, definition 7). Reorders the values: an
// export has as many intervals as cells, and a sort of each takes longer.
double quantile(std::vector<double>& values, double probability) {
  const double place = probability * static_cast<double>(values.size() - 1), below = std::floor(place);
  const auto lower = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), lower, values.end());
  const double upper = lower + 1 == values.end() ? *lower : *std::min_element(lower + 1, values.end());
  return *lower + (place - below) * (upper - *lower);
}

}  // namespace

double student_quantile(double probability, int freedom) {
  if (probability < 0.5) return -student_quantile(1 - probability, freedom);
  double low = 0, high = 1;
  while (student_within(high, freedom) < 2 * probability - 1) high *= 2;
  for (int halving = 0; halving < 80; ++halving) {
    const double middle = 0.5 * (low + high);
    (student_within(middle, freedom) < 2 * probability - 1 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

Interval interval_of(std::span<const double> draws, double level, double point, double least) {
  const auto count = static_cast<double>(draws.size());
  if (draws.size() < 2) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    return {kNone, kNone};
  }
  Interval out;
  if (draws.size() >= kEnoughForQuantiles) {
    std::vector<double> values(draws.begin(), draws.end());
    const double lower = quantile(values, (1 - level) / 2), upper = quantile(values, (1 + level) / 2);
    out = {lower, upper};
  } else {
    double mean = 0, squares = 0;
    for (const double draw : draws) mean += draw / count;
    for (const double draw : draws) squares += (draw - mean) * (draw - mean);
    const double half = student_quantile((1 + level) / 2, static_cast<int>(draws.size()) - 1) *
                        std::sqrt(squares / (count - 1) * (1 + 1 / count));
    out = {mean - half, mean + half};
  }
  return {std::max(std::min(out.lower, point), least), std::max(out.upper, point)};
}

}  // namespace dcmmm
