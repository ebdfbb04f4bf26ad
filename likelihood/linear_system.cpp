#include "likelihood/linear_system.hpp"

#include <Eigen/LU>
#include <cmath>
#include <utility>

namespace dcmmm {
namespace {

// K X: what a week passes on to those after it and to those before it, part by part; O(T) a column.
RowMatrix times_national(const Components& components, const RowMatrix& values) {
  const int64_t T = values.rows();
  RowMatrix out = RowMatrix::Zero(T, values.cols());
  for (const auto& [variance, persistence] : components.national_parts()) {
    Eigen::RowVectorXd passed = Eigen::RowVectorXd::Zero(values.cols());
    for (int64_t t = 0; t < T; ++t) {
      passed = persistence * passed + variance * values.row(t);
      out.row(t) += passed;
    }
    passed.setZero();
    for (int64_t t = T - 2; t >= 0; --t) {
      passed = persistence * (passed + variance * values.row(t + 1));
      out.row(t) += passed;
    }
  }
  return out;
}

Eigen::PartialPivLU<Eigen::MatrixXd> factor_nation(const RowMatrix& precision_TT, const Components& components) {
  Eigen::MatrixXd matrix = times_national(components, precision_TT);
  matrix.diagonal().array() += 1.0;
  return Eigen::PartialPivLU<Eigen::MatrixXd>(matrix);
}

double log_determinant_of(const Eigen::PartialPivLU<Eigen::MatrixXd>& factor) {
  return factor.matrixLU().diagonal().cwiseAbs().array().log().sum();
}

}  // namespace

Eigen::MatrixXd national_covariance(const Components& components, int64_t weeks) {
  std::vector<double> by_lag(static_cast<size_t>(weeks));
  for (int64_t lag = 0; lag < weeks; ++lag) by_lag[lag] = components.national_covariance(lag);
  Eigen::MatrixXd covariance(weeks, weeks);
  for (int64_t t = 0; t < weeks; ++t)
    for (int64_t s = 0; s < weeks; ++s) covariance(t, s) = by_lag[std::abs(t - s)];
  return covariance;
}

NationalLevel national_level(const RowMatrix& precision_TT, const Components& components) {
  const int64_t weeks = precision_TT.rows();
  NationalLevel out;
  if (!components.national) {
    out.covariance_TT = Eigen::MatrixXd::Zero(weeks, weeks);
    return out;
  }
  const auto factor = factor_nation(precision_TT, components);
  const Eigen::MatrixXd left = factor.solve(national_covariance(components, weeks));
  out.covariance_TT = 0.5 * (left + left.transpose());
  return out;
}

IntegratedSums integrate_nation(const PanelSums& sums, const Components& components) {
  if (!components.national) return {sums.gram_PP, 0.0};
  const auto factor = factor_nation(sums.precision_TT, components);
  const Eigen::MatrixXd path_TP = factor.solve(Eigen::MatrixXd(times_national(components, sums.weighted_TP)));
  const Eigen::MatrixXd explained = sums.weighted_TP.transpose() * path_TP;
  return {sums.gram_PP - 0.5 * (explained + explained.transpose()), log_determinant_of(factor)};
}

Eigen::MatrixXd reduced_gram(const PanelSums& sums, const NationalLevel& national) {
  const Eigen::MatrixXd weighted = sums.weighted_TP;
  return sums.gram_PP - weighted.transpose() * (national.covariance_TT * weighted);
}

LinearPrior linear_prior(const LikelihoodOptions& options, const LikelihoodData& data, const Components& components,
                         const ColumnLayout& layout, const Waves& waves) {
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(layout.linear()), sd(layout.linear());
  sd.head(layout.channels).setConstant(options.share_prior_sd);
  for (size_t c = 0; c < options.channel_priors.size(); ++c) {
    const auto& roi = options.channel_priors[c].roi;
    if (!roi || !(data.spend_C[c] > 0)) continue;
    const double share = data.spend_C[c] / data.total_target;  // at an ROI of 1
    mean[static_cast<int64_t>(c)] = roi->mean * share;
    sd[static_cast<int64_t>(c)] = roi->sd * share;
  }
  sd.segment(layout.channels, layout.controls).setConstant(options.control_prior_sd);
  sd.segment(layout.channels + layout.controls - data.events, data.events).setConstant(options.event_prior_sd);
  sd.segment(layout.pattern(0), layout.patterns).setConstant(options.pattern_prior_sd);
  for (int64_t c = 0; c < layout.channels; ++c)
    for (int64_t b = 0; b < layout.waves; ++b)
      sd[layout.wave(c, b)] = components.drift_sd() * std::sqrt(waves.variance_B[b]);
  return {std::move(mean), sd.cwiseAbs2().cwiseInverse()};
}

Eigen::VectorXd share_scale(const PanelSums& sums, const ColumnLayout& layout) {
  Eigen::VectorXd scale = Eigen::VectorXd::Ones(layout.count());
  for (int64_t c = 0; c < layout.channels; ++c) {
    const double mean = sums.mean_P[layout.media(c)];
    scale[layout.media(c)] = mean > 0 ? 1.0 / mean : 0.0;
  }
  return scale;
}

}  // namespace dcmmm
