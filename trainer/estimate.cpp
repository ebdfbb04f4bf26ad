#include "trainer/estimate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/split.hpp"
#include "trainer/ensemble.hpp"
#include "trainer/inner_residuals.hpp"
#include "trainer/likelihood_run.hpp"
#include "trainer/panel_scales.hpp"

namespace dcmmm {
namespace {

// Less than this says too little about variance components; the descent's constants are safer.
constexpr int64_t kLeastWeeks = 40, kLeastRegions = 5;
// More than this share for media means that something else was taken for their effect (docs/likelihood.md, "The gate").
constexpr double kMostMedia = 0.6;
constexpr double kOffsetOfDescent = 4.0;  // standard errors above none: no likelihood checks it

bool choose_likelihood(const EstimateOptions& options, const std::vector<ChannelIdentification>& channels,
                       const Panel& panel, int64_t origin, const std::function<void(const std::string&)>& log) {
  const bool has_curves = options.model.media && options.model.hill;
  if (options.estimator == Estimator::kLikelihood && !has_curves)
    throw UserError(
        "model.estimator is 'likelihood', but model.media.enabled or model.hill.enabled is false: the likelihood fits "
        "media with Hill curves. Set model.estimator=descent.");
  const bool is_plain = !options.model.share_of_voice && options.model.adjacency == Adjacency::kNone;
  if (options.estimator == Estimator::kLikelihood && !is_plain)
    throw UserError(
        "model.estimator is 'likelihood', but the model has shares of voice or an adjacency (model.media.scaling, "
        "model.adjacency.kind): the likelihood knows neither. Set model.estimator=descent.");
  if (options.estimator != Estimator::kAuto) return options.estimator == Estimator::kLikelihood;
  if (!has_curves) {
    log("Estimated by descent: the likelihood fits media with Hill curves, and they are switched off.");
    return false;
  }
  if (!is_plain) {
    log("Estimated by descent: the likelihood knows no shares of voice and no adjacency.");
    return false;
  }
  const auto regions = static_cast<int64_t>(panel.coordinates.regions.size());
  if (origin < kLeastWeeks || regions < kLeastRegions) {
    log(text("Estimated by descent: ", counted(regions, "regions"), " and ", counted(origin, "training weeks"),
             " are too few for the likelihood (", kLeastRegions, " and ", kLeastWeeks, ")."));
    return false;
  }
  for (size_t c = 0; c < channels.size(); ++c) {
    if (!channels[c].follows_demand || channels[c].by_experiment) continue;
    log("Estimated by descent with its penalties, not by the likelihood, which would take demand for effect.");
    return false;
  }
  const bool follows = std::any_of(channels.begin(), channels.end(), [](const auto& c) { return c.follows_demand; });
  log(follows ? "Estimated by the likelihood: channels that follow demand have experiments."
              : "Estimated by the likelihood: no channel is seen to follow demand.");
  return true;
}

// Puts what is known of each name where the likelihood looks for it.
void resolve_priors(const PanelCoordinates& names, EstimateOptions& options) {
  if (options.priors.empty()) return;
  options.likelihood.channel_priors.assign(names.channels.size(), {});
  options.likelihood.control_signs.assign(names.controls.size(), 0);
  std::vector<std::string> known = names.channels;
  known.insert(known.end(), names.controls.begin(), names.controls.end());
  for (const auto& [name, knowledge] : options.priors) {
    const auto place = std::find(known.begin(), known.end(), name) - known.begin();
    const bool is_channel = place < std::ssize(names.channels);
    if (place == std::ssize(known))
      throw UserError(text("'model.priors' names '", name, "', which is no channel or control of the panel: ",
                           join(known), ".", did_you_mean(name, known)));
    const ChannelPrior& prior = knowledge.channel;
    if (is_channel && knowledge.control_sign != 0)
      throw UserError(text("'model.priors.", name, "' has a sign, but ", name,
                           " is a channel, whose effect is never negative. Leave sign to the controls."));
    if (!is_channel && (prior.roi || prior.decay || prior.exponent || prior.half_saturation))
      throw UserError(text("'model.priors.", name, "' has priors of a channel, but ", name,
                           " is a control, of which only the sign can be known: {sign: negative}."));
    if (prior.roi && !names.has_spend)
      throw UserError(text("'model.priors.", name,
                           "' has an roi, but the panel has no spend: give data.spend or "
                           "data.cost at import."));
    if (is_channel)
      options.likelihood.channel_priors[static_cast<size_t>(place)] = prior;
    else
      options.likelihood.control_signs[static_cast<size_t>(place) - names.channels.size()] = knowledge.control_sign;
  }
}

// The descent's exponents have a minimum of their own.
void check_knowledge(const PanelCoordinates& names, const ModelOptions& model) {
  for (size_t c = 0; c < model.knowledge.channels.size(); ++c)
    if (const auto& known = model.knowledge.channels[c].exponent; known && known->mean <= model.min_exponent)
      throw UserError(text("'model.priors.", names.channels[c], ".exponent' is ", shortest(known->mean),
                           ", but this fit is the descent's, whose exponents are above model.hill.min_exponent (",
                           shortest(model.min_exponent), "). Lower that, or set model.estimator=likelihood."));
}

// An earlier run's stays: its coefficients are in these sizes.
double size_offset_of_descent(const Panel& panel, const EstimateOptions& options, int64_t origin,
                              const RegionLoop& loop, const std::function<void(const std::string&)>& log) {
  if (options.earlier) return options.earlier->size_offset;
  const SizeOffset offset = estimate_size_offset(panel, origin, loop);
  if (!(offset.value > kOffsetOfDescent * offset.error)) return 0;
  log(text("A region's size is its mean target less ", offset.value, ": by how much regions move, they have ",
           offset.value, " +- ", offset.error, " in common that doesn't."));
  return offset.value;
}

std::unique_ptr<Fit> likelihood_fit(const Panel& panel, const EstimateOptions& options, int64_t origin,
                                    const RegionPlan& plan, Communicator& communicator,
                                    const std::function<void(const std::string&)>& log) {
  std::vector<std::optional<uint64_t>> draws;
  for (const int64_t number : options.members)
    draws.push_back(number == 0 ? std::nullopt : std::optional<uint64_t>(options.seed + static_cast<uint64_t>(number)));
  std::optional<LikelihoodStart> start;
  if (options.earlier) start = likelihood_start(*options.earlier, panel.weeks());
  return fit_by_likelihood(panel, options_of_likelihood(options.model, options.likelihood), options.likelihood,
                           options.trainer, origin, draws, plan, communicator, log, start ? &*start : nullptr);
}

// Whether the target of some region moves within the training weeks.
bool has_varying_target(const Panel& panel, int64_t origin, const RegionLoop& loop) {
  const int64_t T = panel.weeks();
  const std::vector<double> moves = loop.sum(1, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      total[0] += target_varies(panel.target_RT.data() + r * T, panel.observed_RT.data() + r * T, origin);
    }
  });
  return moves[0] > 0;
}

std::string cell(double value) {
  if (!std::isfinite(value)) return "-";
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.2f", value);
  return digits;
}

}  // namespace

Estimate prepare_estimate(const Panel& panel, const EstimateOptions& given, int64_t origin, const RegionPlan& plan,
                          Communicator& communicator, const std::function<void(const std::string&)>& log) {
  const RegionLoop loop(plan, communicator);
  EstimateOptions options = given;
  resolve_priors(panel.coordinates, options);
  options.model = with_names(options.model, panel.coordinates.channels, panel.coordinates.controls);
  Estimate out;
  check_media_unit(panel, options.model.media_unit, loop);
  out.identification = identify_channels(panel, options.model, origin, loop);
  if (std::all_of(out.identification.begin(), out.identification.end(),
                  [](const ChannelIdentification& channel) { return std::isnan(channel.weeks_on); }))
    throw UserError(text("None of the panel's ", panel.coordinates.regions.size(), " regions has ", kMinimumRegionWeeks,
                         " observed targets in its ", origin,
                         " training weeks that sum to more than 0: there is nothing to fit. Effects are shares of a "
                         "region's mean target; check the target's column (data.target) and its sign."));
  if (!has_varying_target(panel, origin, loop))
    throw UserError(text("The target is the same in all of a region's ", origin,
                         " training weeks, in every region: there is nothing for media to explain. Check the target's "
                         "column (data.target)."));
  out.settings = {options.model, {}, 0, {}};
  const auto experiments = experiments_within(options.likelihood.experiments, 0, origin);
  for (const Experiment& test : experiments) out.identification[static_cast<size_t>(test.channel)].by_experiment = true;
  if (choose_likelihood(options, out.identification, panel, origin, log)) {
    out.fit = likelihood_fit(panel, options, origin, plan, communicator, log);
    const double media = out.fit->likelihood->media_share;
    if (options.estimator == Estimator::kAuto && !(media < kMostMedia)) {
      log(text("The likelihood gives media ", std::round(100 * media), " % of the target, more than ",
               std::round(100 * kMostMedia), " %: not believed. Estimated by descent."));
      out.fit.reset();
    }
  }
  if (!out.fit) {
    if (options.model.media_unit == MediaUnit::kAuto) options.model.media_unit = MediaUnit::kRegion;
    options.model.size_offset = size_offset_of_descent(panel, options, origin, loop, log);
    options.model.knowledge = {options.likelihood.channel_priors, options.likelihood.control_signs, experiments};
    check_knowledge(panel.coordinates, options.model);
    out.settings.options = options.model;
    if (options.free != FreeSettings{false, false, false, false, false, false}) {
      out.settings = choose_settings(panel, options.model, options.free, origin, loop);
      log(out.settings.origin_O.empty()
              ? "Too few training weeks to choose settings by earlier ones: they stay as in the config."
              : text("Settings chosen by forecasts of ", counted(out.settings.horizon, "weeks"),
                     " within the training weeks (*):\n", ladder_table(out.settings)));
    }
    std::vector<Member> members;
    for (const int64_t number : options.members)
      members.push_back(ensemble_member(out.settings.options, origin, options.seed, number));
    // Few steps from where another fit ended have no need of a shadow to say when to stop.
    const bool has_shadow = !options.earlier && !options.members.empty() && options.members[0] == 0;
    out.fit =
        prepare_fit(panel, out.settings.options, options.trainer, members, has_shadow ? 1 : 0, plan, communicator);
    if (options.earlier && options.trainer.steps > 0) start_from(*options.earlier, *out.fit);
  }
  out.model = out.fit->model.options();
  out.settings.options.media_unit = out.model.media_unit;
  out.settings.options.size_offset = out.model.size_offset;
  out.fit->intervals = forecast_intervals(*out.fit);
  return out;
}

std::string experiment_table(const std::vector<ExperimentReport>& experiments,
                             const std::vector<std::string>& channels) {
  size_t name = 10, channel = 7;
  for (const ExperimentReport& report : experiments) {
    name = std::max(name, report.test.name.size());
    channel = std::max(channel, channels[static_cast<size_t>(report.test.channel)].size());
  }
  const auto padded = [](std::string words, size_t width) {
    words.resize(width, ' ');
    return words;
  };
  std::string out = "  " + padded("experiment", name) + "  " + padded("channel", channel) +
                    "      measured      (se)   panel alone      (sd)  distance        fitted  residual in s\n";
  for (const ExperimentReport& report : experiments) {
    char row[200];
    std::snprintf(row, sizeof row, "  %12.6g  (%6.3g)  %12.6g  (%6.3g)  %8.2f  %12.6g  %13.2f", report.test.lift,
                  report.test.standard_error, report.panel, report.panel_sd, report.surprise(), report.fitted,
                  report.residual());
    out += "  " + padded(report.test.name, name) + "  " +
           padded(channels[static_cast<size_t>(report.test.channel)], channel) + row +
           (report.is_doubtful() ? "  DOUBTFUL" : "") + "\n";
  }
  return out;
}

std::string identification_table(const std::vector<ChannelIdentification>& channels,
                                 const std::vector<std::string>& names) {
  size_t width = 7;
  for (const std::string& name : names) width = std::max(width, name.size());
  std::string out = std::string("  channel") + std::string(width - 7, ' ') +
                    "  local slope  national  on past demand (t)  collinear R2  weeks on  varying\n";
  for (size_t c = 0; c < channels.size(); ++c) {
    const ChannelIdentification& channel = channels[c];
    char row[200];
    std::snprintf(row, sizeof row, "  %11s  %8s  %18s  %12s  %8s  %7s", cell(channel.local_slope).c_str(),
                  cell(channel.national_slope).c_str(),
                  (cell(channel.demand_slope) + " (" + cell(channel.demand_t) + ")").c_str(),
                  cell(channel.collinearity).c_str(), cell(channel.weeks_on).c_str(),
                  cell(channel.weeks_varying).c_str());
    out += "  " + names[c] + std::string(width - names[c].size(), ' ') + row +
           (channel.is_identified() ? "" : "  not identified: " + channel.reason) +
           (channel.by_experiment ? "  identified by an experiment" : "") + "\n";
  }
  return out;
}

}  // namespace dcmmm
