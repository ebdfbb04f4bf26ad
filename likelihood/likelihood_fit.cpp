#include "likelihood/likelihood_fit.hpp"

#include <algorithm>
#include <cmath>

#include "common/text.hpp"

namespace dcmmm {
namespace {

constexpr double kStartShare = 0.03;      // of each channel, before anything is known
constexpr double kSmallestShare = 0.005;  // regions may differ in a channel that the nation seems not to need
constexpr int kRounds = 3;
constexpr int64_t kFirstSearch = 40, kLaterSearch = 25;  // evaluations of the components' likelihood
constexpr int64_t kFirstSteps = 3, kMemberSteps = 6;     // Gauss-Newton, of the first round and of a draw
constexpr uint64_t kPriorStream = uint64_t{1} << 59;     // of random numbers
// Draws of the priors' centres (docs/model.md, "Intervals").
constexpr double kExponentSpread = 0.3, kHalfSpread = 0.5, kDecayLow = 0.2, kDecayHigh = 0.6;

Eigen::VectorXd slope_shares(const Mode& mode, int64_t channels) {
  return mode.linear.head(channels).cwiseMax(kSmallestShare);
}

// Slopes and the national level at the mode's own curves.
LikelihoodMember finish(const LikelihoodFit& fit, Mode mode, int64_t weeks, const RegionLoop& loop) {
  const LikelihoodData& data = fit.data;
  const int64_t C = data.channels;
  const Components& components = fit.estimate.components;
  LikelihoodMember member;
  member.covariance = fix_covariance(data, components, mode.shapes, slope_shares(mode, C), loop);
  const ColumnLayout layout{C, data.controls, data.patterns};
  RegionPass pass{data, layout, mode.shapes, mode.shapes, components, {}, true, 0, 0, nullptr};
  pass.slopes = slope_columns(layout, components, member.covariance.slope_mean_C, member.covariance.slope_shares);
  const PanelSums sums = sum_regions(pass, loop);
  Eigen::VectorXd raw = Eigen::VectorXd::Zero(layout.count());
  raw.head(layout.linear()) = -mode.linear;
  for (int64_t c = 0; c < C; ++c) raw[c] = -mode.coefficient(c);
  raw[layout.target()] = 1.0;
  mode.weighted_residual_T = sums.weighted_TP * raw;
  member.national_T = national_path(member.covariance, sums.precision_TT, mode, weeks);
  member.mode = std::move(mode);
  return member;
}

// The mode under a draw of the priors' centres.
Mode mode_of_draw(const LikelihoodFit& fit, const Mode& first, uint64_t seed, const RegionLoop& loop) {
  const LikelihoodOptions& options = fit.options;
  const int64_t C = fit.data.channels;
  RandomStream random(seed, kPriorStream);
  const double exponent =
      std::max(options.exponent * std::exp(kExponentSpread * random.normal()), options.min_exponent + 0.1);
  const double half = options.half_saturation * std::exp(kHalfSpread * random.normal());
  const double decay = random.uniform(kDecayLow, kDecayHigh);
  Shapes center = first.prior_center;
  center.coordinates.head(C).setConstant(decay_coordinate(decay));
  center.coordinates.segment(C, C).setConstant(exponent_coordinate(exponent, options.min_exponent));
  center.coordinates.tail(C).setConstant(std::log(half));
  Shapes start = first.shapes;  // half-way between the draw and what the data say
  start.coordinates = 0.5 * (start.coordinates + center.coordinates);
  return find_mode(fit.data, options, fit.covariance, start, center, kMemberSteps, loop);
}

}  // namespace

LikelihoodFit fit_likelihood(LikelihoodData data, const LikelihoodOptions& options, const std::vector<uint64_t>& seeds,
                             int64_t all_regions, int64_t future, const RegionLoop& loop,
                             const std::function<void(const std::string&)>& log) {
  LikelihoodFit fit;
  fit.options = options;
  fit.data = std::move(data);
  const int64_t C = fit.data.channels;
  const Shapes start = initial_shapes(options, C);
  Eigen::VectorXd shares = Eigen::VectorXd::Constant(C, kStartShare);
  Shapes shapes = start;
  fit.estimate.components = initial_components(options.national, options.region_slopes);
  Mode mode;
  // Components at the curves so far, curves under them, then the residuals say which regions and cells count how much.
  for (int round = 0; round < kRounds; ++round) {
    fit.estimate = estimate_components(fit.data, options, shapes, shares, fit.estimate.components, all_regions,
                                       round == 0 ? kFirstSearch : kLaterSearch, loop);
    fit.covariance = fix_covariance(fit.data, fit.estimate.components, shapes, shares, loop);
    mode =
        find_mode(fit.data, options, fit.covariance, shapes, start, round == 0 ? kFirstSteps : options.max_steps, loop);
    if (options.region_scales && round + 1 < kRounds) refresh_scales(fit.data, fit.covariance, mode, loop);
    shapes = mode.shapes;
    shares = slope_shares(mode, C);
  }
  if (log)
    log(text("Variance components: ", describe(fit.estimate.components), "; ", mode.steps, " Gauss-Newton steps"));
  const int64_t weeks = fit.data.weeks + future;
  for (size_t member = 1; member < seeds.size(); ++member)
    fit.members.push_back(finish(fit, mode_of_draw(fit, mode, seeds[member], loop), weeks, loop));
  fit.members.insert(fit.members.begin(), finish(fit, mode, weeks, loop));
  return fit;
}

RegionEffects region_effects(const LikelihoodFit& fit, const LikelihoodMember& member, int64_t region) {
  const LikelihoodData& data = fit.data;
  const int64_t C = data.channels, T = data.origin;
  RegionEffects out{Eigen::VectorXd::Zero(C), Eigen::VectorXd::Zero(data.patterns)};
  if (!fit.options.region_slopes || !data.is_usable(region)) return out;
  const ColumnLayout layout{C, data.controls, data.patterns};
  const Components& components = fit.estimate.components;
  const auto slopes = slope_columns(layout, components, member.covariance.slope_mean_C, member.covariance.slope_shares);
  RowMatrix columns(T, layout.count());
  fill_columns(data, layout, member.mode.shapes, member.mode.shapes, region, columns);
  RegionPrecision precision;
  precision.factor(data, region, components, slopes, columns);
  Eigen::VectorXd raw = member.mode.linear;
  for (int64_t c = 0; c < C; ++c) raw[c] = member.mode.coefficient(c);
  Eigen::VectorXd residual =
      columns.col(layout.target()) - columns.leftCols(layout.linear()) * raw - member.national_T.head(T);
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
