#include "trainer/likelihood_run.hpp"

#include <algorithm>
#include <cmath>

#include "model/seasonality.hpp"
#include "trainer/likelihood_data.hpp"

// E members, R regions, C channels, K controls, S patterns, N weeks with a national level.
namespace dcmmm {
namespace {

constexpr int64_t kForecastWeeks = 260;        // after the panel, for which the national level's path is kept
constexpr double kSmallestCoefficient = 1e-6;  // softplus can't reach zero

double inverse_softplus(double value) { return std::log(std::expm1(std::max(value, kSmallestCoefficient))); }

at::Tensor tensor_of(const Eigen::VectorXd& values) {
  return at::from_blob(const_cast<double*>(values.data()), {values.size()}, at::kDouble).clone();
}

// What all regions share, of one member.
void set_shared(const ParameterLayout& layout, const Mode& mode, int64_t controls, at::Tensor shared_1P) {
  const int64_t C = mode.shapes.channels();
  const at::Tensor linear = tensor_of(mode.linear), shapes = tensor_of(mode.shapes.coordinates);
  const auto set = [&](const char* name, const at::Tensor& values) {
    layout.view(shared_1P, name).copy_(values.unsqueeze(0));
  };
  set("adstock.decay_logit", shapes.narrow(0, 0, C));
  set("hill.exponent_raw", shapes.narrow(0, C, C));
  set("hill.log_half_saturation", shapes.narrow(0, 2 * C, C));
  set("control.coefficient", linear.narrow(0, C, controls));
  set("pattern.coefficient", linear.narrow(0, C + controls, linear.size(0) - C - controls));
  at::Tensor log_mean = at::empty({C}, at::kDouble);
  for (int64_t c = 0; c < C; ++c) log_mean[c] = inverse_softplus(mode.coefficient(c));
  set("coefficient.log_mean", log_mean);
}

// A region's own part, of one member.
void set_region(Fit& fit, const LikelihoodFit& likelihood, int64_t e, int64_t region, at::Tensor local_L) {
  const LikelihoodMember& member = likelihood.members[e];
  const LikelihoodData& data = likelihood.data;
  const RegionEffects effects = region_effects(likelihood, member, region);
  const ParameterLayout& layout = fit.model.layout();
  at::Tensor offset = layout.view(local_L.unsqueeze(0), "coefficient.region_effect")[0];
  for (int64_t c = 0; c < data.channels; ++c) {
    const double mean = member.mode.coefficient(c);
    offset[c] = inverse_softplus(mean + effects.media_C[c]) - inverse_softplus(mean);
  }
  layout.view(local_L.unsqueeze(0), "pattern.region_effect")[0].copy_(tensor_of(effects.pattern_S));
  const Components& components = likelihood.estimate.components;
  const double log_size = data.log_size_R[region], scale = data.error_scale_R[region],
               persistence = components.level_persistence();
  fit.data.stiffness_ER[e][region] = components.noise_variance(log_size, scale) /
                                     (components.level_variance(log_size, scale) * (1.0 - persistence * persistence));
}

}  // namespace

std::vector<ChannelIdentification> identify_channels(const Panel& panel, const ModelOptions& options, int64_t origin,
                                                     const RegionLoop& loop) {
  const FitData data = make_fit_data(panel, {member_of(options, origin, 0)}, at::kDouble, loop);
  const at::Tensor patterns = temporal_patterns(options, seasonal_period(panel.coordinates.step), 0, panel.weeks());
  return identify_channels(likelihood_data(data, 0, patterns, loop), loop);
}

ModelOptions options_of_likelihood(ModelOptions model, const LikelihoodOptions& likelihood) {
  model.min_exponent = likelihood.min_exponent;
  model.exponent = likelihood.exponent;
  model.region_patterns = true;
  model.gru = false;
  return model;
}

LikelihoodRun fit_by_likelihood(const Panel& panel, const ModelOptions& model, const LikelihoodOptions& likelihood,
                                const TrainerOptions& trainer, int64_t origin, const std::vector<uint64_t>& seeds,
                                RegionPlan plan, Communicator& communicator,
                                const std::function<void(const std::string&)>& log) {
  LikelihoodRun run;
  run.fit = std::make_unique<Fit>(model, trainer, panel, std::move(plan), communicator);
  Fit& fit = *run.fit;
  fit.members = static_cast<int64_t>(seeds.size());
  std::vector<Member> members;
  for (const uint64_t seed : seeds) members.push_back(member_of(model, origin, seed));
  // In double: curves and effects were found so, and a float's rounding would show in the results.
  fit.options.float64 = true;
  fit.data = make_fit_data(panel, members, at::kDouble, fit.loop);
  const at::Tensor patterns = temporal_patterns(model, fit.model.seasonal_period(), 0, panel.weeks());
  run.likelihood = fit_likelihood(likelihood_data(fit.data, 0, patterns, fit.loop), likelihood, seeds,
                                  fit.data.all_regions, kForecastWeeks, fit.loop, log);

  at::Tensor shared = initial_shared(fit.model.layout(), model, members);
  for (int64_t e = 0; e < fit.members; ++e)
    set_shared(fit.model.layout(), run.likelihood.members[e].mode, fit.data.controls, shared.narrow(0, e, 1));
  fit.anchor.prior_center_EP = shared.clone();
  const int64_t terms = fit.data.channels + fit.data.controls + patterns.size(1);
  fit.anchor.ridge_metric_EF = at::zeros({fit.members, terms}, at::kDouble);
  fit.anchor.ridge_center_EF = at::zeros({fit.members, terms}, at::kDouble);
  fit.anchor.variance_E.assign(seeds.size(), 1.0);
  fit.state = make_fit_state(fit.model.layout(), fit.data, shared);
  fit.state.step = trainer.steps;

  const at::Tensor weight_RT =
      at::from_blob(run.likelihood.data.weight_RT.data(), {fit.data.regions, fit.data.weeks}, at::kDouble);
  fit.data.national_EN = at::zeros({fit.members, panel.weeks() + kForecastWeeks}, at::kDouble);
  for (int64_t e = 0; e < fit.members; ++e) {
    fit.data.cell_weight_ERT[e].copy_(weight_RT);
    fit.data.persistence_E[e] = run.likelihood.estimate.components.level_persistence();
    fit.data.national_EN[e].copy_(tensor_of(run.likelihood.members[e].national_T));
    for (int64_t region = 0; region < fit.data.regions; ++region)
      if (run.likelihood.data.is_usable(region))
        set_region(fit, run.likelihood, e, region, fit.state.local_ERL[e][region]);
  }
  return run;
}

}  // namespace dcmmm
