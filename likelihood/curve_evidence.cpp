#include "likelihood/curve_evidence.hpp"

#include <Eigen/Cholesky>
#include <cmath>

// T training weeks, C channels, F columns that don't depend on the curves, P = C + F, L = P - 1 linear terms.
namespace dcmmm {
namespace {

constexpr int64_t kBlocks = 8;  // of a chunk: fixed, so that sums don't depend on the number of threads

// Log of the standard normal distribution function.
double log_normal_cdf(double value) {
  if (value > -8) return std::log(0.5 * std::erfc(-value / std::sqrt(2.0)));
  return -0.5 * value * value - std::log(-value) - 0.9189385332046727;
}

}  // namespace

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
      shape_sd_(prior_sd_of_shapes(options, data.channels)) {
  const int64_t T = data.origin, C = data.channels, F = layout_.linear() - C + 1;
  const auto slopes = slope_columns(layout_, covariance.components, covariance.frozen);
  for (int64_t place = 0; place < data.regions; ++place)
    if (data.is_usable(place)) regions_.push_back({place, {}, RowMatrix(T, F), {}});
#pragma omp parallel for schedule(dynamic)
  for (size_t i = 0; i < regions_.size(); ++i) {
    Region& region = regions_[i];
    RowMatrix columns(T, layout_.count());
    fill_columns(data, layout_, covariance.frozen.shapes, &covariance.frozen, region.place, columns);
    region.precision.factor(data, region.place, covariance.components, slopes, columns);
    region.fixed_TF.leftCols(F - 1) = columns.middleCols(C, F - 1);
    region.fixed_TF.col(F - 1) = columns.col(layout_.target());
    region.weighted_TF = region.precision.apply(region.fixed_TF);
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

CurvePoint CurveEvidence::at(const Eigen::VectorXd& coordinates) const {
  const int64_t T = data_.origin, C = data_.channels, F = gram_FF_.rows(), L = C + F - 1;
  Shapes shapes = prior_center_;
  shapes.coordinates = coordinates;
  // [V^-1 M | M' V^-1 M | M' V^-1 fixed | means], M the responses.
  const int64_t gram = T * C, cross = gram + C * C, mean = cross + C * F, length = mean + C;
  const auto add_run = [&](int64_t first, int64_t end, double* total) {
    Eigen::Map<RowMatrix> weighted_TC(total, T, C), gram_CC(total + gram, C, C), cross_CF(total + cross, C, F);
    RowMatrix media_TC(T, C);
    CarriedMedia carried;
    const ColumnLayout only_media{C, 0, 0};
    for (const Region& region : regions_) {
      if (region.place < first || region.place >= end) continue;
      for (int64_t c = 0; c < C; ++c)
        fill_channel(data_.media_of(region.place, c), only_media, shapes, nullptr, c, carried, media_TC);
      const RowMatrix weighted = region.precision.apply(media_TC);
      weighted_TC += weighted;
      gram_CC.noalias() += media_TC.transpose() * weighted;
      cross_CF.noalias() += media_TC.transpose() * region.weighted_TF;
      const double* weight_T = data_.weight_RT.data() + region.place * data_.weeks;
      for (int64_t t = 0; t < T; ++t)
        if (weight_T[t] > 0)
          for (int64_t c = 0; c < C; ++c) total[mean + c] += data_.size_R[region.place] * media_TC(t, c);
    }
  };
  const std::vector<double> sums = loop_.sum(length, [&](Chunk chunk, std::span<double> total) {
    if (loop_.plan().deterministic) return add_run(chunk.first, chunk.first + chunk.count, total.data());
    std::vector<std::vector<double>> partial(kBlocks, std::vector<double>(total.size(), 0.0));
#pragma omp parallel for schedule(dynamic) if (chunk.count > kBlocks)
    for (int64_t block = 0; block < kBlocks; ++block)
      add_run(chunk.first + chunk.count * block / kBlocks, chunk.first + chunk.count * (block + 1) / kBlocks,
              partial[block].data());
    for (const auto& part : partial)
      for (size_t i = 0; i < total.size(); ++i) total[i] += part[i];
  });
  using Block = Eigen::Map<const RowMatrix>;
  const Block weighted_TC(sums.data(), T, C);
  Eigen::MatrixXd raw(L + 1, L + 1);
  raw.topLeftCorner(C, C) = Block(sums.data() + gram, C, C);
  raw.topLeftCorner(C, C) -= weighted_TC.transpose() * (covariance_.national.covariance_TT * weighted_TC);
  raw.topRightCorner(C, F) = Block(sums.data() + cross, C, F);
  raw.topRightCorner(C, F) -= weighted_TC.transpose() * national_TF_;
  raw.bottomLeftCorner(F, C) = raw.topRightCorner(C, F).transpose();
  raw.bottomRightCorner(F, F) = gram_FF_;
  raw *= power_;
  CurvePoint point;
  point.coordinates = coordinates;
  point.mean_C = Eigen::Map<const Eigen::VectorXd>(sums.data() + mean, C) / (target_ > 0 ? target_ : 1.0);
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
  point.log_density -= 0.5 * (coordinates - prior_center_.coordinates).cwiseQuotient(shape_sd_).squaredNorm();
  return point;
}

}  // namespace dcmmm
