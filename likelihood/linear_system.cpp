#include "likelihood/linear_system.hpp"

#include <Eigen/LU>
#include <cmath>

namespace dcmmm {

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
  const Eigen::MatrixXd prior = national_covariance(components, weeks);
  const Eigen::PartialPivLU<Eigen::MatrixXd> factor(Eigen::MatrixXd::Identity(weeks, weeks) + prior * precision_TT);
  const Eigen::MatrixXd left = factor.solve(prior);
  out.covariance_TT = 0.5 * (left + left.transpose());
  out.log_determinant = factor.matrixLU().diagonal().cwiseAbs().array().log().sum();
  return out;
}

Eigen::MatrixXd reduced_gram(const PanelSums& sums, const NationalLevel& national) {
  const Eigen::MatrixXd weighted = sums.weighted_TP;
  return sums.gram_PP - weighted.transpose() * (national.covariance_TT * weighted);
}

Eigen::VectorXd prior_precision(const LikelihoodOptions& options, const Components& components,
                                const ColumnLayout& layout, int64_t events, const Waves& waves) {
  Eigen::VectorXd precision(layout.linear());
  precision.head(layout.channels).setConstant(1.0 / (options.share_prior_sd * options.share_prior_sd));
  precision.segment(layout.channels, layout.controls)
      .setConstant(1.0 / (options.control_prior_sd * options.control_prior_sd));
  precision.segment(layout.channels + layout.controls - events, events)
      .setConstant(1.0 / (options.event_prior_sd * options.event_prior_sd));
  precision.segment(layout.pattern(0), layout.patterns)
      .setConstant(1.0 / (options.pattern_prior_sd * options.pattern_prior_sd));
  const double drift = components.drift_sd() * components.drift_sd();
  for (int64_t c = 0; c < layout.channels; ++c)
    for (int64_t b = 0; b < layout.waves; ++b) precision[layout.wave(c, b)] = 1.0 / (drift * waves.variance_B[b]);
  return precision;
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
