// Intervals from draws of the same figure.
#pragma once

#include <span>

namespace dcmmm {

/// NaN on both sides where there are fewer than two draws.
struct Interval {
  double lower, upper;
};

/// The value below which a Student-t variable with `freedom` degrees lies with this probability (Abramowitz and Stegun
/// 1964, 26.7.3 and 26.7.4, inverted by halving).
double student_quantile(double probability, int freedom);

/// Covers `level` of what a further draw would say: mean -+ t sd sqrt(1 + 1/D) of a few draws, quantiles of 100 and
/// more. Widened to hold `point`, the figure that is reported; never below `least`.
Interval interval_of(std::span<const double> draws, double level, double point, double least = 0.0);

}  // namespace dcmmm
