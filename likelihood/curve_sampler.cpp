#include "likelihood/curve_sampler.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <numbers>

#include "likelihood/draws.hpp"

namespace dcmmm {
namespace {

constexpr uint64_t kChainStream = uint64_t{1} << 57, kLinearStream = uint64_t{1} << 56;  // of random numbers
constexpr double kWider = 1.3;      // the ellipses' variance over that of the curvature: the posterior has longer tails
constexpr int kSweeps = 20;         // of Gibbs over the terms of known sign
constexpr double kSmallest = 1e-9;  // of an angle's bracket

}  // namespace

CurveSample sample_curves(const CurveEvidence& evidence, const Mode& mode, int64_t draws, uint64_t seed) {
  const Eigen::VectorXd center = mode.shapes.coordinates;
  const int64_t S = center.size(), L = mode.linear.size(), C = mode.shapes.channels(), all = mode.curvature.rows();
  const Eigen::MatrixXd covariance =
      mode.curvature.ldlt().solve(Eigen::MatrixXd::Identity(all, all)).bottomRightCorner(S, S);
  const Eigen::MatrixXd root =
      Eigen::LLT<Eigen::MatrixXd>(kWider * 0.5 * (covariance + covariance.transpose())).matrixL();
  RandomStream random(seed, kChainStream);
  const auto log_weight = [](const CurvePoint& point, const Eigen::VectorXd& place) {
    return point.log_density + 0.5 * place.squaredNorm();
  };
  Eigen::VectorXd place_S = Eigen::VectorXd::Zero(S);  // coordinates = center + root place
  CurvePoint point = evidence.at(center);
  CurveSample out{RowMatrix(draws, S), RowMatrix(draws, L), RowMatrix(draws, point.lift_EL.rows()),
                  Eigen::VectorXd::Zero(L), 1};
  const int64_t warm_up = draws / 10;
  for (int64_t step = -warm_up; step < draws; ++step) {
    Eigen::VectorXd other_S(S);
    for (int64_t s = 0; s < S; ++s) other_S[s] = random.normal();
    const double level = log_weight(point, place_S) + std::log(random.uniform());
    double angle = random.uniform(0, 2 * std::numbers::pi), low = angle - 2 * std::numbers::pi, high = angle;
    while (high - low > kSmallest) {
      const Eigen::VectorXd trial_S = place_S * std::cos(angle) + other_S * std::sin(angle);
      CurvePoint trial = evidence.at(center + root * trial_S);
      ++out.evaluations;
      if (log_weight(trial, trial_S) > level) {  // NaN is not
        place_S = trial_S;
        point = std::move(trial);
        break;
      }
      (angle < 0 ? low : high) = angle;
      angle = random.uniform(low, high);
    }
    if (step < 0) continue;
    out.coordinates_DS.row(step) = point.coordinates.transpose();
    RandomStream of_draw(seed, kLinearStream + static_cast<uint64_t>(step));
    out.linear_DL.row(step) =
        draw_signed(point.linear.mean, point.linear.covariance, evidence.signed_terms(), 1, kSweeps, of_draw).row(0);
    for (int64_t c = 0; c < C; ++c)
      if (!(point.mean_C[c] > 0)) out.linear_DL(step, c) = 0;  // off: the prior alone would speak
    out.lift_DE.row(step) = (point.lift_EL * out.linear_DL.row(step).transpose()).transpose();
    out.linear_L += out.linear_DL.row(step).transpose() / static_cast<double>(draws);
  }
  return out;
}

}  // namespace dcmmm
