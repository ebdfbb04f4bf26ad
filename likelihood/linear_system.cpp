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
