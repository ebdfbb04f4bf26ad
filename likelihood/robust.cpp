#include "likelihood/robust.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "comm/median.hpp"

// T training weeks.
namespace dcmmm {
namespace {

constexpr double kPriorCells = 8;  // that say a region's scale is 1
constexpr double kHuber = 2.5;     // standard deviations
constexpr double kNormalMedian = 0.6745;

}  // namespace

void refresh_scales(LikelihoodData& data, const FixedCovariance& covariance, const Mode& mode, const RegionLoop& loop) {
  const int64_t T = data.origin, R = data.regions;
  const Frozen& frozen = covariance.frozen;
  const ColumnLayout layout{data.channels, data.controls, data.patterns, 0, true, frozen.waves.count()};
  const auto slopes = slope_columns(layout, covariance.components, frozen);
  Eigen::VectorXd raw = mode.linear;
  for (int64_t c = 0; c < data.channels; ++c) raw[c] = mode.coefficient(c);
  const Eigen::VectorXd national = covariance.national.covariance_TT * mode.weighted_residual_T;
  LargeVector<double> standardised_RT(static_cast<size_t>(R * T));
  std::vector<double> scale(static_cast<size_t>(R), 1.0);
  loop.each([&](Chunk chunk) {
#pragma omp parallel
    {
      RowMatrix columns(T, layout.count());
      RegionPrecision precision;
#pragma omp for schedule(dynamic)
      for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region) {
        if (!data.counts(region)) continue;
        fill_columns(data, layout, mode.shapes, &frozen, region, columns);
        precision.factor(data, region, covariance.components, slopes, columns);
        RowMatrix residual(T, 1);
        residual.col(0) = columns.col(layout.target()) - columns.leftCols(layout.linear()) * raw - national;
        double cells = 0;
        for (int64_t t = 0; t < T; ++t) {
          if (data.weight_RT[region * data.weeks + t] > 0)
            cells += 1;
          else
            residual(t, 0) = 0;
        }
        const RowMatrix weighted = precision.apply(residual);
        RowMatrix precision_TT = RowMatrix::Zero(T, T);
        precision.add_upper_to(Eigen::Map<RowMatrix>(precision_TT.data(), T, T));
        const double squares = residual.col(0).dot(weighted.col(0));
        scale[region] = data.error_scale_R[region] * std::sqrt((squares + kPriorCells) / (cells + kPriorCells));
        // A cell's residual from what all others say of it, over its sd if it had its full weight: a weight of before
        // must not excuse the cell from the next one.
        const double noise = covariance.components.noise_variance(data.log_size_R[region], data.error_scale_R[region]);
        for (int64_t t = 0; t < T; ++t) {
          const double diagonal = precision_TT(t, t), weight = data.weight_RT[region * data.weeks + t];
          if (!(weight > 0 && diagonal > 1e-12)) continue;
          standardised_RT[region * T + t] =
              weighted(t, 0) / diagonal / std::sqrt(1.0 / diagonal + noise * (1.0 - 1.0 / weight));
        }
      }
    }
  });
  const auto each_residual = [&](const ValueVisitor& visit) {
    loop.each([&](Chunk chunk) {
      for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region)
        for (int64_t t = 0; t < T; ++t)
          if (data.counts(region) && data.weight_RT[region * data.weeks + t] > 0)
            visit({&standardised_RT[region * T + t], 1});
    });
  };
  const double typical = global_median_magnitude(each_residual, loop.communicator()) / kNormalMedian;
  const std::vector<double> logs = loop.sum(2, [&](Chunk chunk, std::span<double> total) {
    for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region) {
      if (!data.counts(region)) continue;
      total[0] += std::log(scale[region]);
      total[1] += 1;
    }
  });
  const double mean_log = logs[1] > 0 ? logs[0] / logs[1] : 0.0;
  loop.each([&](Chunk chunk) {
    for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region) {
      if (!data.counts(region)) continue;
      data.error_scale_R[region] = scale[region] / std::exp(mean_log);
      for (int64_t t = 0; t < T; ++t) {
        double& weight = data.weight_RT[region * data.weeks + t];
        if (weight > 0 && typical > 0)
          weight = std::min(1.0, kHuber * typical / std::max(std::abs(standardised_RT[region * T + t]), 1e-9));
      }
    }
  });
}

Eigen::VectorXd national_path(const FixedCovariance& covariance, const Mode& mode, int64_t weeks) {
  const int64_t T = covariance.precision_TT.rows();
  if (!covariance.components.national) return Eigen::VectorXd::Zero(weeks);
  const Eigen::MatrixXd prior = national_covariance(covariance.components, weeks);
  const Eigen::MatrixXd matrix = Eigen::MatrixXd::Identity(T, T) + covariance.precision_TT * prior.topLeftCorner(T, T);
  return prior.leftCols(T) * matrix.partialPivLu().solve(mode.weighted_residual_T);
}

}  // namespace dcmmm
