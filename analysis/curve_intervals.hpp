// Intervals along response curves: each draw has a curve and a strength of its own.
// Shapes: C channels, D draws.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/intervals.hpp"
#include "analysis/response_curves.hpp"
#include "analysis/results.hpp"

namespace dcmmm {

/// Around the curves of `curves`, from the draws of a run. A channel whose effect isn't identified has the interval of
/// its contribution, in proportion; without draws all are NaN. Work of a point: a curve's value a region and draw.
class CurveIntervals {
 public:
  /// `contribution_C` and `total_C`: each channel's contribution over all regions and weeks, and its interval.
  /// Arguments by reference must outlive the object.
  CurveIntervals(const SharedResults& shared, const ResponseCurves& curves, std::vector<double> contribution_C,
                 std::vector<Interval> total_C, double level);

  struct Point {
    Interval response, marginal;  // as ResponseCurves has them
  };
  /// At multiple s of the average week, mean over regions: a draw's regions keep their proportions.
  Point all_regions(int64_t channel, double multiple) const;
  /// Of the part of the curve's height that the average week leaves, mean over regions. NaN for linear effects and for
  /// channels that aren't identified.
  Interval headroom(int64_t channel) const;
  /// Of one region; draw d has `factor_D` times the region's coefficient.
  Point region(int64_t channel, std::size_t region, double multiple, std::span<const double> factor_D) const;

 private:
  struct Draws {
    std::vector<double> response_D, marginal_D;
  };
  // Mean over these regions.
  Draws at_fitted_coefficients(int64_t channel, std::span<const ResponseCurves::Use> regions, double multiple) const;
  // What every draw multiplies the coefficients of all regions by.
  std::vector<double> factors(std::size_t channel) const;
  Point point(int64_t channel, std::span<const ResponseCurves::Use> regions, double multiple,
              const ResponseCurves::Point& value, std::span<const double> factor_D) const;

  const SharedResults& shared_;
  const ResponseCurves& curves_;
  std::vector<double> contribution_C_;
  std::vector<Interval> total_C_;
  double level_;
  std::size_t draws_;
  std::vector<double> exponent_CD_, log_half_CD_;
};

}  // namespace dcmmm
