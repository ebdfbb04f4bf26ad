// Shapes: P points, the three parameters.
#include "analysis/fitted_hill.hpp"

#include <Eigen/Core>

#include <unsupported/Eigen/NonLinearOptimization>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dcmmm {
namespace {

// Residuals as shares of the largest response, and their derivatives by the logs of height, half-saturation, exponent.
struct HillResiduals {
  using Scalar = double;
  enum { InputsAtCompileTime = Eigen::Dynamic, ValuesAtCompileTime = Eigen::Dynamic };
  using InputType = Eigen::VectorXd;
  using ValueType = Eigen::VectorXd;
  using JacobianType = Eigen::MatrixXd;

  std::span<const double> spend_P, response_P;
  double largest;

  int inputs() const { return 3; }
  int values() const { return static_cast<int>(spend_P.size()); }

  int operator()(const Eigen::VectorXd& logs, Eigen::VectorXd& residual_P) const {
    const FittedHill hill = hill_of(logs);
    for (Eigen::Index p = 0; p < values(); ++p)
      residual_P[p] =
          (hill.at(spend_P[static_cast<std::size_t>(p)]) - response_P[static_cast<std::size_t>(p)]) / largest;
    return 0;
  }

  int df(const Eigen::VectorXd& logs, Eigen::MatrixXd& jacobian) const {
    const FittedHill hill = hill_of(logs);
    for (Eigen::Index p = 0; p < values(); ++p) {
      const double spend = spend_P[static_cast<std::size_t>(p)], value = hill.at(spend) / largest;
      const double slope = value * (1 - hill.at(spend) / hill.height) * hill.exponent;  // by log spend
      jacobian(p, 0) = value;
      jacobian(p, 1) = -slope;
      jacobian(p, 2) = spend > 0 ? slope * std::log(spend / hill.half_saturation) : 0;
    }
    return 0;
  }

  static FittedHill hill_of(const Eigen::VectorXd& logs) {
    return {std::exp(logs[0]), std::exp(logs[1]), std::exp(logs[2]), 0};
  }
};

}  // namespace

double FittedHill::at(double spend) const {
  return spend > 0 ? height / (1 + std::pow(half_saturation / spend, exponent)) : 0;
}

FittedHill fit_hill(std::span<const double> spend, std::span<const double> response, const FittedHill& start) {
  const double largest = response.empty() ? 0 : *std::max_element(response.begin(), response.end());
  if (!(largest > 0) || !(start.height > 0) || !(start.half_saturation > 0) || !(start.exponent > 0)) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    return {kNone, kNone, kNone, kNone};
  }
  HillResiduals residuals{spend, response, largest};
  Eigen::VectorXd logs(3);
  logs << std::log(start.height), std::log(start.half_saturation), std::log(start.exponent);
  Eigen::LevenbergMarquardt<HillResiduals> solver(residuals);
  solver.minimize(logs);
  FittedHill out = HillResiduals::hill_of(logs);
  for (std::size_t p = 0; p < spend.size(); ++p)
    out.error = std::max(out.error, std::abs(out.at(spend[p]) - response[p]) / largest);
  return out;
}

}  // namespace dcmmm
