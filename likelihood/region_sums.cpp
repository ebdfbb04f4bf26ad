#include "likelihood/region_sums.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

// T training weeks, P columns, q slope columns.
namespace dcmmm {
namespace {

struct SumsLayout {
  int64_t weeks, columns;
  bool with_precision;
  int64_t precision() const { return 0; }
  int64_t weighted() const { return with_precision ? weeks * weeks : 0; }
  int64_t gram() const { return weighted() + weeks * columns; }
  int64_t mean() const { return gram() + columns * columns; }
  int64_t log_determinant() const { return mean() + columns; }
  int64_t count() const { return log_determinant() + 1; }
};

bool takes_part(const RegionPass& pass, int64_t region, int64_t first_region) {
  return pass.data.counts(region) &&
         (pass.sample_regions <= 0 || is_sampled(first_region + region, pass.sample_regions, pass.all_regions));
}

void add_mean(const RegionPass& pass, int64_t region, const RowMatrix& columns, Eigen::Map<Eigen::VectorXd> mean_P) {
  const double* weight = pass.data.weight_RT.data() + region * pass.data.weeks;
  for (int64_t t = 0; t < columns.rows(); ++t)
    if (weight[t] > 0) mean_P += pass.data.size_R[region] * columns.row(t).transpose();
}

void add_region(const RegionPass& pass, const SumsLayout& sums, int64_t region, const RowMatrix& columns,
                RegionPrecision& precision, double* out) {
  const int64_t T = sums.weeks, P = sums.columns;
  using Block = Eigen::Map<RowMatrix>;
  precision.factor(pass.data, region, pass.components, pass.slopes, columns);
  const RowMatrix weighted = precision.apply(columns);
  Block(out + sums.weighted(), T, P) += weighted;
  Block(out + sums.gram(), P, P).triangularView<Eigen::Lower>() += columns.transpose() * weighted;
  if (sums.with_precision) precision.add_upper_to(Block(out + sums.precision(), T, T));
  add_mean(pass, region, columns, Eigen::Map<Eigen::VectorXd>(out + sums.mean(), P));
  out[sums.log_determinant()] += precision.log_determinant();
}

// Of sums whose last column is the target's; zero where there is none.
Eigen::VectorXd per_target(const Eigen::VectorXd& sum_P) {
  const double target = sum_P[sum_P.size() - 1];
  return target > 0 ? Eigen::VectorXd(sum_P / target) : Eigen::VectorXd::Zero(sum_P.size());
}

}  // namespace

void RegionPrecision::factor(const LikelihoodData& data, int64_t region, const Components& components,
                             const std::vector<SlopeColumn>& slopes, const RowMatrix& columns) {
  const int64_t T = columns.rows();
  const double log_size = data.log_size_R[region], error_scale = data.error_scale_R[region];
  const double noise = components.noise_variance(log_size, error_scale);
  const double level = components.level_variance(log_size, error_scale), persistence = components.level_persistence();
  weight_.resize(T);
  log_determinant_ = 0;
  for (int64_t t = 0; t < T; ++t) {
    weight_[t] = data.weight_RT[region * data.weeks + t] / noise;
    if (weight_[t] > 0) log_determinant_ -= std::log(weight_[t]);
  }
  solver_.factor(weight_, 1.0 / (level * (1.0 - persistence * persistence)), persistence);
  log_determinant_ += solver_.log_determinant() + std::log(solver_.level_precision());
  const auto q = static_cast<int64_t>(slopes.size());
  slope_columns_.resize(T, q);
  if (q == 0) {
    slope_weighted_.resize(T, 0);
    return;
  }
  for (int64_t j = 0; j < q; ++j) slope_columns_.col(j) = columns.col(slopes[j].column) * slopes[j].sd;
  slope_weighted_ = without_slopes(slope_columns_);
  const Eigen::MatrixXd inner = Eigen::MatrixXd::Identity(q, q) + slope_columns_.transpose() * slope_weighted_;
  const Eigen::LLT<Eigen::MatrixXd> factor(inner);
  slope_factor_ = factor.matrixL();
  slope_weighted_ = factor.matrixL().solve(slope_weighted_.transpose()).transpose();
  for (int64_t j = 0; j < q; ++j) log_determinant_ += 2 * std::log(slope_factor_(j, j));
}

RowMatrix RegionPrecision::without_slopes(const RowMatrix& columns) const {
  RowMatrix baseline(columns.rows(), columns.cols());
  solver_.solve({columns.data(), static_cast<size_t>(columns.size())}, columns.cols(),
                {baseline.data(), static_cast<size_t>(baseline.size())}, {});
  const int64_t count = columns.cols();
  for (int64_t t = 0; t < columns.rows(); ++t) {
    double* here = baseline.data() + t * count;
    const double* column = columns.data() + t * count;
    for (int64_t p = 0; p < count; ++p) here[p] = weight_[t] > 0 ? weight_[t] * (column[p] - here[p]) : 0.0;
  }
  return baseline;
}

RowMatrix RegionPrecision::apply(const RowMatrix& columns) const {
  RowMatrix weighted = without_slopes(columns);
  if (slope_columns_.cols() > 0) weighted.noalias() -= slope_weighted_ * (slope_weighted_.transpose() * columns);
  return weighted;
}

void RegionPrecision::add_upper_to(Eigen::Map<RowMatrix> total_TT) const {
  solver_.add_precision({total_TT.data(), static_cast<size_t>(total_TT.size())});
  if (slope_columns_.cols() > 0) total_TT.selfadjointView<Eigen::Upper>().rankUpdate(slope_weighted_, -1.0);
}

Eigen::VectorXd RegionPrecision::slopes(const Eigen::VectorXd& residual) const {
  // L^-T (W' e) with W = V0^-1 Z L^-T.
  if (slope_columns_.cols() == 0) return {};
  const Eigen::VectorXd half = slope_weighted_.transpose() * residual;
  return slope_factor_.transpose().triangularView<Eigen::Upper>().solve(half);
}

std::vector<RowMatrix> keep_columns(const RegionPass& pass, const RegionLoop& loop) {
  std::vector<RowMatrix> columns(static_cast<size_t>(pass.data.regions));
#pragma omp parallel for schedule(static)
  for (int64_t region = 0; region < pass.data.regions; ++region) {
    if (!takes_part(pass, region, loop.plan().first_region)) continue;
    columns[region].resize(pass.data.origin, pass.layout.count());
    fill_columns(pass.data, pass.layout, pass.shapes, pass.frozen, region, columns[region]);
  }
  return columns;
}

Eigen::VectorXd mean_columns(const RegionPass& pass, const RegionLoop& loop) {
  const int64_t P = pass.layout.count();
  const std::vector<double> sums = loop.sum(P, [&](Chunk chunk, std::span<double> total) {
    RowMatrix columns(pass.data.origin, P);
    for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region) {
      if (!takes_part(pass, region, loop.plan().first_region)) continue;
      fill_columns(pass.data, pass.layout, pass.shapes, pass.frozen, region, columns);
      add_mean(pass, region, columns, Eigen::Map<Eigen::VectorXd>(total.data(), P));
    }
  });
  return per_target(Eigen::Map<const Eigen::VectorXd>(sums.data(), P));
}

PanelSums sum_regions(const RegionPass& pass, const RegionLoop& loop) {
  const SumsLayout layout{pass.data.origin, pass.layout.count(), pass.with_precision};
  const int64_t T = layout.weeks, P = layout.columns;
  const std::vector<double> sums = loop.sum(layout.count(), [&](Chunk chunk, std::span<double> total) {
    RowMatrix columns(T, P);
    RegionPrecision precision;
    for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region) {
      if (!takes_part(pass, region, loop.plan().first_region)) continue;
      if (pass.columns == nullptr) fill_columns(pass.data, pass.layout, pass.shapes, pass.frozen, region, columns);
      add_region(pass, layout, region, pass.columns != nullptr ? (*pass.columns)[region] : columns, precision,
                 total.data());
    }
  });
  PanelSums out;
  using Block = Eigen::Map<const RowMatrix>;
  if (pass.with_precision)
    out.precision_TT = Block(sums.data() + layout.precision(), T, T).selfadjointView<Eigen::Upper>();
  out.weighted_TP = Block(sums.data() + layout.weighted(), T, P);
  out.gram_PP = Block(sums.data() + layout.gram(), P, P).selfadjointView<Eigen::Lower>();
  out.mean_P = per_target(Eigen::Map<const Eigen::VectorXd>(sums.data() + layout.mean(), P));
  out.log_determinant = sums[layout.log_determinant()];
  return out;
}

}  // namespace dcmmm
