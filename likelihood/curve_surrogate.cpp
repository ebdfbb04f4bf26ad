#include "likelihood/curve_surrogate.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <numbers>
#include <utility>

// T training weeks, C channels, K basis columns a channel, M = C K, F columns that don't depend on the curves (the
// target last), B controls with a sign.
namespace dcmmm {

CurveSurrogate::CurveSurrogate(const CurveEvidence& evidence, const ResponseBasis& basis)
    : evidence_(evidence), basis_(basis) {
  const LikelihoodData& data = evidence.data_;
  constexpr int64_t K = ResponseBasis::kColumns;
  const int64_t T = data.origin, C = data.channels, F = evidence.gram_FF_.rows(), M = C * K;
  const int64_t gram = T * M, cross = gram + M * M, mean = cross + M * F, length = mean + M;
  const std::vector<double> sums = evidence.sum(length, [&](size_t i, double* total) {
    const CurveEvidence::Region& region = evidence.regions_[i];
    RowMatrix basis_TM(T, M);
    for (int64_t c = 0; c < C; ++c) basis_.fill(region.place, c, basis_TM.middleCols(c * K, K));
    const RowMatrix weighted_TM = evidence.precision_[i].apply(basis_TM);
    Eigen::Map<RowMatrix>(total, T, M) += weighted_TM;
    Eigen::Map<RowMatrix>(total + gram, M, M).noalias() += basis_TM.transpose() * weighted_TM;
    Eigen::Map<RowMatrix>(total + cross, M, F).noalias() += basis_TM.transpose() * region.weighted_TF;
    const double* weight_T = data.weight_RT.data() + region.place * data.weeks;
    Eigen::Map<Eigen::RowVectorXd> mean_M(total + mean, M);
    for (int64_t t = 0; t < T; ++t)
      if (weight_T[t] > 0) mean_M += data.size_R[region.place] * basis_TM.row(t);
  });
  weighted_TM_ = Eigen::Map<const RowMatrix>(sums.data(), T, M);
  gram_MM_ = Eigen::Map<const RowMatrix>(sums.data() + gram, M, M);
  gram_MM_ = 0.5 * (gram_MM_ + gram_MM_.transpose().eval());
  cross_MF_ = Eigen::Map<const RowMatrix>(sums.data() + cross, M, F);
  mean_M_ = Eigen::Map<const Eigen::VectorXd>(sums.data() + mean, M);

  // What CurveEvidence::point_of does for each point, as far as it can be done before.
  const double power = evidence.power_;
  const Eigen::MatrixXd& nation_TT = evidence.covariance_.national.covariance_TT;
  const Eigen::MatrixXd gram_MM = power * (gram_MM_ - weighted_TM_.transpose() * (nation_TT * weighted_TM_));
  const Eigen::MatrixXd cross_MF = power * (cross_MF_ - weighted_TM_.transpose() * evidence.national_TF_);
  const LinearPrior prior = linear_prior(evidence.options_, data, evidence.covariance_.components, evidence.layout_,
                                         evidence.covariance_.frozen.waves);
  share_precision_C_ = prior.precision.head(C);
  share_mean_C_ = prior.mean.head(C);
  Eigen::MatrixXd fixed = power * evidence.gram_FF_.topLeftCorner(F - 1, F - 1);
  fixed.diagonal() += prior.precision.tail(F - 1);
  const Eigen::VectorXd fixed_right = power * evidence.gram_FF_.col(F - 1).head(F - 1) +
                                      prior.precision.tail(F - 1).cwiseProduct(prior.mean.tail(F - 1));
  std::vector<int64_t> kept, out;
  for (int64_t f = 0; f < F - 1; ++f) (evidence.terms_.has_sign(C + f) ? kept : out).push_back(f);
  const auto B = std::ssize(kept);
  control_sign_B_.resize(B);
  for (int64_t b = 0; b < B; ++b)
    control_sign_B_[b] = evidence.options_.control_signs[static_cast<size_t>(kept[static_cast<size_t>(b)])];
  Eigen::MatrixXd cross_out(M + B, std::ssize(out));
  cross_out << cross_MF(Eigen::all, out), fixed(kept, out);
  kept_gram_.resize(M + B, M + B);
  kept_gram_ << gram_MM, cross_MF(Eigen::all, kept), cross_MF(Eigen::all, kept).transpose(), fixed(kept, kept);
  kept_right_.resize(M + B);
  kept_right_ << cross_MF.col(F - 1), fixed_right(kept);
  const Eigen::MatrixXd fixed_out = fixed(out, out);
  const Eigen::VectorXd right_out = fixed_right(out);
  const Eigen::LLT<Eigen::MatrixXd> factor(fixed_out);
  kept_gram_ -= cross_out * factor.solve(cross_out.transpose());
  kept_gram_ = 0.5 * (kept_gram_ + kept_gram_.transpose().eval());
  const Eigen::VectorXd solved_out = factor.solve(right_out);
  kept_right_ -= cross_out * solved_out;
  constant_ = 0.5 * right_out.dot(solved_out);
  for (int64_t i = 0; i < std::ssize(out); ++i) constant_ -= std::log(factor.matrixLLT()(i, i));
}

CurvePoint CurveSurrogate::point(const Eigen::VectorXd& coordinates) const {
  constexpr int64_t K = ResponseBasis::kColumns;
  const int64_t C = evidence_.data_.channels, M = C * K;
  Shapes shapes = evidence_.prior_center_;
  shapes.coordinates = coordinates;
  Eigen::MatrixXd coefficient_MC = Eigen::MatrixXd::Zero(M, C);
  for (int64_t c = 0; c < C; ++c) coefficient_MC.col(c).segment(c * K, K) = basis_.coefficients(c, shapes);
  return evidence_.point_of(coordinates,
                            {weighted_TM_ * coefficient_MC, coefficient_MC.transpose() * gram_MM_ * coefficient_MC,
                             coefficient_MC.transpose() * cross_MF_, coefficient_MC.transpose() * mean_M_});
}

SurrogateWalk::SurrogateWalk(const CurveSurrogate& surrogate, const Eigen::VectorXd& coordinates)
    : surrogate_(&surrogate) {
  Shapes shapes = surrogate.evidence_.prior_center_;
  shapes.coordinates = coordinates;
  for (int64_t c = 0; c < shapes.channels(); ++c) channel_C_.push_back(place(c, shapes));
  point_.coordinates = coordinates;
  evaluate(point_);
}

SurrogateWalk::Channel SurrogateWalk::place(int64_t channel, const Shapes& shapes) const {
  constexpr int64_t K = ResponseBasis::kColumns;
  Channel out;
  out.coefficient_K = surrogate_->basis_.coefficients(channel, shapes);
  out.image.noalias() = surrogate_->kept_gram_.middleCols(channel * K, K) * out.coefficient_K;
  const double target = surrogate_->evidence_.target_;
  out.mean = surrogate_->mean_M_.segment(channel * K, K).dot(out.coefficient_K) / (target > 0 ? target : 1.0);
  return out;
}

// As CurveEvidence::point_of, of the terms that are left.
void SurrogateWalk::evaluate(Point& point) const {
  constexpr int64_t K = ResponseBasis::kColumns;
  const CurveSurrogate& of = *surrogate_;
  const int64_t C = std::ssize(channel_C_), B = of.control_sign_B_.size(), M = C * K, L = C + B;
  Eigen::MatrixXd matrix(L, L);
  Eigen::VectorXd right(L);
  for (int64_t c = 0; c < C; ++c) {
    const Channel& channel = channel_C_[static_cast<size_t>(c)];
    const double scale = channel.mean > 0 ? 1.0 / channel.mean : 0.0;
    for (int64_t d = c; d < C; ++d) {
      const Channel& other = channel_C_[static_cast<size_t>(d)];
      matrix(d, c) =
          scale * (other.mean > 0 ? 1.0 / other.mean : 0.0) * other.coefficient_K.dot(channel.image.segment(d * K, K));
    }
    matrix.col(c).tail(B) = scale * channel.image.tail(B);
    matrix(c, c) += of.share_precision_C_[c];
    right[c] = scale * channel.coefficient_K.dot(of.kept_right_.segment(c * K, K)) +
               of.share_precision_C_[c] * of.share_mean_C_[c];
  }
  matrix.bottomRightCorner(B, B) = of.kept_gram_.bottomRightCorner(B, B);
  right.tail(B) = of.kept_right_.segment(M, B);
  const Eigen::LLT<Eigen::MatrixXd> factor(matrix);  // reads the lower triangle
  const Eigen::VectorXd mean = factor.solve(right);
  const Eigen::MatrixXd inverse = factor.matrixL().solve(Eigen::MatrixXd::Identity(L, L));
  point.log_density = of.constant_ + 0.5 * right.dot(mean);
  point.share_C.resize(C);
  for (int64_t i = 0; i < L; ++i) {
    const double sd = inverse.col(i).norm(), sign = i < C ? 1.0 : of.control_sign_B_[i - C];
    const double distance = sign * mean[i] / sd, log_positive = log_normal_cdf(distance);
    point.log_density += log_positive - std::log(factor.matrixLLT()(i, i));
    if (i >= C) continue;
    // Mean of a normal above zero; its density over its distribution function, in logs for the far tail.
    const double ratio = std::exp(-0.5 * distance * distance - log_positive) / std::sqrt(2.0 * std::numbers::pi);
    point.share_C[i] = mean[i] + sd * ratio;
  }
  point.log_density += of.evidence_.log_prior(point.coordinates);
}

const SurrogateWalk::Point& SurrogateWalk::try_channel(int64_t channel, const Eigen::VectorXd& coordinates) {
  Shapes shapes = surrogate_->evidence_.prior_center_;
  shapes.coordinates = coordinates;
  trial_ = place(channel, shapes);
  trial_channel_ = channel;
  trial_point_.coordinates = coordinates;
  Channel& here = channel_C_[static_cast<size_t>(channel)];
  std::swap(here, trial_);
  evaluate(trial_point_);
  std::swap(here, trial_);
  return trial_point_;
}

void SurrogateWalk::accept() {
  std::swap(channel_C_[static_cast<size_t>(trial_channel_)], trial_);
  std::swap(point_, trial_point_);
}

}  // namespace dcmmm
