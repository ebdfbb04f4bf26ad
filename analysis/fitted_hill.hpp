// One Hill curve beside a response curve: parameters for people who need them.
#pragma once

#include <span>

namespace dcmmm {

/// response = height / (1 + (half_saturation / spend)^exponent).
struct FittedHill {
  double height = 0;           // KPI units, as the responses
  double half_saturation = 0;  // in the units of spend
  double exponent = 0;
  double error = 0;  // largest distance from a point, as a share of the largest response

  double at(double spend) const;
};

/// Least squares through points of a curve from no spend on, by Levenberg-Marquardt over the logs of the parameters
/// (Eigen), started from `start`. An average over regions of different sizes is no Hill curve itself: `error` says how
/// far off it is. All NaN without a response.
FittedHill fit_hill(std::span<const double> spend, std::span<const double> response, const FittedHill& start);

}  // namespace dcmmm
