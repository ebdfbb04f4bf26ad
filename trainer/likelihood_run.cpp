#include "trainer/likelihood_run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "model/missing_media.hpp"
#include "model/seasonality.hpp"
#include "trainer/drift_gru.hpp"
#include "trainer/likelihood_data.hpp"
#include "trainer/panel_scales.hpp"

// E members, R regions, C channels, K controls, S patterns, N weeks with a national level.
namespace dcmmm {
namespace {

constexpr int64_t kForecastWeeks = 260;        // after the panel, for which the national level's path is kept
constexpr double kSmallestCoefficient = 1e-6;  // softplus can't reach zero

// softplus^-1.
double raw_coefficient(double value) { return inverse_softplus(value, kSmallestCoefficient); }

at::Tensor tensor_of(const Eigen::VectorXd& values) {
  return at::from_blob(const_cast<double*>(values.data()), {values.size()}, at::kDouble).clone();
}

// What all regions share, of one member.
void set_shared(const ParameterLayout& layout, const Mode& mode, int64_t controls, int64_t patterns,
                at::Tensor shared_1P) {
  const int64_t C = mode.shapes.channels();
  const at::Tensor linear = tensor_of(mode.linear), shapes = tensor_of(mode.shapes.coordinates);
  const auto set = [&](const char* name, const at::Tensor& values) {
    layout.view(shared_1P, name).copy_(values.unsqueeze(0));
  };
  set("adstock.decay_logit", shapes.narrow(0, 0, C));
  set("hill.exponent_raw", shapes.narrow(0, C, C));
  set("hill.log_half_saturation", shapes.narrow(0, 2 * C, C));
  if (layout.has("adstock.peak_logit"))
    set("adstock.peak_logit",
        shapes.narrow(0, 3 * C, C).index_select(0, at::tensor(mode.shapes.delayed_channels, at::kLong)));
  set("control.coefficient", linear.narrow(0, C, controls));
  set("pattern.coefficient", linear.narrow(0, C + controls, patterns));
  at::Tensor log_mean = at::empty({C}, at::kDouble);
  for (int64_t c = 0; c < C; ++c) log_mean[c] = raw_coefficient(mode.coefficient(c));
  set("coefficient.log_mean", log_mean);
}

// What moves the coefficients' inverse softplus over all weeks that have a national level: the GRU's path goes on after
// the training weeks, the waves stay where they ended.
at::Tensor drift_of(const LikelihoodMember& member, int64_t weeks) {
  const RowMatrix relative_NC = member.drift_NC();
  const int64_t C = relative_NC.cols();
  at::Tensor out = at::empty({weeks, C}, at::kDouble);
  auto value = out.accessor<double, 2>();
  for (int64_t c = 0; c < C; ++c) {
    const double mean = member.mode.coefficient(c), level = raw_coefficient(mean);
    for (int64_t t = 0; t < weeks; ++t)
      value[t][c] = raw_coefficient(mean * (1 + relative_NC(std::min(t, relative_NC.rows() - 1), c))) - level;
  }
  return out;
}

// A region's own part, of one member.
void set_region(Fit& fit, const LikelihoodFit& likelihood, int64_t e, int64_t region, const at::Tensor& local_L) {
  const LikelihoodMember& member = likelihood.members[e];
  const LikelihoodData& data = likelihood.data;
  const RegionEffects effects = region_effects(likelihood, member, region);
  const ParameterLayout& layout = fit.model.layout();
  at::Tensor offset = layout.view(local_L.unsqueeze(0), "coefficient.region_effect")[0];
  for (int64_t c = 0; c < data.channels; ++c) {
    const double mean = member.mode.coefficient(c);
    offset[c] = raw_coefficient(mean + effects.media_C[c]) - raw_coefficient(mean);
  }
  layout.view(local_L.unsqueeze(0), "pattern.region_effect")[0].copy_(tensor_of(effects.pattern_S));
  const Components& components = likelihood.estimate.components;
  const double log_size = data.log_size_R[region], scale = data.error_scale_R[region],
               persistence = components.level_persistence();
  fit.data.stiffness_ER[e][region] = components.noise_variance(log_size, scale) /
                                     (components.level_variance(log_size, scale) * (1.0 - persistence * persistence));
}

std::unique_ptr<Fit> empty_fit(const Panel& panel, const ModelOptions& model, const TrainerOptions& trainer,
                               const std::vector<Member>& members, RegionPlan plan, Communicator& communicator) {
  auto fit = std::make_unique<Fit>(model, trainer, panel, std::move(plan), communicator);
  fit->members = static_cast<int64_t>(members.size());
  // In double: curves and effects were found so, and a float's rounding would show in the results.
  fit->options.float64 = true;
  fit->data = make_fit_data(panel, members, at::kDouble, fit->loop, &fit->notes);
  return fit;
}

// Puts what the likelihood found into the fit's parameters, weights and levels.
void fill(Fit& fit, std::shared_ptr<const LikelihoodFit> found) {
  const LikelihoodFit& likelihood = *found;
  FitData& data = fit.data;
  const int64_t weeks = data.weeks, path = likelihood.members[0].national_T.size();
  at::Tensor shared = initial_shared(fit.model.layout(), fit.model.options(), data.members);
  for (int64_t e = 0; e < fit.members; ++e)
    set_shared(fit.model.layout(), likelihood.members[e].mode, data.controls, likelihood.data.patterns,
               shared.narrow(0, e, 1));
  fit.anchor.prior_center_EP = shared.clone();
  const int64_t terms = data.channels + data.controls + likelihood.data.patterns;
  fit.anchor.ridge_metric_EF = at::zeros({fit.members, terms}, at::kDouble);
  fit.anchor.ridge_center_EF = at::zeros({fit.members, terms}, at::kDouble);
  fit.anchor.variance_E.assign(static_cast<size_t>(fit.members), 1.0);
  fit.state = make_fit_state(fit.model.layout(), data, shared);
  fit.state.step = fit.options.steps;
  data.national_EN = at::zeros({fit.members, path}, at::kDouble);
  if (likelihood.options.drift != Drift::kNone)
    data.drift_ENC = at::zeros({fit.members, path, data.channels}, at::kDouble);
  for (int64_t e = 0; e < fit.members; ++e) {
    data.persistence_E[e] = likelihood.estimate.components.level_persistence();
    data.national_EN[e].copy_(tensor_of(likelihood.members[e].national_T));
    if (data.drift_ENC.defined()) data.drift_ENC[e].copy_(drift_of(likelihood.members[e], path));
  }
  fit.loop.each([&](Chunk chunk) {
    const auto weight_nT = at::from_blob(const_cast<double*>(likelihood.data.weight_RT.data()) + chunk.first * weeks,
                                         {chunk.count, weeks}, at::kDouble);
    for (int64_t e = 0; e < fit.members; ++e) {
      data.cell_weight_ERT[e].narrow(0, chunk.first, chunk.count).copy_(weight_nT);
#pragma omp parallel for schedule(dynamic)
      for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region)
        if (likelihood.data.is_usable(region)) set_region(fit, likelihood, e, region, fit.state.local_ERL[e][region]);
    }
  });
  fit.likelihood = std::move(found);
}

// Spend on each channel over the observed training cells of all ranks; none where the panel has none. Puts the regions'
// own into `spend_RC` where it isn't null.
std::vector<double> training_spend(const Panel& panel, int64_t origin, const RegionLoop& loop,
                                   std::vector<double>* spend_RC) {
  const int64_t C = panel.channels(), T = panel.weeks();
  if (!panel.coordinates.has_spend) return {};
  if (spend_RC != nullptr) spend_RC->assign(static_cast<size_t>(panel.regions * C), 0.0);
  return loop.sum(C, [&](Chunk chunk, std::span<double> total) {
    const RegionBlock block(panel, chunk.first, chunk.count);
    std::vector<double> spend_C(static_cast<size_t>(C));
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      std::fill(spend_C.begin(), spend_C.end(), 0.0);
      for (int64_t t = 0; t < origin; ++t)
        if (panel.observed_RT[r * T + t] != 0)
          for (int64_t c = 0; c < C; ++c) spend_C[c] += block.spend_TC(r)[t * C + c];
      for (int64_t c = 0; c < C; ++c) total[c] += spend_C[c];
      if (spend_RC != nullptr) std::copy(spend_C.begin(), spend_C.end(), spend_RC->begin() + r * C);
    }
  });
}

// The spend that known ROIs speak of.
void take_spend(const Panel& panel, const LikelihoodOptions& options, const RegionLoop& loop, LikelihoodData& data) {
  const auto has_roi = [](const ChannelPrior& known) { return known.roi.has_value(); };
  data.has_region_spend =
      panel.coordinates.has_spend && std::any_of(options.channel_priors.begin(), options.channel_priors.end(), has_roi);
  data.spend_C = training_spend(panel, data.origin, loop, data.has_region_spend ? &data.spend_RC : nullptr);
}

// Priors that the likelihood couldn't follow: centres beyond the exponents' bound, from where no data lead back, and
// the ROI of a channel on which nothing was spent.
void check_priors(const PanelCoordinates& names, const LikelihoodOptions& options, const std::vector<double>& spend_C) {
  const auto check_exponent = [&](const std::string& key, double center) {
    if (center >= options.max_exponent)
      throw UserError(text("'", key, "' is ", shortest(center),
                           ", but expected a number below model.hill.max_exponent (", shortest(options.max_exponent),
                           "): it is the prior's centre."));
  };
  check_exponent("model.likelihood.exponent", options.exponent);
  for (size_t c = 0; c < options.channel_priors.size(); ++c) {
    const ChannelPrior& known = options.channel_priors[c];
    if (known.exponent) check_exponent(text("model.priors.", names.channels[c], ".exponent"), known.exponent->mean);
    if (known.roi && (spend_C.empty() || !(spend_C[c] > 0)))
      throw UserError(text("'model.priors' has an roi of ", names.channels[c],
                           ", which has no spend in the training weeks. Leave it out."));
  }
}

// Says where media of training cells are guesses.
void mark_guesses(const Panel& panel, const RegionLoop& loop, LikelihoodData& data) {
  data.has_row_RT.resize(data.target_RT.size());
  const std::vector<double> missing = loop.sum(1, [&](Chunk chunk, std::span<double> total) {
    const std::vector<uint8_t> has_row_nT = cells_with_rows(panel, chunk.first, chunk.count);
    std::copy(has_row_nT.begin(), has_row_nT.end(), data.has_row_RT.begin() + chunk.first * data.weeks);
    for (size_t cell = 0; cell < has_row_nT.size(); ++cell)
      total[0] += static_cast<int64_t>(cell) % data.weeks < data.origin && has_row_nT[cell] == 0;
  });
  data.has_guesses = missing[0] > 0;
}

// The plain fit's coefficients follow a GRU in place of the waves. Its inputs: the waves and the season.
void move_by_gru(const Fit& fit, LikelihoodFit& likelihood, const std::function<void(const std::string&)>& log) {
  LikelihoodMember& plain = likelihood.members[0];
  const int64_t weeks = plain.national_T.size(), seasons = int64_t{2} * fit.model.options().harmonics;
  const Waves waves = drift_waves(likelihood.data.origin, weeks, likelihood.data.year);
  if (waves.count() == 0) return;
  const at::Tensor season_NS = temporal_patterns(fit.model.options(), fit.model.seasonal_period(), 0, weeks)
                                   .narrow(1, 0, seasons)
                                   .to(at::kDouble);
  const at::Tensor wave_NB =
      at::from_blob(const_cast<double*>(waves.value_NB.data()), {weeks, waves.count()}, at::kDouble);
  const DriftObjective objective(likelihood.data, likelihood.options, plain.covariance, plain.mode,
                                 fit.data.all_regions, fit.loop);
  DriftGruOptions options;
  options.hidden = fit.model.options().hidden;
  options.seed = likelihood.options.seed;
  const DriftGruFit trained = train_drift_gru(objective, at::cat({wave_NB, season_NS}, 1), options);
  plain.gru_NC = trained.path_NC;
  report_fitted(likelihood, fit.loop);
  if (log)
    log(text("GRU over time: ", options.steps, " steps lower the negative log posterior by ",
             trained.first_objective - trained.last_objective));
}

// An earlier run's scales stay: its curves are in them.
PanelScales scales_of(const Panel& panel, const ModelOptions& model, const LikelihoodOptions& likelihood,
                      int64_t origin, const RegionLoop& loop, const std::function<void(const std::string&)>& log,
                      const LikelihoodStart* start) {
  if (start == nullptr) return choose_panel_scales(panel, model, likelihood, origin, loop, log);
  if (model.media_unit != MediaUnit::kAuto && model.media_unit != start->media_unit)
    throw UserError(text("'model.media.unit' is '", name_of(model.media_unit),
                         "', but the run of run.init measured media per ", name_of(start->media_unit),
                         ", and its curves are in that unit. Leave the word out, or train "
                         "without run.init."));
  check_media_unit(panel, start->media_unit, loop);
  return {start->media_unit, start->size_offset};
}

}  // namespace

std::vector<ChannelIdentification> identify_channels(const Panel& panel, const ModelOptions& options, int64_t origin,
                                                     const RegionLoop& loop) {
  const FitData data = make_fit_data(panel, {member_of(options, origin, 0)}, at::kDouble, loop);
  const at::Tensor patterns = temporal_patterns(options, seasonal_period(panel.coordinates.step), 0, panel.weeks());
  return identify_channels(likelihood_data(data, 0, patterns, seasonal_period(panel.coordinates.step), loop), loop);
}

ModelOptions options_of_likelihood(ModelOptions model, const LikelihoodOptions& likelihood) {
  model.min_exponent = likelihood.min_exponent;
  model.exponent = likelihood.exponent;
  model.region_patterns = true;
  model.gru = false;
  return model;
}

std::unique_ptr<Fit> fit_by_likelihood(const Panel& panel, const ModelOptions& given,
                                       const LikelihoodOptions& likelihood, const TrainerOptions& trainer,
                                       int64_t origin, const std::vector<std::optional<uint64_t>>& seeds,
                                       RegionPlan plan, Communicator& communicator,
                                       const std::function<void(const std::string&)>& log,
                                       const LikelihoodStart* start) {
  ModelOptions model = given;
  LikelihoodOptions options = likelihood;
  options.delayed_channels = with_names(given, panel.coordinates.channels, panel.coordinates.controls).delayed_channels;
  options.max_exponent = given.max_exponent;
  const RegionLoop loop(plan, communicator);
  check_priors(panel.coordinates, options, training_spend(panel, origin, loop, nullptr));
  const PanelScales scales = scales_of(panel, given, options, origin, loop, log, start);
  model.media_unit = scales.media_unit;
  model.size_offset = scales.size_offset;
  std::vector<Member> members;
  members.reserve(seeds.size());
  for (const auto& seed : seeds) members.push_back(member_of(model, origin, seed.value_or(0)));
  auto fit = empty_fit(panel, model, trainer, members, std::move(plan), communicator);
  const at::Tensor patterns = temporal_patterns(model, fit->model.seasonal_period(), 0, panel.weeks());
  LikelihoodData data = likelihood_data(fit->data, 0, patterns, fit->model.seasonal_period(), fit->loop);
  take_spend(panel, options, fit->loop, data);
  mark_guesses(panel, fit->loop, data);
  data.experiments = experiments_within(options.experiments, 0, origin);
  auto found = std::make_shared<LikelihoodFit>(
      fit_likelihood(std::move(data), options, seeds, fit->data.all_regions, kForecastWeeks, fit->loop, log, start));
  if (found->options.drift == Drift::kGru && !seeds.empty() && !seeds[0]) move_by_gru(*fit, *found, log);
  fill(*fit, std::move(found));
  return fit;
}

InnerPredictions likelihood_predictions(const Fit& fit, const std::vector<int64_t>& origins) {
  return [&fit, origins](int64_t place) -> Predictions {
    Member member = fit.data.members[0];
    member.origin = origins[static_cast<size_t>(place)];
    const std::shared_ptr<Fit> at_origin =
        empty_fit(fit.panel, fit.model.options(), fit.options, {member}, fit.loop.plan(), fit.loop.communicator());
    const at::Tensor patterns =
        temporal_patterns(fit.model.options(), fit.model.seasonal_period(), 0, fit.panel.weeks());
    LikelihoodData data = likelihood_data(at_origin->data, 0, patterns, fit.model.seasonal_period(), fit.loop);
    take_spend(fit.panel, fit.likelihood->options, fit.loop, data);
    data.experiments = experiments_within(fit.likelihood->options.experiments, 0, member.origin);
    fill(*at_origin, std::make_shared<LikelihoodFit>(
                         refit_at_earlier_origin(*fit.likelihood, std::move(data), fit.data.all_regions, fit.loop)));
    at_origin->likelihood = nullptr;  // its curves and effects are in the parameters now
    return [at_origin](Chunk chunk, int64_t weeks) {
      const at::Tensor usable = at_origin->data.region_weight_ER[0].narrow(0, chunk.first, chunk.count) > 0;
      const at::Tensor scale = at_origin->data.target_scale_ER[0].narrow(0, chunk.first, chunk.count);
      return at::where(usable, scale, at::full_like(scale, std::numeric_limits<double>::quiet_NaN())).unsqueeze(-1) *
             scaled_prediction(*at_origin, chunk, weeks)[0].to(at::kDouble);
    };
  };
}

}  // namespace dcmmm
