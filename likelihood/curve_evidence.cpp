#include "likelihood/curve_evidence.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <utility>

// T training weeks, C channels, F columns that don't depend on the curves, P = C + F, L = P - 1 linear terms.
namespace dcmmm {
double log_normal_cdf(double value) {
  if (value > -8) return std::log(0.5 * std::erfc(-value / std::sqrt(2.0)));
  return -0.5 * value * value - std::log(-value) - 0.9189385332046727;
}

CurveEvidence::CurveEvidence(const LikelihoodData& data, const LikelihoodOptions& options,
                             const FixedCovariance& covariance, const Shapes& prior_center, const RegionLoop& loop,
                             double power)
    : data_(data),
      options_(options),
      covariance_(covariance),
      prior_center_(prior_center),
      loop_(loop),
      power_(power),
      layout_{data.channels, data.controls, data.patterns, 0, true, covariance.frozen.waves.count()},
      terms_(data.channels, options.control_signs, layout_.linear()),
      shape_sd_(prior_sd_of_shapes(options, data.channels)),
      shape_precision_(prior_precision_of_shapes(options, data.channels)) {
  const int64_t T = data.origin, C = data.channels, F = layout_.linear() - C + 1;
  const auto slopes = slope_columns(layout_, covariance.components, covariance.frozen);
  for (int64_t place = 0; place < data.regions; ++place)
    if (data.is_usable(place)) regions_.push_back({place, RowMatrix(T, F), {}});
  precision_.resize(regions_.size());
#pragma omp parallel for schedule(dynamic)
  for (size_t i = 0; i < regions_.size(); ++i) {
    Region& region = regions_[i];
    RowMatrix columns(T, layout_.count());
    fill_columns(data, layout_, covariance.frozen.shapes, &covariance.frozen, region.place, columns);
    precision_[i].factor(data, region.place, covariance.components, slopes, columns);
    region.fixed_TF.leftCols(F - 1) = columns.middleCols(C, F - 1);
    region.fixed_TF.col(F - 1) = columns.col(layout_.target());
    region.weighted_TF = precision_[i].apply(region.fixed_TF);
  }
  for (size_t first = 0; first < precision_.size(); first += PrecisionLanes::kLanes) {
    std::vector<const RegionPrecision*> together;
    for (size_t i = first; i < std::min(precision_.size(), first + PrecisionLanes::kLanes); ++i)
      together.push_back(&precision_[i]);
    lanes_.emplace_back(together);
  }
  const std::vector<double> sums = loop.sum(T * F + F * F + 1, [&](Chunk chunk, std::span<double> total) {
    Eigen::Map<RowMatrix> weighted_TF(total.data(), T, F), gram_FF(total.data() + T * F, F, F);
    for (const Region& region : regions_) {
      if (region.place < chunk.first || region.place >= chunk.first + chunk.count) continue;
      weighted_TF += region.weighted_TF;
      gram_FF.noalias() += region.fixed_TF.transpose() * region.weighted_TF;
      for (int64_t t = 0; t < T; ++t)
        if (data.weight_RT[region.place * data.weeks + t] > 0)
          total[T * F + F * F] += data.size_R[region.place] * region.fixed_TF(t, F - 1);
    }
  });
  weighted_TF_ = Eigen::Map<const RowMatrix>(sums.data(), T, F);
  national_TF_ = covariance.national.covariance_TT * weighted_TF_;
  gram_FF_ = Eigen::Map<const RowMatrix>(sums.data() + T * F, F, F);
  gram_FF_ -= weighted_TF_.transpose() * national_TF_;
  target_ = sums[T * F + F * F];
}

void CurveEvidence::respond(int64_t channel, const Shapes& shapes, Response& out) const {
  const int64_t T = data_.origin, C = data_.channels, R = std::ssize(regions_), kLanes = PrecisionLanes::kLanes;
  out.media_RT.resize(R, T);
  out.weighted_RT.resize(R, T);
#pragma omp parallel for schedule(static)
  for (int64_t block = 0; block < std::ssize(lanes_); ++block) {
    const int64_t first = block * kLanes, count = std::min(kLanes, R - first);
    CarriedMedia carried;
    RowMatrix column(T, C);
    PrecisionLanes::Lanes media_TN = PrecisionLanes::Lanes::Zero(T, kLanes), weighted_TN;
    for (int64_t lane = 0; lane < count; ++lane) {
      fill_channel(data_.media_of(regions_[static_cast<size_t>(first + lane)].place, channel), {C, 0, 0}, shapes,
                   nullptr, channel, carried, column);
      media_TN.col(lane) = column.col(channel).array();
    }
    lanes_[static_cast<size_t>(block)].apply(media_TN, weighted_TN);
    out.media_RT.middleRows(first, count) = media_TN.leftCols(count).matrix().transpose();
    out.weighted_RT.middleRows(first, count) = weighted_TN.leftCols(count).matrix().transpose();
  }
}

std::vector<double> CurveEvidence::sum(int64_t length, const std::function<void(size_t, double*)>& add_region) const {
  return loop_.sum(length, [&](Chunk chunk, std::span<double> total) {
    for (size_t i = 0; i < regions_.size(); ++i)
      if (regions_[i].place >= chunk.first && regions_[i].place < chunk.first + chunk.count)
        add_region(i, total.data());
  });
}

CurvePoint CurveEvidence::point_of(const Eigen::VectorXd& coordinates, const Sums& sums) const {
  const int64_t C = data_.channels, F = gram_FF_.rows(), L = C + F - 1;
  Shapes shapes = prior_center_;
  shapes.coordinates = coordinates;
  Eigen::MatrixXd raw(L + 1, L + 1);
  raw.topLeftCorner(C, C) =
      sums.gram_CC - sums.weighted_TC.transpose() * (covariance_.national.covariance_TT * sums.weighted_TC);
  raw.topRightCorner(C, F) = sums.cross_CF - sums.weighted_TC.transpose() * national_TF_;
  raw.bottomLeftCorner(F, C) = raw.topRightCorner(C, F).transpose();
  raw.bottomRightCorner(F, F) = gram_FF_;
  raw *= power_;
  CurvePoint point;
  point.coordinates = coordinates;
  point.mean_C = sums.mean_C / (target_ > 0 ? target_ : 1.0);
  Eigen::VectorXd scale = Eigen::VectorXd::Ones(L + 1);
  for (int64_t c = 0; c < C; ++c) scale[c] = point.mean_C[c] > 0 ? 1.0 / point.mean_C[c] : 0.0;
  const ExperimentRows tests =
      experiment_rows(data_, layout_, shapes, covariance_.frozen, covariance_.components, loop_);
  RowMatrix row_EP(tests.row_EP.rows(), L + 1);
  row_EP.leftCols(L) = tests.row_EP.leftCols(L);
  row_EP.col(L) = tests.row_EP.col(layout_.target());
  if (covariance_.experiments) raw += row_EP.transpose() * tests.variance_E.cwiseInverse().asDiagonal() * row_EP;
  point.lift_EL = row_EP.leftCols(L) * scale.head(L).asDiagonal();
  raw = scale.asDiagonal() * raw * scale.asDiagonal();
  const LinearPrior prior = linear_prior(options_, data_, covariance_.components, layout_, covariance_.frozen.waves);
  Eigen::MatrixXd matrix = raw.topLeftCorner(L, L);
  matrix.diagonal() += prior.precision;
  const Eigen::VectorXd right = raw.col(L).head(L) + prior.precision.cwiseProduct(prior.mean);
  const Eigen::LLT<Eigen::MatrixXd> factor(matrix);
  point.linear.mean = factor.solve(right);
  point.linear.covariance = factor.solve(Eigen::MatrixXd::Identity(L, L));
  const Eigen::MatrixXd& root = factor.matrixLLT();
  point.log_density = 0.5 * right.dot(point.linear.mean);
  for (int64_t i = 0; i < L; ++i) point.log_density -= std::log(root(i, i));
  const Eigen::VectorXd turned = terms_.turned(point.linear.mean),
                        variance = terms_.turned(point.linear.covariance).diagonal();
  for (int64_t i = 0; i < terms_.bound(); ++i) point.log_density += log_normal_cdf(turned[i] / std::sqrt(variance[i]));
  point.log_density += log_prior(coordinates);
  return point;
}

double CurveEvidence::log_prior(const Eigen::VectorXd& coordinates) const {
  const Eigen::VectorXd distance = coordinates - prior_center_.coordinates;
  return -0.5 * distance.dot(shape_precision_ * distance);
}

CurveWalk::CurveWalk(const CurveEvidence& evidence, const Eigen::VectorXd& coordinates)
    : evidence_(&evidence), response_C_(static_cast<size_t>(evidence.data_.channels)) {
  const LikelihoodData& data = evidence.data_;
  const int64_t T = data.origin, C = data.channels, F = evidence.gram_FF_.rows();
  const int64_t gram = T * C, cross = gram + C * C, mean = cross + C * F, length = mean + C;
  Shapes shapes = evidence.prior_center_;
  shapes.coordinates = coordinates;
  for (int64_t c = 0; c < C; ++c) evidence.respond(c, shapes, response_C_[static_cast<size_t>(c)]);
  const std::vector<double> sums = evidence.sum(length, [&](size_t i, double* total) {
    const CurveEvidence::Region& region = evidence.regions_[i];
    const auto r = static_cast<int64_t>(i);
    RowMatrix media_TC(T, C), weighted_TC(T, C);
    for (int64_t c = 0; c < C; ++c) {
      media_TC.col(c) = response_C_[static_cast<size_t>(c)].media_RT.row(r).transpose();
      weighted_TC.col(c) = response_C_[static_cast<size_t>(c)].weighted_RT.row(r).transpose();
    }
    Eigen::Map<RowMatrix>(total, T, C) += weighted_TC;
    Eigen::Map<RowMatrix>(total + gram, C, C).noalias() += media_TC.transpose() * weighted_TC;
    Eigen::Map<RowMatrix>(total + cross, C, F).noalias() += media_TC.transpose() * region.weighted_TF;
    const double* weight_T = data.weight_RT.data() + region.place * data.weeks;
    for (int64_t t = 0; t < T; ++t)
      if (weight_T[t] > 0)
        for (int64_t c = 0; c < C; ++c) total[mean + c] += data.size_R[region.place] * media_TC(t, c);
  });
  using Block = Eigen::Map<const RowMatrix>;
  sums_ = {Block(sums.data(), T, C), Block(sums.data() + gram, C, C), Block(sums.data() + cross, C, F),
           Eigen::Map<const Eigen::VectorXd>(sums.data() + mean, C)};
  point_ = evidence.point_of(coordinates, sums_);
}

const CurvePoint& CurveWalk::try_channel(int64_t channel, const Eigen::VectorXd& coordinates) {
  const LikelihoodData& data = evidence_->data_;
  const int64_t T = data.origin, C = data.channels, F = evidence_->gram_FF_.rows();
  const int64_t gram = T, cross = gram + C, mean = cross + F, length = mean + 1;
  Shapes shapes = evidence_->prior_center_;
  shapes.coordinates = coordinates;
  trial_.channel = channel;
  evidence_->respond(channel, shapes, trial_.response);
  const std::vector<double> sums = evidence_->sum(length, [&](size_t i, double* total) {
    const CurveEvidence::Region& region = evidence_->regions_[i];
    const auto r = static_cast<int64_t>(i);
    const auto media_T = trial_.response.media_RT.row(r), weighted_T = trial_.response.weighted_RT.row(r);
    Eigen::Map<Eigen::RowVectorXd>(total, T) += weighted_T;
    for (int64_t c = 0; c < C; ++c)
      total[gram + c] += weighted_T.dot(c == channel ? media_T : response_C_[static_cast<size_t>(c)].media_RT.row(r));
    Eigen::Map<Eigen::RowVectorXd>(total + cross, F).noalias() += media_T * region.weighted_TF;
    const double* weight_T = data.weight_RT.data() + region.place * data.weeks;
    for (int64_t t = 0; t < T; ++t)
      if (weight_T[t] > 0) total[mean] += data.size_R[region.place] * media_T[t];
  });
  trial_.sums = sums_;
  trial_.sums.weighted_TC.col(channel) = Eigen::Map<const Eigen::VectorXd>(sums.data(), T);
  const Eigen::Map<const Eigen::VectorXd> gram_C(sums.data() + gram, C);
  trial_.sums.gram_CC.row(channel) = gram_C.transpose();
  trial_.sums.gram_CC.col(channel) = gram_C;
  trial_.sums.cross_CF.row(channel) = Eigen::Map<const Eigen::VectorXd>(sums.data() + cross, F).transpose();
  trial_.sums.mean_C[channel] = sums[static_cast<size_t>(mean)];
  trial_.point = evidence_->point_of(coordinates, trial_.sums);
  return trial_.point;
}

void CurveWalk::accept() {
  std::swap(response_C_[static_cast<size_t>(trial_.channel)], trial_.response);
  sums_ = trial_.sums;
  point_ = trial_.point;
}

}  // namespace dcmmm
