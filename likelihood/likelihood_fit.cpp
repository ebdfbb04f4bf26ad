#include "likelihood/likelihood_fit.hpp"

#include <algorithm>
#include <cmath>

#include "common/text.hpp"

namespace dcmmm {
namespace {

constexpr double kStartShare = 0.03;      // of each channel, before anything is known
constexpr double kSmallestShare = 0.005;  // regions may differ in a channel that the nation seems not to need
constexpr int64_t kFirstSearch = 40, kSecondSearch = 25;  // evaluations of the components' likelihood
// Draws of the priors' centres (docs/model.md, "Intervals").
constexpr double kExponentSpread = 0.3, kHalfSpread = 0.5, kDecayLow = 0.2, kDecayHigh = 0.6;

Eigen::VectorXd slope_shares(const Mode& mode, int64_t channels) {
  return mode.linear.head(channels).cwiseMax(kSmallestShare);
}

}  // namespace

LikelihoodFit fit_likelihood(LikelihoodData data, const LikelihoodOptions& options, int64_t all_regions, int64_t future,
                             const RegionLoop& loop, const std::function<void(const std::string&)>& log) {
  LikelihoodFit fit;
  fit.options = options;
  fit.data = std::move(data);
  const int64_t C = fit.data.channels;
  const Shapes start = initial_shapes(options, C);
  Eigen::VectorXd shares = Eigen::VectorXd::Constant(C, kStartShare);

  // Components at the starting curves; residuals then say which regions and cells count how much.
  fit.estimate =
      estimate_components(fit.data, options, start, shares, initial_components(options.national, options.region_slopes),
                          all_regions, kFirstSearch, loop);
  fit.covariance = fix_covariance(fit.data, fit.estimate.components, start, shares, loop);
  fit.mode = find_mode(fit.data, options, fit.covariance, start, start, 3, loop);
  if (options.region_scales) refresh_scales(fit.data, fit.covariance, fit.mode, loop);
  const auto again = [&](int64_t steps) {
    shares = slope_shares(fit.mode, C);
    const Shapes shapes = fit.mode.shapes;
    fit.estimate = estimate_components(fit.data, options, shapes, shares, fit.estimate.components, all_regions,
                                       kSecondSearch, loop);
    fit.covariance = fix_covariance(fit.data, fit.estimate.components, shapes, shares, loop);
    fit.mode = find_mode(fit.data, options, fit.covariance, shapes, start, steps, loop);
  };
  again(options.max_steps);
  if (options.region_scales) refresh_scales(fit.data, fit.covariance, fit.mode, loop);
  again(options.max_steps);
  if (log)
    log(text("Variance components: ", describe(fit.estimate.components), "; ", fit.mode.steps, " Gauss-Newton steps"));

  // Slopes and national level at the final curves.
  const ColumnLayout layout{C, fit.data.controls, fit.data.patterns};
  fit.covariance = fix_covariance(fit.data, fit.estimate.components, fit.mode.shapes, slope_shares(fit.mode, C), loop);
  RegionPass pass{fit.data, layout, fit.mode.shapes, fit.mode.shapes, fit.estimate.components, {}, true, 0, 0, nullptr};
  pass.slopes =
      slope_columns(layout, fit.estimate.components, fit.covariance.slope_mean_C, fit.covariance.slope_shares);
  const PanelSums sums = sum_regions(pass, loop);
  Eigen::VectorXd raw = Eigen::VectorXd::Zero(layout.count());
  raw.head(layout.linear()) = -fit.mode.linear;
  for (int64_t c = 0; c < C; ++c) raw[c] = -fit.mode.coefficient(c);
  raw[layout.target()] = 1.0;
  fit.mode.weighted_residual_T = sums.weighted_TP * raw;
  fit.national_T = national_path(fit.covariance, sums.precision_TT, fit.mode, fit.data.weeks + future);
  return fit;
}

Mode refit_from_prior_draw(const LikelihoodFit& fit, RandomStream random, const RegionLoop& loop) {
  const LikelihoodOptions& options = fit.options;
  const int64_t C = fit.data.channels;
  const double exponent =
      std::max(options.exponent * std::exp(kExponentSpread * random.normal()), options.min_exponent + 0.1);
  const double half = options.half_saturation * std::exp(kHalfSpread * random.normal());
  const double decay = random.uniform(kDecayLow, kDecayHigh);
  Shapes center = fit.mode.prior_center;
  center.coordinates.head(C).setConstant(decay_coordinate(decay));
  center.coordinates.segment(C, C).setConstant(exponent_coordinate(exponent, options.min_exponent));
  center.coordinates.tail(C).setConstant(std::log(half));
  Shapes start = fit.mode.shapes;
  start.coordinates = 0.5 * (start.coordinates + center.coordinates);
  return find_mode(fit.data, options, fit.covariance, start, center, 6, loop);
}

RegionEffects region_effects(const LikelihoodFit& fit, int64_t region) {
  const LikelihoodData& data = fit.data;
  const int64_t C = data.channels, T = data.origin;
  RegionEffects out{Eigen::VectorXd::Zero(C), Eigen::VectorXd::Zero(data.patterns)};
  if (!fit.options.region_slopes || !data.is_usable(region)) return out;
  const ColumnLayout layout{C, data.controls, data.patterns};
  const auto slopes =
      slope_columns(layout, fit.estimate.components, fit.covariance.slope_mean_C, fit.covariance.slope_shares);
  RowMatrix columns(T, layout.count());
  fill_columns(data, layout, fit.mode.shapes, fit.mode.shapes, region, columns);
  RegionPrecision precision;
  precision.factor(data, region, fit.estimate.components, slopes, columns);
  Eigen::VectorXd raw = fit.mode.linear;
  for (int64_t c = 0; c < C; ++c) raw[c] = fit.mode.coefficient(c);
  Eigen::VectorXd residual =
      columns.col(layout.target()) - columns.leftCols(layout.linear()) * raw - fit.national_T.head(T);
  for (int64_t t = 0; t < T; ++t)
    if (data.weight_RT[region * data.weeks + t] == 0) residual[t] = 0;
  const Eigen::VectorXd scaled = precision.slopes(residual);
  for (size_t j = 0; j < slopes.size(); ++j) {
    const double value = scaled[static_cast<int64_t>(j)] * slopes[j].sd;
    if (slopes[j].column < C)
      out.media_C[slopes[j].column] = value;
    else
      out.pattern_S[slopes[j].column - C - data.controls] = value;
  }
  return out;
}

}  // namespace dcmmm
