#include "likelihood/gauss_newton.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "likelihood/signed_terms.hpp"
#include "model/closed_form.hpp"

namespace dcmmm {
namespace {

constexpr double kLongestStep = 0.7;   // of a coordinate of the curves
constexpr double kSmallShare = 1e-3;   // a channel at zero still feels which curve would suit it
constexpr double kConverged = 0.01;    // of the negative log posterior
constexpr double kNothingLeft = 1e-3;  // of it, by the quadratic model: not worth a pass
constexpr double kHeld = 1e8;          // precision of shares that are held
constexpr int kTries = 6;

// From raw columns to [share coordinates | shapes | target].
Eigen::MatrixXd coordinates_of_columns(const PanelSums& sums, const ColumnLayout& layout,
                                       const Eigen::VectorXd* linear) {
  const int64_t C = layout.channels, L = layout.linear();
  const Eigen::VectorXd scale = share_scale(sums, layout);
  Eigen::MatrixXd transform =
      Eigen::MatrixXd::Zero(layout.count(), L + layout.derivatives * C * (linear != nullptr) + 1);
  for (int64_t i = 0; i < L; ++i) transform(i, i) = scale[i];
  transform(layout.target(), transform.cols() - 1) = 1.0;
  if (linear == nullptr) return transform;
  for (int64_t shape = 0; shape < layout.derivatives; ++shape)
    for (int64_t c = 0; c < C; ++c) {
      const double share = std::max((*linear)[c], kSmallShare), inverse = scale[layout.media(c)];
      const int64_t raw = layout.derivative(shape, c), column = L + shape * C + c;
      transform(raw, column) = share * inverse;
      transform(layout.media(c), column) = -share * inverse * inverse * sums.mean_P[raw];
    }
  return transform;
}

// min of theta'A theta / 2 - b'theta, terms with a sign keeping it.
Eigen::VectorXd solve_signed(const Eigen::MatrixXd& matrix, const Eigen::VectorXd& right, const SignedTerms& terms) {
  const RowMatrix turned = terms.turned(matrix);
  const Eigen::VectorXd turned_right = terms.turned(right);
  const std::vector<double> solved =
      solve_non_negative({turned.data(), turned.data() + turned.size()},
                         {turned_right.data(), turned_right.data() + turned_right.size()}, terms.bound());
  return terms.back(Eigen::Map<const Eigen::VectorXd>(solved.data(), right.size()));
}

class Profile {
 public:
  Profile(const LikelihoodData& data, const LikelihoodOptions& options, const FixedCovariance& covariance,
          const Shapes& prior_center, const RegionLoop& loop, const Eigen::VectorXd* shares)
      : data_(data),
        options_(options),
        covariance_(covariance),
        prior_center_(prior_center),
        loop_(loop),
        shares_(shares),
        layout_{data.channels, data.controls,
                data.patterns, covariance.frozen.shapes.blocks(),
                true,          covariance.frozen.waves.count()},
        shape_precision_(prior_precision_of_shapes(options, data.channels)),
        terms_(data.channels, options.control_signs, layout_.linear()) {}

  Mode at(const Shapes& shapes) const {
    RegionPass pass{data_, layout_, shapes, &covariance_.frozen, covariance_.components, {}, false, 0, 0, nullptr};
    pass.slopes = slope_columns(layout_, covariance_.components, covariance_.frozen);
    const PanelSums sums = sum_regions(pass, loop_);
    const ExperimentRows tests =
        experiment_rows(data_, layout_, shapes, covariance_.frozen, covariance_.components, loop_);
    Eigen::MatrixXd raw = reduced_gram(sums, covariance_.national);
    if (covariance_.experiments)
      raw += tests.row_EP.transpose() * tests.variance_E.cwiseInverse().asDiagonal() * tests.row_EP;
    const int64_t C = layout_.channels, L = layout_.linear(), y = layout_.target();

    Mode mode;
    mode.shapes = shapes;
    mode.prior_center = prior_center_;
    mode.mean_C = sums.mean_P.head(C);
    const Eigen::MatrixXd to_linear = coordinates_of_columns(sums, layout_, nullptr);
    const Eigen::MatrixXd gram = to_linear.transpose() * raw * to_linear;
    LinearPrior prior = linear_prior(options_, data_, covariance_.components, layout_, covariance_.frozen.waves);
    if (shares_ != nullptr) {
      prior.mean.head(C) = *shares_;
      prior.precision.head(C).setConstant(kHeld);
    }
    Eigen::MatrixXd matrix = gram.topLeftCorner(L, L);
    matrix.diagonal() += prior.precision;
    const Eigen::VectorXd right = gram.col(L).head(L) + prior.precision.cwiseProduct(prior.mean);
    mode.linear = solve_signed(matrix, right, terms_);
    const Eigen::VectorXd distance = shapes.coordinates - prior_center_.coordinates;
    const Eigen::VectorXd pull = shape_precision_ * distance;
    mode.objective = 0.5 * (gram(L, L) - 2 * right.dot(mode.linear) + mode.linear.dot(matrix * mode.linear) +
                            prior.precision.dot(prior.mean.cwiseAbs2()) + distance.dot(pull));

    const Eigen::MatrixXd to_all = coordinates_of_columns(sums, layout_, &mode.linear);
    const Eigen::MatrixXd full = to_all.transpose() * raw * to_all;
    const int64_t of_shapes = shape_precision_.rows(), all = L + of_shapes;
    Eigen::VectorXd residual = Eigen::VectorXd::Zero(all + 1);  // e = y - X linear, in these coordinates
    residual.head(L) = -mode.linear;
    residual[all] = 1.0;
    mode.curvature = full.topLeftCorner(all, all);
    mode.curvature.diagonal().head(L) += prior.precision;
    mode.curvature.bottomRightCorner(of_shapes, of_shapes) += shape_precision_;
    mode.gradient = (full * residual).head(all);
    mode.gradient.head(L) -= prior.precision.cwiseProduct(mode.linear - prior.mean);
    mode.gradient.tail(of_shapes) -= pull;
    mode.lift_E = tests.row_EP * to_linear.leftCols(L) * mode.linear;
    mode.lift_gradient_EA = tests.row_EP * to_all.leftCols(all);
    mode.lift_variance_E = tests.variance_E;
    // Raw coefficients of the residual, for the national level's path.
    Eigen::VectorXd raw_residual = to_linear * (Eigen::VectorXd(L + 1) << -mode.linear, 1.0).finished();
    raw_residual[y] = 1.0;
    mode.weighted_residual_T = sums.weighted_TP * raw_residual;
    return mode;
  }

  struct Step {
    Eigen::VectorXd move;  // of the curves
    double gain;           // of the objective, by the quadratic model
  };

  // What the quadratic model asks for, with what its sign keeps at zero held there.
  Step step(const Mode& mode, double damping) const {
    const int64_t L = layout_.linear(), all = L + shape_precision_.rows();
    std::vector<int64_t> free;
    for (int64_t i = 0; i < all; ++i)
      if (i >= L || !terms_.has_sign(i) || mode.linear[i] != 0) free.push_back(i);
    const auto count = static_cast<int64_t>(free.size());
    Eigen::MatrixXd matrix(count, count);
    Eigen::VectorXd right(count);
    for (int64_t i = 0; i < count; ++i) {
      right[i] = mode.gradient[free[i]];
      for (int64_t j = 0; j < count; ++j) matrix(i, j) = mode.curvature(free[i], free[j]);
      if (free[i] >= L) matrix(i, i) *= 1.0 + damping;
    }
    const Eigen::VectorXd solved = matrix.ldlt().solve(right);
    Step out{Eigen::VectorXd(shape_precision_.rows()), 0.5 * right.dot(solved)};
    for (int64_t i = 0; i < count; ++i)
      if (free[i] >= L) out.move[free[i] - L] = std::clamp(solved[i], -kLongestStep, kLongestStep);
    return out;
  }

 private:
  const LikelihoodData& data_;
  const LikelihoodOptions& options_;
  const FixedCovariance& covariance_;
  const Shapes& prior_center_;
  const RegionLoop& loop_;
  const Eigen::VectorXd* shares_;  // null, or what the channels' shares are held at
  ColumnLayout layout_;
  Eigen::MatrixXd shape_precision_;
  SignedTerms terms_;
};

}  // namespace

Frozen freeze(const LikelihoodData& data, const Shapes& shapes, const Eigen::VectorXd& share_C, bool drift,
              const RegionLoop& loop) {
  const int64_t C = data.channels;
  Frozen out{shapes, Eigen::VectorXd::Ones(C), share_C, {}, {}};
  if (drift) out.waves = drift_waves(data.origin, data.weeks, data.year);
  const int64_t B = out.waves.count();
  out.wave_mean_CB = RowMatrix::Zero(C, B);
  const ColumnLayout layout{C, data.controls, data.patterns, 0, false, B};
  // Columns of the waves as they are, unscaled and not yet centred.
  out.share_C.setOnes();
  const Eigen::VectorXd mean_P = mean_columns({data, layout, shapes, &out, {}, {}, false, 0, 0, nullptr}, loop);
  out.share_C = share_C;
  out.mean_C = mean_P.head(C);
  for (int64_t c = 0; c < C; ++c)
    for (int64_t b = 0; b < B && out.mean_C[c] > 0; ++b)
      out.wave_mean_CB(c, b) = mean_P[layout.wave(c, b)] / out.mean_C[c];
  return out;
}

FixedCovariance fix_covariance(const LikelihoodData& data, const Components& components, Frozen frozen,
                               const RegionLoop& loop) {
  FixedCovariance out{components, std::move(frozen), {}, {}};
  const ColumnLayout layout{data.channels, data.controls, data.patterns};
  const RegionPass pass{
      data, layout, out.frozen.shapes, nullptr, out.components, slope_columns(layout, components, out.frozen), true, 0,
      0,    nullptr};
  out.precision_TT = sum_regions(pass, loop).precision_TT;
  out.national = national_level(out.precision_TT, components);
  return out;
}

Mode find_mode(const LikelihoodData& data, const LikelihoodOptions& options, const FixedCovariance& covariance,
               const Shapes& start, const Shapes& prior_center, int64_t max_steps, const RegionLoop& loop,
               const Eigen::VectorXd* shares) {
  const Profile profile(data, options, covariance, prior_center, loop, shares);
  Mode mode = profile.at(start);
  double damping = 0.01;
  while (mode.steps < max_steps) {
    bool better = false;
    double gain = 0;
    Profile::Step step = profile.step(mode, damping);
    if (std::abs(step.gain) < kNothingLeft) break;
    for (int attempt = 0; attempt < kTries && !better; ++attempt) {
      if (attempt > 0) step = profile.step(mode, damping);
      Shapes moved = mode.shapes;
      moved.coordinates += step.move;
      Mode next = profile.at(moved);
      gain = mode.objective - next.objective;
      better = gain > 0;  // NaN is not
      if (better) {
        next.steps = mode.steps + 1;
        mode = std::move(next);
        damping = std::max(damping * 0.2, 1e-4);
      } else {
        damping = std::max(damping, 0.05) * 5;
      }
    }
    if (!better || gain < kConverged) break;
  }
  return mode;
}

}  // namespace dcmmm
