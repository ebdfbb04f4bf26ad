#include "launch/settings.hpp"

#include <optional>
#include <set>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"
#include "launch/priors.hpp"
#include "launch/schema.hpp"
#include "trainer/device_descent.hpp"
#include "trainer/likelihood_run.hpp"

namespace dcmmm {

namespace {

LikelihoodOptions likelihood_options(const Value& config) {
  const auto number = [&](const char* key) { return get<double>(config, key); };
  LikelihoodOptions out;
  out.decay = number("model.adstock.decay");
  out.decay_prior_sd = number("model.adstock.prior_sd");
  out.min_exponent = number("model.likelihood.min_exponent");
  out.exponent = number("model.likelihood.exponent");
  out.exponent_prior_sd = number("model.likelihood.exponent_prior_sd");
  out.half_saturation = number("model.hill.half_saturation");
  out.half_saturation_prior_sd = number("model.hill.half_saturation_prior_sd");
  out.exponent_correlation = number("model.likelihood.exponent_correlation");
  out.max_lag = get<int64_t>(config, "model.adstock.max_lag");
  out.peak = number("model.adstock.peak");
  out.peak_prior_sd = number("model.adstock.peak_prior_sd");
  out.share_prior_sd = number("model.likelihood.share_sd");
  out.control_prior_sd = number("model.likelihood.control_sd");
  out.event_prior_sd = number("model.likelihood.event_sd");
  out.pattern_prior_sd = number("model.likelihood.seasonality_sd");
  out.national = get<bool>(config, "model.likelihood.national");
  const auto drift = get<std::string>(config, "model.likelihood.drift");
  out.drift = drift == "gru" ? Drift::kGru : drift == "waves" ? Drift::kWaves : Drift::kNone;
  out.region_slopes = get<bool>(config, "model.likelihood.region_slopes");
  out.region_scales = get<bool>(config, "model.likelihood.region_scales");
  out.max_steps = get<int64_t>(config, "model.likelihood.max_steps");
  out.curve_draws = get<int64_t>(config, "model.likelihood.curve_draws");
  if (out.exponent <= out.min_exponent) {
    throw UserError(text("'model.likelihood.exponent' is ", shortest(out.exponent),
                         ", but expected a number above model.likelihood.min_exponent (", shortest(out.min_exponent),
                         "): it is the prior's centre."));
  }
  return out;
}

Estimator estimator(const Value& config) {
  const std::string name = get<std::string>(config, "model.estimator");
  return name == "likelihood" ? Estimator::kLikelihood : name == "descent" ? Estimator::kDescent : Estimator::kAuto;
}

constexpr FreeSettings kNothingFree{false, false, false, false, false, false};

// Whether the command line gives this key. "model.baseline={...}" names its keys as well; "model=..." only chooses the
// file that they start from.
bool is_named(const std::string& key, const std::vector<std::string>& overrides) {
  for (const std::string& word : overrides) {
    const std::string named = word.substr(word.find_first_not_of('+'), word.find('=') - word.find_first_not_of('+'));
    if (named == key || (named != "model" && key.starts_with(named + "."))) return true;
  }
  return false;
}

// Whether a run that starts from another one has this key's value from it.
bool is_taken_over(const std::string& key) {
  static const std::set<std::string> of_this_run = {"data.source",          "data.panel",     "trainer.time_limit",
                                                    "trainer.memory_limit", "trainer.device", "trainer.threads"};
  if (of_this_run.contains(key)) return false;
  return key.starts_with("model.") || key.starts_with("data.") || key.starts_with("trainer.");
}

void set_value(Value& config, const std::string& path, Value value) {
  Value* at = &config;
  for (const std::string& key : split_path(path)) at = at->child(key);
  *at = std::move(value);
}

}  // namespace

ModelOptions model_options(const Value& config) {
  const auto number = [&](const char* key) { return get<double>(config, key); };
  ModelOptions out;
  out.media = get<bool>(config, "model.media.enabled");
  out.share_of_voice = get<std::string>(config, "model.media.scaling") == "share_of_voice";
  out.media_unit = media_unit(get<std::string>(config, "model.media.unit"));
  out.controls = get<bool>(config, "model.controls.enabled");
  out.hill = get<bool>(config, "model.hill.enabled");
  out.decay = number("model.adstock.decay");
  out.decay_prior_sd = number("model.adstock.prior_sd");
  out.delayed = get<std::string>(config, "model.adstock.kind") == "delayed";
  for (const auto& [channel, kind] : get<std::optional<TextMap>>(config, "model.adstock.kinds").value_or(TextMap())) {
    if (kind != "geometric" && kind != "delayed") {
      throw UserError(text("'model.adstock.kinds.", channel, "' is '", kind, "', but expected geometric or delayed."));
    }
    out.delayed_of[channel] = kind == "delayed";
  }
  for (const auto& [channel, control] :
       get<std::optional<TextMap>>(config, "model.media.frequency").value_or(TextMap()))
    out.frequency_of[channel] = control;
  out.max_lag = get<int64_t>(config, "model.adstock.max_lag");
  out.peak = number("model.adstock.peak");
  out.peak_prior_sd = number("model.adstock.peak_prior_sd");
  if (out.peak >= static_cast<double>(out.max_lag - 1)) {
    throw UserError(text("'model.adstock.peak' is ", shortest(out.peak), ", but expected less than ", out.max_lag - 1,
                         ", one below model.adstock.max_lag: it is where the peaks start."));
  }
  out.min_exponent = number("model.hill.min_exponent");
  out.exponent = number("model.hill.exponent");
  out.exponent_prior_sd = number("model.hill.exponent_prior_sd");
  if (const auto most = get<std::optional<double>>(config, "model.hill.max_exponent")) out.max_exponent = *most;
  const std::string adjacency = get<std::string>(config, "model.adjacency.kind");
  out.adjacency = adjacency == "triangular" ? Adjacency::kTriangular
                  : adjacency == "notears"  ? Adjacency::kNotears
                                            : Adjacency::kNone;
  out.adjacency_temperature = number("model.adjacency.temperature");
  out.adjacency_sparsity = number("model.adjacency.sparsity");
  out.adjacency_acyclicity = number("model.adjacency.acyclicity");
  out.half_saturation = number("model.hill.half_saturation");
  out.half_saturation_prior_sd = number("model.hill.half_saturation_prior_sd");
  out.coefficient_prior_sd = number("model.hill.coefficient_prior_sd");
  out.stiffness = number("model.baseline.stiffness");
  out.persistence = number("model.baseline.persistence");
  out.harmonics = get<int>(config, "model.seasonality.harmonics");
  out.trend = get<bool>(config, "model.trend.enabled");
  out.gru = get<bool>(config, "model.gru.enabled");
  out.hidden = get<int64_t>(config, "model.hidden");
  out.gru_scale = number("model.gru.scale");
  out.gru_level_sd = number("model.gru.level_sd");
  out.gru_change_sd = number("model.gru.change_sd");
  out.gru_weight = number("model.gru.weight");
  out.gru_weight_decay = number("model.gru.weight_decay");
  out.region_coefficient_sd = number("model.region.coefficient_sd");
  out.region_scale_sd = number("model.region.scale_sd");
  out.size_power = number("model.loss.size_power");
  out.huber_delta = number("model.loss.huber_delta");
  out.huber_of_mean = get<std::string>(config, "model.loss.huber_unit") == "mean";
  out.tempering = number("model.loss.tempering");
  out.ridge = number("model.ridge.strength");
  out.ridge_controls = number("model.ridge.controls");
  out.ridge_media = number("model.ridge.media");
  out.ridge_events = number("model.events.ridge");
  out.ridge_patterns = number("model.ridge.seasonality");
  out.l1_coefficients = number("model.l1.coefficients");
  out.l1_gru_output = number("model.l1.gru_output");
  if (out.exponent <= out.min_exponent) {
    throw UserError(text("'model.hill.exponent' is ", shortest(out.exponent),
                         ", but expected a number above model.hill.min_exponent (", shortest(out.min_exponent),
                         "): it is where the exponents start."));
  }
  if (out.exponent >= out.max_exponent) {
    throw UserError(text("'model.hill.exponent' is ", shortest(out.exponent),
                         ", but expected a number below model.hill.max_exponent (", shortest(out.max_exponent),
                         "): it is where the exponents start."));
  }
  // A finished fit by the likelihood is read with the options that it was made with.
  return get<std::string>(config, "model.estimator") == "likelihood"
             ? options_of_likelihood(out, likelihood_options(config))
             : out;
}

FreeSettings free_settings(const Value& config, const std::vector<std::string>& overrides) {
  if (get<std::string>(config, "model.settings") == "fixed") return kNothingFree;
  const auto is_free = [&](const char* key) { return !is_named(key, overrides); };
  FreeSettings out;
  out.baseline = is_free("model.baseline.stiffness") && is_free("model.baseline.persistence");
  out.ridge = is_free("model.ridge.strength");
  out.harmonics = is_free("model.seasonality.harmonics");
  out.size_power = is_free("model.loss.size_power");
  out.ridge_controls = is_free("model.ridge.controls");
  out.gru = is_free("model.gru.enabled") && is_free("model.gru.level_sd") && is_free("model.gru.change_sd");
  return out;
}

EstimateOptions estimate_options(const Value& config, const std::vector<std::string>& overrides) {
  EstimateOptions out;
  out.model = model_options(config);
  out.likelihood = likelihood_options(config);
  out.estimator = estimator(config);
  out.priors = priors_of(config);
  out.free = free_settings(config, overrides);
  out.trainer = trainer_options(config);
  out.seed = static_cast<uint64_t>(get<int64_t>(config, "run.seed"));
  out.likelihood.seed = out.seed;
  out.members.clear();
  return out;
}

bool is_chosen(const std::string& key, const std::vector<std::string>& overrides) {
  static const std::set<std::string> chosen = {
      "model.estimator",      "model.baseline.stiffness",    "model.baseline.persistence", "model.ridge.strength",
      "model.ridge.controls", "model.seasonality.harmonics", "model.loss.size_power",      "model.gru.enabled",
      "model.gru.level_sd",   "model.gru.change_sd"};
  return chosen.contains(key) && !is_named(key, overrides);
}

void keep_chosen(const ModelOptions& chosen, bool by_likelihood, Value& config) {
  const auto set = [&](const char* path, Value value) { set_value(config, path, std::move(value)); };
  set("model.estimator", by_likelihood ? "likelihood" : "descent");
  set("model.baseline.stiffness", chosen.stiffness);
  set("model.baseline.persistence", chosen.persistence);
  set("model.ridge.strength", chosen.ridge);
  set("model.ridge.controls", chosen.ridge_controls);
  set("model.seasonality.harmonics", int64_t{chosen.harmonics});
  set("model.loss.size_power", chosen.size_power);
  if (by_likelihood) return;  // whose models have no GRU of these settings
  set("model.gru.enabled", chosen.gru);
  set("model.gru.level_sd", chosen.gru_level_sd);
  set("model.gru.change_sd", chosen.gru_change_sd);
}

void take_over_settings(const Value& earlier, const std::vector<std::string>& overrides, Value& config) {
  const std::string name = get<std::string>(config, "model.name"),
                    earlier_name = get<std::string>(earlier, "model.name");
  if (is_named("model", overrides) && name != earlier_name)
    throw UserError(text("model is '", name, "', but the run of run.init is of model '", earlier_name,
                         "'. Leave model=", name, " out: the earlier run's settings are taken over."));
  for (const KeySpec& key : known_keys())
    if (const Value* value = find_path(earlier, key.key);
        value != nullptr && is_taken_over(key.key) && !is_named(key.key, overrides))
      set_value(config, key.key, *value);
  // They are what the earlier run chose, or its user.
  if (!is_named("model.settings", overrides)) set_value(config, "model.settings", "fixed");
  check_config(config);
}

GraphOptions graph_options(const Value& config) {
  const std::string noise = get<std::string>(config, "model.dag.noise");
  GraphOptions out;
  out.enabled = get<bool>(config, "model.dag.enabled");
  out.mode = get<std::string>(config, "model.dag.mode") == "joint" ? GraphMode::kJoint : GraphMode::kCovariance;
  out.solver = get<std::string>(config, "model.dag.method") == "dagma" ? GraphSolver::kDagma : GraphSolver::kNotears;
  out.noise = noise == "gaussian"  ? GraphNoise::kGaussian
              : noise == "laplace" ? GraphNoise::kLaplace
                                   : GraphNoise::kStudent;
  out.lags = get<int64_t>(config, "model.dag.lags");
  out.l1 = get<double>(config, "model.dag.l1");
  out.threshold = get<double>(config, "model.dag.threshold");
  out.confidence = get<double>(config, "model.dag.confidence");
  out.resamples = get<int64_t>(config, "model.dag.resamples");
  out.equal_variance = get<bool>(config, "model.dag.equal_variance");
  out.upper_triangular = get<bool>(config, "model.dag.upper_triangular");
  out.forbidden = get<std::vector<std::string>>(config, "model.dag.forbidden");
  out.required = get<std::vector<std::string>>(config, "model.dag.required");
  for (const auto& [region, group] : get<std::optional<TextMap>>(config, "model.dag.groups").value_or(TextMap()))
    out.group_of[region] = group;
  return out;
}

TrainerOptions trainer_options(const Value& config) {
  TrainerOptions out;
  out.steps = get<int64_t>(config, "trainer.steps");
  out.learning_rate = get<double>(config, "trainer.learning_rate");
  out.warmup_steps = get<int64_t>(config, "trainer.warmup_steps");
  out.final_learning_rate = get<double>(config, "trainer.final_learning_rate");
  out.shared_rate = get<double>(config, "trainer.learning_rates.shared");
  out.gru_rate = get<double>(config, "trainer.learning_rates.gru");
  out.local_rate = get<double>(config, "trainer.learning_rates.local");
  out.clip = get<double>(config, "trainer.clip");
  out.weight_decay = get<double>(config, "trainer.weight_decay");
  out.early_stopping = get<bool>(config, "trainer.early_stopping");
  out.validation_weeks = get<int64_t>(config, "trainer.validation_weeks");
  out.validate_every = get<int64_t>(config, "trainer.validate_every");
  out.patience = get<int64_t>(config, "trainer.patience");
  out.deterministic = get<bool>(config, "trainer.deterministic");
  out.float64 = get<std::string>(config, "trainer.precision") == "float64";
  out.tf32 = get<std::string>(config, "trainer.precision") == "tf32";
  out.region_chunk = get<int64_t>(config, "trainer.region_chunk");
  if (const auto limit = get<std::optional<std::string>>(config, "trainer.memory_limit"))
    out.memory_limit = parse_bytes(*limit, "trainer.memory_limit");
  if (const auto limit = get<std::optional<std::string>>(config, "trainer.time_limit"))
    out.time_limit = parse_duration(*limit, "trainer.time_limit");
  if (get<std::optional<std::string>>(config, "run.init"))
    out.steps = std::min(out.steps, get<int64_t>(config, "trainer.update_steps"));
  if (!get<bool>(config, "model.descent")) out.steps = out.validation_weeks = 0;
  out.threads = get<int>(config, "trainer.threads");
  out.checkpoint_every = get<int64_t>(config, "checkpoint.every_steps");
  out.checkpoint_share = get<double>(config, "checkpoint.most_share");
  out.checkpoint_keep = get<int>(config, "checkpoint.keep");
  const auto device = get<std::string>(config, "trainer.device");
  out.device = device == "cuda" ? Device::kCuda : device == "cpu" ? Device::kCpu : Device::kAuto;
  check_device(out);
  return out;
}

CrossvalOptions crossval_options(const Value& config) {
  CrossvalOptions out;
  out.origins = get<std::optional<std::vector<int64_t>>>(config, "crossval.origins");
  out.windows = get<int64_t>(config, "crossval.windows");
  out.step = get<int64_t>(config, "crossval.step");
  out.horizon = get<int64_t>(config, "crossval.horizon");
  out.gap = get<int64_t>(config, "crossval.gap");
  out.window = get<std::optional<int64_t>>(config, "crossval.window");
  return out;
}

SyntheticOptions synthetic_options(const Value& config) {
  SyntheticOptions out;
  out.kind = synthetic_kind(get<std::string>(config, "synth.kind"));
  out.step = get<std::string>(config, "synth.step") == "day" ? TimeStep::kDay : TimeStep::kWeek;
  out.regions = get<int64_t>(config, "synth.regions");
  out.weeks = get<int64_t>(config, "synth.weeks");
  out.channels = get<int64_t>(config, "synth.channels");
  out.controls = get<int64_t>(config, "synth.controls");
  out.seed = static_cast<uint64_t>(get<int64_t>(config, "synth.seed"));
  const double usual = out.kind == SyntheticKind::kRagged ? 0.25 : 0.0;
  out.missing_rows = get<std::optional<double>>(config, "synth.missing_rows").value_or(usual);
  out.noise = get<double>(config, "synth.noise");
  out.media_share = get<double>(config, "synth.media_share");
  out.exponent_low = get<double>(config, "synth.exponent_low");
  out.exponent_high = get<double>(config, "synth.exponent_high");
  out.promotions = get<int64_t>(config, "synth.promotions");
  out.has_spend = get<bool>(config, "synth.spend");
  out.demand_following = get<double>(config, "synth.demand_following");
  out.graph_edges = get<int64_t>(config, "synth.graph_edges");
  out.graph_lagged = get<double>(config, "synth.graph_lagged");
  out.graph_noise = synthetic_noise(get<std::string>(config, "synth.graph_noise"));
  return out;
}

ImportOptions import_options(const Value& config) {
  ImportOptions out;
  out.given.region = get<std::optional<std::string>>(config, "data.region");
  out.given.time = get<std::optional<std::string>>(config, "data.time");
  out.given.target = get<std::optional<std::string>>(config, "data.target");
  out.given.population = get<std::optional<std::string>>(config, "data.population");
  out.given.media = get<std::optional<std::vector<std::string>>>(config, "data.media");
  out.given.controls = get<std::optional<std::vector<std::string>>>(config, "data.controls");
  out.given.spend =
      get<std::optional<std::vector<std::string>>>(config, "data.spend").value_or(std::vector<std::string>());
  for (const auto& [column, price] : get<std::optional<NumberMap>>(config, "data.cost").value_or(NumberMap()))
    out.given.cost[column] = price;
  for (const auto& [column, name] : get<TextMap>(config, "data.names")) out.names[column] = name;
  out.events = get<std::optional<std::filesystem::path>>(config, "data.events");
  out.weekdays = get<bool>(config, "data.weekdays");
  out.missing_media_is_zero = get<std::string>(config, "data.missing_media") == "zero";
  return out;
}

}  // namespace dcmmm
