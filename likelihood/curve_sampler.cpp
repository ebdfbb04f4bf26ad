#include "likelihood/curve_sampler.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <optional>

#include "likelihood/draws.hpp"

namespace dcmmm {
namespace {

constexpr uint64_t kChainStream = uint64_t{1} << 57, kLinearStream = uint64_t{1} << 56;  // of random numbers
constexpr double kWider = 1.3;      // the ellipses' variance over that of the curvature: the posterior has longer tails
constexpr double kWiderAlone = 4;   // of those of a single channel: no harder to hit, and tails are left sooner
constexpr int kSweeps = 20;         // of Gibbs over the terms of known sign
constexpr double kSmallest = 1e-9;  // of an angle's bracket

// A normal around the mode, for some of the coordinates.
struct Ellipse {
  std::vector<int64_t> places;
  Eigen::VectorXd center;
  Eigen::MatrixXd root;

  Ellipse(std::vector<int64_t> of, const Eigen::VectorXd& center_S, const Eigen::MatrixXd& covariance_SS, double wider)
      : places(std::move(of)), center(center_S(places)) {
    const Eigen::MatrixXd block = covariance_SS(places, places);
    root = Eigen::LLT<Eigen::MatrixXd>(wider * 0.5 * (block + block.transpose())).matrixL();
  }
};

class Chain {
 public:
  Chain(const CurveEvidence& evidence, const Mode& mode, uint64_t seed)
      : evidence_(evidence), random_(seed, kChainStream), walk_(evidence, mode.shapes.coordinates) {
    const Eigen::VectorXd& center = mode.shapes.coordinates;
    const int64_t S = center.size(), C = mode.shapes.channels(), all = mode.curvature.rows();
    const Eigen::MatrixXd covariance =
        mode.curvature.ldlt().solve(Eigen::MatrixXd::Identity(all, all)).bottomRightCorner(S, S);
    std::vector<int64_t> places(static_cast<size_t>(S));
    std::iota(places.begin(), places.end(), 0);
    of_all_.emplace(places, center, covariance, kWider);
    for (int64_t c = 0; c < C; ++c) {
      places.clear();
      for (int64_t s = c; s < S; s += C) places.push_back(s);
      of_channel_.emplace_back(places, center, covariance, kWiderAlone);
    }
  }

  // All curves at once, then one channel's after the other.
  void step() {
    std::optional<CurveWalk> there;
    const bool moved = slice(*of_all_, [&](const Eigen::VectorXd& coordinates) {
      there.emplace(evidence_, coordinates);
      evaluations_ += std::ssize(of_channel_);
      return there->point().log_density;
    });
    if (moved) walk_ = std::move(*there);
    for (int64_t c = 0; c < std::ssize(of_channel_); ++c) {
      const bool changed = slice(of_channel_[static_cast<size_t>(c)], [&](const Eigen::VectorXd& coordinates) {
        ++evaluations_;
        return walk_.try_channel(c, coordinates).log_density;
      });
      if (changed) walk_.accept();
    }
  }

  // Without a density, or a curvature to step by, no step is ever taken.
  bool can_move() const { return std::isfinite(walk_.point().log_density) && of_all_->root.allFinite(); }
  const CurvePoint& point() const { return walk_.point(); }
  int64_t evaluations() const { return evaluations_ / std::ssize(of_channel_); }

 private:
  // Murray, Adams and MacKay 2010, figure 2, with the ellipse's normal in place of a prior (Nishihara, Murray and Adams
  // 2014): a point on an ellipse through the present one. `log_density` evaluates what was drawn; the last one is
  // taken.
  bool slice(const Ellipse& ellipse, const std::function<double(const Eigen::VectorXd&)>& log_density) {
    Eigen::VectorXd coordinates = walk_.point().coordinates, other(ellipse.center.size());
    const Eigen::VectorXd place =
        ellipse.root.triangularView<Eigen::Lower>().solve(coordinates(ellipse.places) - ellipse.center);
    for (double& value : other) value = random_.normal();
    const double level = walk_.point().log_density + 0.5 * place.squaredNorm() + std::log(random_.uniform());
    double angle = random_.uniform(0, 2 * std::numbers::pi), low = angle - 2 * std::numbers::pi, high = angle;
    while (high - low > kSmallest) {
      const Eigen::VectorXd there = place * std::cos(angle) + other * std::sin(angle);
      coordinates(ellipse.places) = ellipse.center + ellipse.root * there;
      if (log_density(coordinates) + 0.5 * there.squaredNorm() > level) return true;  // NaN is not
      (angle < 0 ? low : high) = angle;
      angle = random_.uniform(low, high);
    }
    return false;
  }

  const CurveEvidence& evidence_;
  RandomStream random_;
  CurveWalk walk_;
  std::optional<Ellipse> of_all_;
  std::vector<Ellipse> of_channel_;
  int64_t evaluations_ = 0;  // of a channel each
};

}  // namespace

CurveSample sample_curves(const CurveEvidence& evidence, const Mode& mode, int64_t draws, uint64_t seed) {
  const int64_t S = mode.shapes.coordinates.size(), L = mode.linear.size(), C = mode.shapes.channels();
  Chain chain(evidence, mode, seed);
  if (!chain.can_move()) return {};
  CurveSample out{RowMatrix(draws, S), RowMatrix(draws, L), RowMatrix(draws, chain.point().lift_EL.rows()),
                  Eigen::VectorXd::Zero(L), 0};
  const int64_t warm_up = draws / 10;
  for (int64_t step = -warm_up; step < draws; ++step) {
    chain.step();
    if (step < 0) continue;
    const CurvePoint& point = chain.point();
    out.coordinates_DS.row(step) = point.coordinates.transpose();
    RandomStream of_draw(seed, kLinearStream + static_cast<uint64_t>(step));
    out.linear_DL.row(step) =
        draw_signed(point.linear.mean, point.linear.covariance, evidence.signed_terms(), 1, kSweeps, of_draw).row(0);
    for (int64_t c = 0; c < C; ++c)
      if (!(point.mean_C[c] > 0)) out.linear_DL(step, c) = 0;  // off: the prior alone would speak
    out.lift_DE.row(step) = (point.lift_EL * out.linear_DL.row(step).transpose()).transpose();
    out.linear_L += out.linear_DL.row(step).transpose() / static_cast<double>(draws);
  }
  out.evaluations = chain.evaluations();
  return out;
}

}  // namespace dcmmm
