#include "likelihood/likelihood_fit.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "common/counted.hpp"
#include "common/text.hpp"
#include "likelihood/counted_regions.hpp"
#include "likelihood/guessed_media.hpp"

namespace dcmmm {
namespace {

constexpr double kStartShare = 0.03;      // of each channel, before anything is known
constexpr double kSmallestShare = 0.005;  // regions may differ in a channel that the nation seems not to need
constexpr int kRounds = 3;
// Of more than the second number of regions (of fewer it would cost more than it saves) a sample of the first leads to
// where the last search, over all of them, begins; and fits from inner origins, which only their forecasts are wanted
// of, keep to it.
constexpr int64_t kSearchedRegions = 1000, kMostSearched = 4000;
constexpr int kFirstScales = 2;  // times that scales and weights are found for the regions outside of it
constexpr int64_t kFirstSearch = 40, kLaterSearch = 25, kUpdateSearch = 8;  // evaluations of the components' likelihood
// Gauss-Newton: first round, a draw, an inner origin, a look.
constexpr int64_t kFirstSteps = 3, kMemberSteps = 6, kInnerSteps = 2, kQuickSteps = 6;
constexpr uint64_t kPriorStream = uint64_t{1} << 59;  // of random numbers
constexpr uint64_t kChainSeed = 1;
// Curves are averaged over up to so many regions (with more they have little freedom left), and only where the columns
// that the chain keeps fit into half a GiB, all ranks together.
constexpr int64_t kMostAveragedRegions = 1000, kMostAveragedValues = int64_t{1} << 26;
constexpr int64_t kImputations = 24;  // of media that are guesses
// Of the panel's likelihood in the chain, and weeks of which but half the evidence counts (docs/likelihood.md).
constexpr double kPower = 0.75, kWeeksInDoubt = 40;
constexpr double kDriftWorth = 6.0;  // log likelihood that drift must gain (docs/likelihood.md)
// Draws of the priors' centres (docs/likelihood.md, "Intervals").
constexpr double kExponentSpread = 0.3, kHalfSpread = 0.4, kDecayLow = 0.15, kDecayHigh = 0.7, kPeakSpread = 0.5;

Eigen::VectorXd slope_shares(const Mode& mode, int64_t channels) {
  return mode.linear.head(channels).cwiseMax(kSmallestShare);
}

// Slopes, drift and the national level at the mode's own curves. `shares`: null, or what the shares are held at.
LikelihoodMember finish(const LikelihoodFit& fit, const Mode& found, const Eigen::VectorXd* shares, int64_t weeks,
                        const RegionLoop& loop) {
  const LikelihoodData& data = fit.data;
  const Components& components = fit.estimate.components;
  LikelihoodMember member;
  member.covariance = fix_covariance(
      data, components, freeze(data, found.shapes, slope_shares(found, data.channels), components.drift, loop), loop);
  member.mode = find_mode(data, fit.options, member.covariance, found.shapes, found.prior_center, 0, loop, shares);
  member.mode.steps = found.steps;
  member.national_T = national_path(member.covariance, member.mode, weeks);
  return member;
}

// What the panel alone says of the experiments, by its sample where there is one; their `fitted` is still to come.
std::vector<ExperimentReport> report_panel_alone(const LikelihoodData& data, const Mode& mode,
                                                 const CurveSample& sample) {
  const Eigen::LDLT<Eigen::MatrixXd> curvature(mode.curvature);
  std::vector<ExperimentReport> out;
  for (const Experiment& test : data.experiments) {
    const auto e = static_cast<int64_t>(out.size());
    const Eigen::VectorXd gradient = mode.lift_gradient_EA.row(e);
    out.push_back({test, std::sqrt(mode.lift_variance_E[e]), mode.lift_E[e],
                   std::sqrt(gradient.dot(curvature.solve(gradient))), 0.0});
    if (sample.lift_DE.rows() == 0) continue;
    const Eigen::VectorXd lift_D = sample.lift_DE.col(e);
    out.back().panel = lift_D.mean();
    out.back().panel_sd = std::sqrt((lift_D.array() - lift_D.mean()).square().mean());
  }
  return out;
}

// From the mode of the panel alone to that of panel and experiments. Variance components, scales and weights stay the
// panel's: a sum over many cells says nothing of them.
Mode enter_experiments(LikelihoodFit& fit, Mode mode, const Shapes& prior_center, const RegionLoop& loop) {
  const auto find = [&] {
    mode = find_mode(fit.data, fit.options, fit.covariance, mode.shapes, prior_center, fit.options.max_steps, loop);
  };
  fit.covariance.experiments = true;
  find();
  // Regions' differences and drift are shares of a channel's effect, which may be another one now.
  const Components& components = fit.estimate.components;
  fit.covariance = fix_covariance(
      fit.data, components,
      freeze(fit.data, mode.shapes, slope_shares(mode, fit.data.channels), components.drift, loop), loop);
  find();
  return mode;
}

// Components at given curves and shares, from those so far.
Frozen estimate(LikelihoodFit& fit, const Shapes& shapes, const Eigen::VectorXd& shares, int64_t all_regions,
                int64_t search, const RegionLoop& loop) {
  Frozen frozen = freeze(fit.data, shapes, shares, fit.estimate.components.drift, loop);
  fit.estimate = estimate_components(fit.data, fit.options, frozen, fit.estimate.components, all_regions, search, loop);
  return frozen;
}

// Whether coefficients drift: only where the likelihood is better by enough. With a variance component that the panel
// doesn't ask for, contributions by week only get noisier. If not, the fit is as if drift had never been thought of.
bool decide_drift(LikelihoodFit& fit, const Shapes& shapes, const Eigen::VectorXd& shares, int64_t all_regions,
                  int64_t search, const RegionLoop& loop) {
  const ComponentEstimate constant = fit.estimate;
  fit.estimate.components.drift = true;
  estimate(fit, shapes, shares, all_regions, search, loop);
  fit.drift_gain = fit.estimate.drift_gain;
  if (fit.drift_gain >= kDriftWorth) return true;
  fit.estimate = constant;
  fit.options.drift = Drift::kNone;
  return false;
}

// By how much more the draws should differ than under kPower: components, scales and weights are estimates, and the
// fewer weeks there are the worse ones. Of a lower power the draws would go apart like this, but their mean would come
// closer to the prior's.
double widening(const LikelihoodData& data, const RegionLoop& loop) {
  const std::vector<double> sums = loop.sum(2, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      if (!data.is_usable(r)) continue;
      const double* weight = data.weight_RT.data() + r * data.weeks;
      total[0] += static_cast<double>(std::count_if(weight, weight + data.origin, [](double w) { return w > 0; }));
      total[1] += 1;
    }
  });
  const double weeks = std::max(sums[0], 1.0) / std::max(sums[1], 1.0);
  return std::sqrt(kPower / std::min(kPower, weeks / (weeks + kWeeksInDoubt)));
}

bool can_average(const LikelihoodFit& fit, int64_t all_regions) {
  const LikelihoodData& data = fit.data;
  const int64_t columns = data.channels * (1 + fit.covariance.frozen.waves.count()) + data.controls + data.patterns + 1;
  return all_regions <= kMostAveragedRegions && all_regions * data.origin * 4 * columns <= kMostAveragedValues;
}

// The mode under a draw of the priors' centres.
Mode mode_of_draw(const LikelihoodFit& fit, const Mode& first, uint64_t seed, const RegionLoop& loop) {
  const LikelihoodOptions& options = fit.options;
  const int64_t C = fit.data.channels;
  RandomStream random(seed, kPriorStream);
  // Each draw has a part that all channels share and one of each channel's own.
  const double common_exponent = random.normal(), common_half = random.normal();
  Shapes center = first.prior_center;
  for (int64_t c = 0; c < C; ++c) {
    const double exponent = options.exponent * std::exp(kExponentSpread * (common_exponent + random.normal()));
    const double half = options.half_saturation * std::exp(kHalfSpread * (common_half + random.normal()));
    const double decay = random.uniform(kDecayLow, kDecayHigh);
    // What is known of a channel is no matter of taste: its centre stays.
    const ChannelPrior known = options.channel_priors.empty() ? ChannelPrior() : options.channel_priors[c];
    if (!known.decay) center.coordinates[c] = decay_coordinate(decay);
    if (!known.exponent)
      center.coordinates[C + c] = exponent_coordinate(
          std::min(std::max(exponent, options.min_exponent + 0.1), options.max_exponent), options.min_exponent);
    if (!known.half_saturation) center.coordinates[2 * C + c] = std::log(half);
    if (center.is_delayed(c)) center.coordinates[3 * C + c] += kPeakSpread * random.normal();
  }
  Shapes start = first.shapes;  // half-way between the draw and what the data say
  start.coordinates = 0.5 * (start.coordinates + center.coordinates);
  return find_mode(fit.data, options, fit.covariance, start, center, kMemberSteps, loop);
}

// Without a seed, the posterior's mean shares with the curves that suit them best; with one, a draw: seeds one after
// the other take draws that lie far from each other in the chain.
LikelihoodMember member_of_sample(const LikelihoodFit& fit, const Mode& mode, const std::optional<uint64_t>& seed,
                                  int64_t weeks, const RegionLoop& loop) {
  const int64_t C = fit.data.channels;
  Shapes shapes = mode.shapes;
  Eigen::VectorXd shares_C = fit.sample.linear_L.head(C);
  if (seed) {
    const double place = std::numbers::phi * static_cast<double>(*seed % (uint64_t{1} << 32));
    const auto draw =
        static_cast<int64_t>((place - std::floor(place)) * static_cast<double>(fit.sample.linear_DL.rows()));
    shapes.coordinates = fit.sample.coordinates_DS.row(draw);
    shares_C = fit.sample.linear_DL.row(draw).head(C);
  }
  const Mode found = find_mode(fit.data, fit.options, fit.covariance, shapes, mode.prior_center,
                               seed ? 0 : fit.options.max_steps, loop, &shares_C);
  return finish(fit, found, &shares_C, weeks, loop);
}

// The covariance at these curves and shares, and the effects under it by the panel alone.
Mode effects_at(LikelihoodFit& fit, const Shapes& shapes, const Eigen::VectorXd& shares, const Shapes& prior_center,
                const RegionLoop& loop) {
  fit.covariance = fix_covariance(fit.data, fit.estimate.components,
                                  freeze(fit.data, shapes, shares, fit.estimate.components.drift, loop), loop);
  fit.covariance.experiments = false;
  return find_mode(fit.data, fit.options, fit.covariance, shapes, prior_center, 0, loop);
}

// Components, shares and curves of an earlier fit; its scales and weights, refreshed by what the new weeks say.
Mode resume(const LikelihoodStart& start, const Shapes& center, LikelihoodFit& fit, const RegionLoop& loop) {
  fit.estimate.components.value = start.components;
  fit.data.error_scale_R = start.error_scale_R;
  for (size_t i = 0; i < fit.data.weight_RT.size(); ++i) fit.data.weight_RT[i] *= start.weight_RT[i];
  Shapes shapes = center;
  shapes.coordinates.head(start.shape_coordinates.size()) = start.shape_coordinates;
  if (start.peak_coordinates.size() == shapes.delayed_channels.size())
    for (size_t d = 0; d < start.peak_coordinates.size(); ++d)
      shapes.coordinates[3 * shapes.channels() + shapes.delayed_channels[d]] = start.peak_coordinates[d];
  Mode mode = effects_at(fit, shapes, start.shares, center, loop);
  if (fit.options.region_scales) refresh_scales(fit.data, fit.covariance, mode, loop);
  return mode;
}

}  // namespace

LikelihoodFit fit_likelihood(LikelihoodData data, const LikelihoodOptions& options,
                             const std::vector<std::optional<uint64_t>>& seeds, int64_t all_regions, int64_t future,
                             const RegionLoop& loop, const std::function<void(const std::string&)>& log,
                             const LikelihoodStart* start) {
  LikelihoodFit fit;
  fit.options = options;
  fit.data = std::move(data);
  const int64_t C = fit.data.channels;
  const Shapes center = initial_shapes(options, C);
  Eigen::VectorXd shares = Eigen::VectorXd::Constant(C, kStartShare);
  Shapes shapes = center;
  fit.estimate.components = initial_components(options.national, options.region_slopes, false);
  Mode mode;
  if (start) {
    mode = resume(*start, center, fit, loop);
    shapes = mode.shapes;
    shares = slope_shares(mode, C);
  }
  // Components at the curves so far, curves under them, then the residuals say which regions and cells count how much.
  const auto improve = [&](int64_t search, int64_t steps, bool is_last) {
    Frozen frozen = estimate(fit, shapes, shares, all_regions, search, loop);
    fit.covariance = fix_covariance(fit.data, fit.estimate.components, std::move(frozen), loop);
    fit.covariance.experiments = false;
    mode = find_mode(fit.data, options, fit.covariance, shapes, center, steps, loop);
    if (options.region_scales && !is_last) refresh_scales(fit.data, fit.covariance, mode, loop);
    shapes = mode.shapes;
    shares = slope_shares(mode, C);
  };
  const int64_t later_search = start ? kUpdateSearch : kLaterSearch;
  const bool on_sample =
      !start && all_regions > kMostSearched && count_sample(fit.data, kSearchedRegions, options, all_regions, loop);
  for (int round = start ? kRounds - 1 : 0; round < kRounds; ++round)
    improve(round == 0 ? kFirstSearch : later_search, round == 0 ? kFirstSteps : options.max_steps,
            round + 1 == kRounds);
  if (options.drift != Drift::kNone && decide_drift(fit, shapes, shares, all_regions, later_search, loop)) {
    if (!start) improve(kUpdateSearch, options.max_steps, false);
    improve(later_search, options.max_steps, true);
  }
  if (on_sample) {
    count_all(fit.data);
    for (int time = 0; time < kFirstScales; ++time) {
      // Effects of all regions, before residuals say what counts how much: outside of the sample may be what isn't in
      // it. Then shares are of the whole target, too.
      mode = effects_at(fit, shapes, shares, center, loop);
      shares = slope_shares(mode, C);
      if (options.region_scales) refresh_scales(fit.data, fit.covariance, mode, loop);
    }
    improve(kFirstSearch, options.max_steps, true);
  }
  // An update has to be quick, and takes a quarter.
  const int64_t draws = start ? std::max<int64_t>(options.curve_draws / 4, 1) : options.curve_draws;
  const bool may_average = options.curve_draws > 0 && can_average(fit, all_regions);
  const auto sample = [&] {
    return may_average ? sample_curves(CurveEvidence(fit.data, options, fit.covariance, center, loop, kPower), mode,
                                       draws, kChainSeed + options.seed)
                       : CurveSample();
  };
  if (!fit.data.experiments.empty()) {
    fit.experiments = report_panel_alone(fit.data, mode, sample());
    mode = enter_experiments(fit, std::move(mode), center, loop);
  }
  if (log)
    log(text("Variance components: ", describe(fit.estimate.components), "; negative log likelihood ",
             fit.estimate.negative_log, " after ", fit.estimate.evaluations, " evaluations, ", mode.steps,
             " Gauss-Newton steps"));
  if (log && options.drift != Drift::kNone)
    log(text("Drift of the coefficients raises the log likelihood by ", fit.drift_gain,
             fit.options.drift == Drift::kNone ? ": less than " : ": at least ", kDriftWorth,
             fit.options.drift == Drift::kNone ? ", so they stay constant" : ", so they move"));
  const int64_t weeks = fit.data.weeks + future;
  fit.sample = sample();
  const bool averages = fit.sample.linear_DL.rows() > 0;
  if (averages) {
    widen(fit.sample, C, widening(fit.data, loop));
    open_guesses(moves_by_guesses(fit.data, options, fit.covariance, mode, kImputations, loop), C, fit.sample);
  }
  fit.media_share = (averages ? fit.sample.linear_L : mode.linear).head(C).sum();
  if (log && !averages && options.curve_draws > 0)
    log(text("Curves are those of the posterior's mode, not averaged: ",
             may_average                          ? "its density there is no number"
             : all_regions > kMostAveragedRegions ? text("the panel has more than ", kMostAveragedRegions, " regions")
                                                  : std::string("the panel's columns would take more than half a GiB"),
             ". Without an ensemble (ensemble.members) there are no intervals of contributions."));
  if (averages) {
    const Eigen::VectorXd shares_C = fit.sample.linear_L.head(C);
    if (log)
      log(text("Curves averaged over ", counted(fit.sample.steps, "steps"), " (",
               counted(fit.sample.evaluations, "evaluations"),
               fit.sample.density_error > 0 ? text(" in a basis, log density within ", fit.sample.density_error) : "",
               "), ", draws, " of them kept: media ", 100 * shares_C.sum(), " % of the target, at the mode ",
               100 * mode.linear.head(C).sum(), " %"));
  }
  for (const auto& seed : seeds) {
    fit.members.push_back(averages
                              ? member_of_sample(fit, mode, seed, weeks, loop)
                              : finish(fit, seed ? mode_of_draw(fit, mode, *seed, loop) : mode, nullptr, weeks, loop));
    fit.members.back().seed = seed.value_or(0);
  }
  report_fitted(fit, loop);
  return fit;
}

ComponentEstimate quick_estimate(const LikelihoodData& data, const LikelihoodOptions& options,
                                 const std::optional<Components>& start, int64_t all_regions, const RegionLoop& loop) {
  const Shapes center = initial_shapes(options, data.channels);
  Frozen frozen = freeze(data, center, Eigen::VectorXd::Constant(data.channels, kStartShare), false, loop);
  const Components first =
      estimate_components(data, options, frozen,
                          start.value_or(initial_components(options.national, options.region_slopes, false)),
                          all_regions, start ? kUpdateSearch : kFirstSearch, loop)
          .components;
  const FixedCovariance covariance = fix_covariance(data, first, std::move(frozen), loop);
  const Mode mode = find_mode(data, options, covariance, center, center, kQuickSteps, loop);
  frozen = freeze(data, mode.shapes, slope_shares(mode, data.channels), false, loop);
  return estimate_components(data, options, frozen, first, all_regions, kUpdateSearch, loop);
}

LikelihoodFit refit_at_earlier_origin(const LikelihoodFit& fit, LikelihoodData data, int64_t all_regions,
                                      const RegionLoop& loop) {
  LikelihoodFit inner;
  inner.options = fit.options;
  inner.estimate = fit.estimate;
  inner.data = std::move(data);
  inner.data.error_scale_R = fit.data.error_scale_R;
  loop.each([&](Chunk chunk) {
    for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region)
      for (int64_t t = 0; t < inner.data.origin; ++t)
        inner.data.weight_RT[region * inner.data.weeks + t] *= fit.data.weight_RT[region * fit.data.weeks + t];
  });
  if (all_regions > kMostSearched) count_sample(inner.data, kSearchedRegions, fit.options, all_regions, loop);
  const Mode& mode = fit.members[0].mode;
  inner.covariance = fix_covariance(
      inner.data, fit.estimate.components,
      freeze(inner.data, mode.shapes, slope_shares(mode, inner.data.channels), fit.estimate.components.drift, loop),
      loop);
  const Mode found =
      find_mode(inner.data, fit.options, inner.covariance, mode.shapes, mode.prior_center, kInnerSteps, loop);
  inner.members.push_back(finish(inner, found, nullptr, inner.data.weeks, loop));
  return inner;
}

RowMatrix LikelihoodMember::drift_NC() const {
  if (gru_NC.size() > 0) return gru_NC;
  const Frozen& frozen = covariance.frozen;
  if (frozen.waves.count() == 0) return RowMatrix::Zero(national_T.size(), mode.shapes.channels());
  return frozen.path(mode.linear.tail(mode.shapes.channels() * frozen.waves.count()));
}

void report_fitted(LikelihoodFit& fit, const RegionLoop& loop) {
  if (fit.experiments.empty()) return;
  const LikelihoodMember& member = fit.members[0];
  const RowMatrix weekly_ET = weekly_lifts(fit.data, member.mode.shapes, loop), drift_NC = member.drift_NC();
  for (int64_t e = 0; e < weekly_ET.rows(); ++e) {
    ExperimentReport& report = fit.experiments[static_cast<size_t>(e)];
    if (fit.sample.lift_DE.rows() > 0) {
      report.fitted = fit.sample.lift_DE.col(e).mean();
      continue;
    }
    const int64_t c = report.test.channel;
    const Eigen::VectorXd drift_T = drift_NC.col(c).head(fit.data.origin);
    report.fitted = member.mode.coefficient(c) * (weekly_ET.row(e).sum() + weekly_ET.row(e).dot(drift_T));
  }
}

RegionEffects region_effects(const LikelihoodFit& fit, const LikelihoodMember& member, int64_t region) {
  const LikelihoodData& data = fit.data;
  const int64_t C = data.channels, T = data.origin;
  RegionEffects out{Eigen::VectorXd::Zero(C), Eigen::VectorXd::Zero(data.patterns)};
  if (!fit.options.region_slopes || !data.is_usable(region)) return out;
  const Frozen& frozen = member.covariance.frozen;
  const ColumnLayout layout{C, data.controls, data.patterns, 0, false, frozen.waves.count()};
  const Components& components = fit.estimate.components;
  const auto slopes = slope_columns(layout, components, frozen);
  RowMatrix columns(T, layout.count());
  fill_columns(data, layout, member.mode.shapes, &frozen, region, columns);
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
