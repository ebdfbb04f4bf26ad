#include "likelihood/curve_sampler.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <optional>
#include <utility>

#include "likelihood/curve_surrogate.hpp"
#include "likelihood/draws.hpp"

namespace dcmmm {
namespace {

constexpr uint64_t kChainStream = uint64_t{1} << 57, kLinearStream = uint64_t{1} << 56,
                   kSnapshotStream = uint64_t{1} << 55;  // of random numbers
constexpr double kWider = 1.3;     // the ellipses' variance over that of the curvature: the posterior has longer tails
constexpr double kWiderAlone = 4;  // of those of a single channel: no harder to hit, and tails are left sooner
constexpr int kSweeps = 20;        // of Gibbs over the terms of known sign
constexpr int64_t kLinearDraws = 8;  // at a draw of the curves: one is kept, all count in the mean
// The surrogate: its chain's steps between draws, curves that its basis is made of, how far they lie from mode and
// prior (sds), draws at which it is held against the panel, and the error of its log density that is too much.
constexpr int64_t kStepsPerDraw = 8, kSnapshots = 192, kCheckedDraws = 16;
constexpr double kAroundMode = 2, kAroundPrior = 1.3, kLargestError = 0.25;
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

// Walk: CurveWalk over a CurveEvidence, or SurrogateWalk over a CurveSurrogate.
template <class Walk, class Evidence>
class Chain {
 public:
  Chain(const Evidence& evidence, const Mode& mode, uint64_t seed, uint64_t stream)
      : evidence_(evidence), random_(seed, stream), walk_(evidence, mode.shapes.coordinates) {
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
    std::optional<Walk> there;
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
  const auto& point() const { return walk_.point(); }
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

  const Evidence& evidence_;
  RandomStream random_;
  Walk walk_;
  std::optional<Ellipse> of_all_;
  std::vector<Ellipse> of_channel_;
  int64_t evaluations_ = 0;  // of a channel each
};

// Fills one row of the sample, and adds what kLinearDraws draws of the linear terms say to their mean.
void record(const CurveEvidence& evidence, const CurvePoint& point, uint64_t seed, int64_t draw, CurveSample& out) {
  RandomStream random(seed, kLinearStream + static_cast<uint64_t>(draw));
  RowMatrix linear_DL =
      draw_signed(point.linear.mean, point.linear.covariance, evidence.signed_terms(), kLinearDraws, kSweeps, random);
  for (int64_t c = 0; c < point.mean_C.size(); ++c)
    if (!(point.mean_C[c] > 0)) linear_DL.col(c).setZero();  // off: the prior alone would speak
  out.coordinates_DS.row(draw) = point.coordinates.transpose();
  out.linear_DL.row(draw) = linear_DL.row(0);
  out.lift_DE.row(draw) = (point.lift_EL * linear_DL.row(0).transpose()).transpose();
  out.linear_L += linear_DL.colwise().mean().transpose() / static_cast<double>(out.linear_DL.rows());
}

CurveSample empty_sample(const Mode& mode, int64_t draws, int64_t experiments) {
  const int64_t L = mode.linear.size();
  return {RowMatrix(draws, mode.shapes.coordinates.size()), RowMatrix(draws, L), RowMatrix(draws, experiments),
          Eigen::VectorXd::Zero(L)};
}

// Curves that lie apart: around the mode, and, for every second one, as the prior has them.
std::vector<Shapes> first_snapshots(const CurveEvidence& evidence, const Mode& mode) {
  const int64_t S = mode.shapes.coordinates.size(), all = mode.curvature.rows();
  const Eigen::VectorXd sd = mode.curvature.ldlt()
                                 .solve(Eigen::MatrixXd::Identity(all, all))
                                 .bottomRightCorner(S, S)
                                 .diagonal()
                                 .cwiseMax(0)
                                 .cwiseSqrt();
  std::vector<Shapes> out(static_cast<size_t>(kSnapshots), mode.shapes);
  RandomStream random(0, kSnapshotStream);
  for (size_t q = 1; q < out.size(); ++q)
    for (int64_t s = 0; s < S; ++s)
      out[q].coordinates[s] =
          q % 2 == 0 ? mode.shapes.coordinates[s] + kAroundMode * sd[s] * random.normal()
                     : evidence.prior_center().coordinates[s] + kAroundPrior * evidence.prior_sd()[s] * random.normal();
  return out;
}

// A first, short chain has been where the curves of the prior never come: its draws take their place.
std::vector<Shapes> snapshots(const CurveEvidence& evidence, const Mode& mode, uint64_t seed) {
  std::vector<Shapes> out = first_snapshots(evidence, mode);
  const ResponseBasis basis(evidence.data(), out, evidence.loop());
  const CurveSurrogate surrogate(evidence, basis);
  Chain<SurrogateWalk, CurveSurrogate> chain(surrogate, mode, seed, kSnapshotStream);
  for (size_t q = 1; chain.can_move() && q < out.size(); q += 2) {
    for (int64_t step = 0; step < kStepsPerDraw; ++step) chain.step();
    out[q].coordinates = chain.point().coordinates;
  }
  return out;
}

// Root mean square of what the surrogate's log density is off by at the draws, beyond a constant; a few of them.
double density_error(const CurveEvidence& evidence, const std::vector<double>& density_D, const CurveSample& sample) {
  const int64_t draws = std::ssize(density_D), looked = std::min<int64_t>(draws, kCheckedDraws);
  Eigen::VectorXd error(looked);
  for (int64_t i = 0; i < looked; ++i) {
    const int64_t draw = i * draws / looked;
    error[i] = CurveWalk(evidence, sample.coordinates_DS.row(draw).transpose()).point().log_density -
               density_D[static_cast<size_t>(draw)];
  }
  return std::sqrt((error.array() - error.mean()).square().mean());
}

}  // namespace

CurveSample sample_by_passes(const CurveEvidence& evidence, const Mode& mode, int64_t draws, uint64_t seed) {
  Chain<CurveWalk, CurveEvidence> chain(evidence, mode, seed, kChainStream);
  if (!chain.can_move()) return {};
  CurveSample out = empty_sample(mode, draws, chain.point().lift_EL.rows());
  for (int64_t step = 0; step < draws / 10; ++step) chain.step();
  for (int64_t draw = 0; draw < draws; ++draw) {
    chain.step();
    record(evidence, chain.point(), seed, draw, out);
  }
  out.steps = draws;
  out.evaluations = chain.evaluations();
  return out;
}

CurveSample sample_by_surrogate(const CurveEvidence& evidence, const Mode& mode, int64_t draws, uint64_t seed) {
  const ResponseBasis basis(evidence.data(), snapshots(evidence, mode, seed), evidence.loop());
  const CurveSurrogate surrogate(evidence, basis);
  Chain<SurrogateWalk, CurveSurrogate> chain(surrogate, mode, seed, kChainStream);
  if (!chain.can_move()) return {};
  CurveSample out = empty_sample(mode, draws, 0);
  out.steps = draws * kStepsPerDraw;
  for (int64_t step = 0; step < out.steps / 10; ++step) chain.step();
  const int64_t C = mode.shapes.channels();
  Eigen::VectorXd of_steps_C = Eigen::VectorXd::Zero(C), of_draws_C = of_steps_C;
  std::vector<double> density_D;
  for (int64_t draw = 0; draw < draws; ++draw) {
    for (int64_t step = 0; step < kStepsPerDraw; ++step) {
      chain.step();
      of_steps_C += chain.point().share_C / static_cast<double>(out.steps);
    }
    of_draws_C += chain.point().share_C / static_cast<double>(draws);
    density_D.push_back(chain.point().log_density);
    record(evidence, surrogate.point(chain.point().coordinates), seed, draw, out);
  }
  // The mean over draws, by way of a mean over all steps of nearly the same (a control variate).
  out.linear_L.head(C) += of_steps_C - of_draws_C;
  out.evaluations = chain.evaluations();
  out.density_error = density_error(evidence, density_D, out);
  return out;
}

void widen(CurveSample& sample, int64_t channels, double factor) {
  if (!(factor > 1)) return;
  const auto from_mean = [&](auto&& values) {
    const Eigen::RowVectorXd mean = values.colwise().mean();
    values = (factor * (values.rowwise() - mean)).rowwise() + mean;
  };
  from_mean(sample.coordinates_DS);
  from_mean(sample.linear_DL.leftCols(channels));
  sample.linear_DL.leftCols(channels) = sample.linear_DL.leftCols(channels).cwiseMax(0);
}

CurveSample sample_curves(const CurveEvidence& evidence, const Mode& mode, int64_t draws, uint64_t seed) {
  if (CurveSurrogate::can_stand_for(evidence)) {
    CurveSample sample = sample_by_surrogate(evidence, mode, draws, seed);
    if (sample.density_error < kLargestError) return sample;  // NaN is not
  }
  return sample_by_passes(evidence, mode, draws, seed);
}

}  // namespace dcmmm
