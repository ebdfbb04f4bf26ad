#include "likelihood/drift_objective.hpp"

#include <Eigen/Cholesky>
#include <cmath>

// T training weeks, C channels, B waves.
namespace dcmmm {
namespace {

constexpr double kFree = 0.05;  // of the drift's sd: independent from week to week

// Sums over the regions [place in regions_] of a chunk; regions are kept in the panel's order.
template <class Regions, class Work>
void in_chunk(Regions& regions, Chunk chunk, const Work& work) {
  for (auto& region : regions)
    if (region.place >= chunk.first && region.place < chunk.first + chunk.count) work(region);
}

}  // namespace

DriftObjective::DriftObjective(const LikelihoodData& data, const LikelihoodOptions& options,
                               const FixedCovariance& covariance, const Mode& mode, int64_t all_regions,
                               const RegionLoop& loop)
    : weeks_(data.origin), channels_(data.channels), loop_(loop) {
  const int64_t T = weeks_, C = channels_;
  const ColumnLayout layout{C, data.controls, data.patterns};
  const auto slopes = slope_columns(layout, covariance.components, covariance.frozen);
  Eigen::VectorXd raw = mode.linear.head(layout.linear());
  for (int64_t c = 0; c < C; ++c) raw[c] = mode.coefficient(c);
  for (int64_t place = 0; place < data.regions; ++place) {
    if (!data.is_usable(place) || !is_sampled(loop.plan().first_region + place, options.sample_regions, all_regions))
      continue;
    RowMatrix columns(T, layout.count());
    fill_columns(data, layout, mode.shapes, nullptr, place, columns);
    Region region{place, RowMatrix(T, C), columns.col(layout.target()) - columns.leftCols(layout.linear()) * raw, {}};
    for (int64_t c = 0; c < C; ++c) region.response_TC.col(c) = raw[c] * columns.col(c);
    region.precision.factor(data, place, covariance.components, slopes, columns);
    regions_.push_back(std::move(region));
  }

  // [V^-1 | responses weighted by size].
  const int64_t weight = T * T;
  const std::vector<double> sums = loop.sum(weight + T * C, [&](Chunk chunk, std::span<double> total) {
    in_chunk(regions_, chunk, [&](const Region& region) {
      Eigen::Map<RowMatrix>(total.data(), T, T) += region.precision.apply(RowMatrix::Identity(T, T));
      for (int64_t t = 0; t < T; ++t)
        if (data.weight_RT[region.place * data.weeks + t] > 0)
          for (int64_t c = 0; c < C; ++c)
            total[weight + t * C + c] += data.size_R[region.place] * region.response_TC(t, c);
    });
  });
  national_TT_ = national_level(Eigen::Map<const RowMatrix>(sums.data(), T, T), covariance.components).covariance_TT;
  week_weight_TC_ = Eigen::Map<const RowMatrix>(sums.data() + weight, T, C);
  for (int64_t c = 0; c < C; ++c) {
    const double sum = week_weight_TC_.col(c).sum();
    if (sum > 0) week_weight_TC_.col(c) /= sum;
  }
  lift_ET_ = weekly_lifts(data, mode.shapes, loop);
  lift_residual_E_.resize(lift_ET_.rows());
  for (int64_t e = 0; e < lift_ET_.rows(); ++e) {
    const Experiment& test = data.experiments[static_cast<size_t>(e)];
    const double sd = std::sqrt(mode.lift_variance_E[e]);
    lift_channel_E_.push_back(test.channel);
    lift_ET_.row(e) *= mode.coefficient(test.channel) / sd;
    lift_residual_E_[e] = test.lift / sd - lift_ET_.row(e).sum();
  }
  const Waves& waves = covariance.frozen.waves;
  const double variance = covariance.components.drift_sd() * covariance.components.drift_sd();
  const Eigen::MatrixXd value_TB = waves.value_NB.topRows(T);
  Eigen::MatrixXd prior = value_TB * waves.variance_B.asDiagonal() * value_TB.transpose();
  prior.diagonal().array() += kFree * kFree;
  prior_precision_TT_ = (variance * prior).llt().solve(Eigen::MatrixXd::Identity(T, T));
}

double DriftObjective::value(const RowMatrix& path_TC, RowMatrix& gradient_TC) const {
  const int64_t T = weeks_, C = channels_;
  const auto residual_of = [&](const Region& region) {
    return Eigen::VectorXd(region.residual_T - region.response_TC.cwiseProduct(path_TC).rowwise().sum());
  };
  // [sum of V^-1 e | e' V^-1 e].
  const std::vector<double> sums = loop_.sum(T + 1, [&](Chunk chunk, std::span<double> total) {
    in_chunk(regions_, chunk, [&](const Region& region) {
      const Eigen::VectorXd residual = residual_of(region), weighted = region.precision.apply(residual);
      Eigen::Map<Eigen::VectorXd>(total.data(), T) += weighted;
      total[T] += residual.dot(weighted);
    });
  });
  const Eigen::Map<const Eigen::VectorXd> weighted_T(sums.data(), T);
  const Eigen::VectorXd national_T = national_TT_ * weighted_T;
  // Each region's responses by V^-1 (n - e), n: the national level. A second pass, since sums that don't wait for n
  // would be T x T for each channel.
  const std::vector<double> slope = loop_.sum(T * C, [&](Chunk chunk, std::span<double> total) {
    in_chunk(regions_, chunk, [&](const Region& region) {
      const Eigen::VectorXd weighted = region.precision.apply(Eigen::VectorXd(national_T - residual_of(region)));
      Eigen::Map<RowMatrix>(total.data(), T, C) += weighted.asDiagonal() * region.response_TC;
    });
  });
  gradient_TC = Eigen::Map<const RowMatrix>(slope.data(), T, C);
  double of_experiments = 0;
  for (int64_t e = 0; e < lift_ET_.rows(); ++e) {
    const int64_t c = lift_channel_E_[static_cast<size_t>(e)];
    const double residual = lift_residual_E_[e] - lift_ET_.row(e).dot(path_TC.col(c));
    of_experiments += residual * residual;
    gradient_TC.col(c) -= residual * lift_ET_.row(e).transpose();
  }
  return 0.5 * (sums[static_cast<size_t>(T)] - weighted_T.dot(national_T) + of_experiments);
}

}  // namespace dcmmm
