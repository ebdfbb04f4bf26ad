#include "launch/sweep_settings.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/metrics_report.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"
#include "launch/override_grammar.hpp"
#include "launch/run_folder.hpp"
#include "launch/schema.hpp"
#include "launch/sweep_slurm.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// What an evaluation's pooled figures hold (analysis/crossval_report.hpp).
const std::vector<std::string> kEvaluationFigures = {"skill",
                                                     "rmse",
                                                     "wape",
                                                     "mae",
                                                     "r2",
                                                     "relative_error",
                                                     "median_region_r2",
                                                     "median_region_relative_error",
                                                     "coverage",
                                                     "coverage_totals"};

// Adds the names of what is a number in metrics.json, or null where it has none.
void add_figures(const std::string& name, const nlohmann::json& node, std::vector<std::string>& out) {
  if (node.is_object())
    for (const auto& [key, value] : node.items()) add_figures(name + "." + key, value, out);
  else if (node.is_number() || node.is_null())
    out.push_back(name);
}

// Figures of training runs, by the file's own writer; those of channels, whose names the panel has, aren't among them.
std::vector<std::string> training_figures() {
  RunFacts facts;
  facts.components.emplace();  // a fit by the likelihood has all of them
  std::vector<std::string> out;
  add_figures("metrics", nlohmann::json::parse(metrics_json({}, {}, {}, facts)), out);
  return out;
}

// Throws UserError where no trial would have the figure.
void check_figure(const std::string& name) {
  if (std::find(kEvaluationFigures.begin(), kEvaluationFigures.end(), name) != kEvaluationFigures.end()) return;
  if (name.starts_with("metrics.")) {
    const std::vector<std::string> figures = training_figures();
    if (std::find(figures.begin(), figures.end(), name) != figures.end() || name.starts_with(kChannelFigures)) return;
    throw UserError(text("'", name, "' is no figure of a training run.", did_you_mean(name, figures),
                         " Expected one of ", join(figures), ", or ", kChannelFigures, "CHANNEL."));
  }
  throw UserError(text("'", name, "' is no figure of an evaluation.", did_you_mean(name, kEvaluationFigures),
                       " Expected one of ", join(kEvaluationFigures), ", or metrics.FIGURE of a training run."));
}

// `words`: the search's own, and `fixed`: those with one value, which take their keys out of a file's space.
SearchSpace search_space(const Value& config, const std::vector<std::string>& words,
                         const std::vector<std::string>& fixed) {
  SearchSpace out;
  const auto add = [&](Parameter parameter) {
    std::erase_if(out, [&](const Parameter& earlier) { return earlier.key == parameter.key; });
    out.push_back(std::move(parameter));
  };
  const auto given = get<std::optional<TextMap>>(config, "sweep.space");
  for (const auto& entry : given.value_or(TextMap()))
    if (std::none_of(fixed.begin(), fixed.end(), [&](const std::string& word) { return key_of(word) == entry.first; }))
      add(parse_search(entry.first, entry.second));
  for (const std::string& word : words) add(parse_search_word(word));
  const auto conditions = get<std::optional<TextMap>>(config, "sweep.when");
  const auto fixed_word = [&](const std::string& key) {
    const auto found =
        std::find_if(fixed.rbegin(), fixed.rend(), [&](const std::string& word) { return key_of(word) == key; });
    const bool is_searched = std::any_of(out.begin(), out.end(), [&](const Parameter& own) { return own.key == key; });
    return found == fixed.rend() || is_searched ? std::string() : *found;
  };
  const auto is_word = [](const std::vector<std::string>& list, const std::string& key) {
    return std::any_of(list.begin(), list.end(), [&](const std::string& word) { return key_of(word) == key; });
  };
  for (const auto& entry : conditions.value_or(TextMap())) {
    const std::string &key = entry.first, &condition = entry.second;
    if (const std::string word = fixed_word(key); !word.empty()) {
      if (is_word(fixed, "sweep.when"))
        throw UserError(text("sweep.when has '", key, ": ", condition, "', but '", word,
                             "' gives that key one value: leave one of them out, or give the key values to search."));
      continue;  // of a file's search: it has its value
    }
    const std::string decided = fixed_word(condition.substr(0, condition.find('=')));
    if (decided.empty()) {
      set_condition(out, key, condition);
    } else if (const auto value = parse_override(decided).value, wanted = parse_override(condition).value;
               !(value && wanted && *value == *wanted)) {
      if (is_word(words, key))
        throw UserError(text("'", key, "' has values to search, but by sweep.when it counts with ", condition,
                             " alone, and '", decided, "' is given: leave one of them out."));
      std::erase_if(out, [&](const Parameter& own) { return own.key == key; });
    }
  }
  if (out.empty())
    throw UserError(
        "There is nothing to search: give keys with several values, such as model.adstock.decay=0.2,0.5 or "
        "'model.likelihood.share_sd=tag(log, interval(0.01,1))', or sweep.space in a config file.");
  for (const Parameter& parameter : out)
    if (parameter.key == "sweep" || parameter.key.starts_with("sweep.") || parameter.key.starts_with("run.") ||
        parameter.key.starts_with("crossval.") || parameter.key.starts_with("data."))
      throw UserError(text("'", parameter.key,
                           "' can't be searched: trials with other weeks, data or folders aren't "
                           "comparable."));
  return out;
}

SamplerKind sampler_kind(const std::string& name) {
  if (name == "grid") return SamplerKind::kGrid;
  if (name == "sobol") return SamplerKind::kSobol;
  return name == "tpe" ? SamplerKind::kTpe : SamplerKind::kRandom;
}

}  // namespace

SweepLine with_its_config_dir(SweepLine line) {
  const SweepWords words = split_sweep_words(line.words);
  if (words.action == SweepWords::Action::kStart || !line.config_dir.empty()) return line;
  const JournalLine kept = StudyFile(words.folder / "journal.log").refresh().attribute(kConfigDir);
  if (!kept.is_string()) return line;
  line.config_dir = kept.get<std::string>();
  if (!fs::is_directory(line.config_dir) && words.action == SweepWords::Action::kStatus) {
    line.config_dirs = {words.folder};
    line.has_lost_config_dir = true;
    return line;
  }
  if (!fs::is_directory(line.config_dir))
    throw UserError(
        text("The sweep was started with --config-dir '", line.config_dir,
             "', which isn't there any more. Bring it back, or say where its files are now: dcmmm sweep resume dir=",
             words.folder.string(), " --config-dir=FOLDER"));
  line.config_dirs.insert(line.config_dirs.begin(), line.config_dir);
  return line;
}

Value composed(const SweepLine& line, const std::vector<std::string>& words) {
  std::vector<std::string> own = words;
  // The folder's config.yaml has what became of groups, and of keys that were added or taken away.
  if (line.has_lost_config_dir)
    std::erase_if(own, [](const std::string& word) {
      return word.starts_with('+') || word.starts_with('~') || key_of(word).find('.') == std::string::npos;
    });
  Value config = compose({line.config_dirs, "config", own});
  check_config(config);
  return config;
}

Sweep read_sweep(const SweepLine& line) {
  Sweep out;
  out.words = split_sweep_words(line.words);
  out.config = composed(line, out.words.words);
  if (get<std::optional<fs::path>>(out.config, "run.init"))
    throw UserError("A sweep fits every trial anew: leave run.init out.");
  const auto directory = get<std::optional<fs::path>>(out.config, "run.dir");
  out.plan.folder = fs::absolute(directory ? *directory : dated_folder("sweep"));
  if (!out.plan.folder.has_filename()) out.plan.folder = out.plan.folder.parent_path();  // DIR/ is DIR
  if (out.plan.folder.string().find('\'') != std::string::npos)
    throw UserError(
        text("The sweep's folder '", out.plan.folder.string(), "' has a quote in its name: choose another."));
  out.plan.space = search_space(out.config, out.words.search, out.words.words);
  out.plan.sampler = sampler_kind(get<std::string>(out.config, "sweep.sampler"));
  out.plan.seed = static_cast<uint64_t>(get<int64_t>(out.config, "run.seed"));
  out.plan.trials = get<int64_t>(out.config, "sweep.trials");
  if (out.plan.sampler == SamplerKind::kGrid) out.plan.trials = grid_size(out.plan.space);
  if (get<std::string>(out.config, "sweep.pruner") == "asha") {
    const auto first = get<std::optional<int64_t>>(out.config, "sweep.asha.first");
    const bool by_steps = get<std::string>(out.config, "sweep.objective").starts_with("metrics.");
    out.plan.asha = AshaOptions{first.value_or(by_steps ? 10 : 1), get<int64_t>(out.config, "sweep.asha.reduction")};
  }
  check_figure(get<std::string>(out.config, "sweep.objective"));
  for (const std::string& name : get<std::vector<std::string>>(out.config, "sweep.further_objectives"))
    check_figure(name);
  out.objective =
      sweep_objective(get<std::string>(out.config, "sweep.objective"), get<std::string>(out.config, "sweep.direction"));
  // The direction is said of the first one; the others follow their names.
  for (const std::string& name : get<std::vector<std::string>>(out.config, "sweep.further_objectives")) {
    const std::vector<std::string> before = out.objective_names();
    if (std::find(before.begin(), before.end(), name) != before.end())
      throw UserError(text("sweep.further_objectives has '", name, "', which is an objective already. Leave it out."));
    out.further.push_back(sweep_objective(name, "auto", "sweep.further_objectives"));
    if (out.further.back().is_of_training() != out.objective.is_of_training())
      throw UserError(text("sweep.further_objectives has '", name, "' beside sweep.objective=", out.objective.name,
                           ": figures of metrics.json (metrics.FIGURE) and of crossval.json don't come from the same "
                           "trials."));
  }
  if (get<int64_t>(out.config, "sweep.pack") > 1 && out.objective.is_of_training())
    throw UserError(text("sweep.pack puts evaluations side by side, but sweep.objective=", out.objective.name,
                         " is a figure of training runs. Leave sweep.pack out, or choose a figure of crossval.json."));
  if (get<int64_t>(out.config, "sweep.ranks") > 1) {
    if (get<int64_t>(out.config, "sweep.pack") > 1)
      throw UserError("sweep.pack puts trials into one process, sweep.ranks spreads one over several: leave one out.");
    if (get<std::vector<std::string>>(out.config, "sweep.rank_launcher").empty())
      throw UserError("sweep.rank_launcher is empty: give the words that start several ranks, such as [mpirun,-n].");
  }
  if (get<std::string>(out.config, "sweep.launcher") == "slurm" && out.words.action != SweepWords::Action::kStatus)
    slurm_options(out.config);  // mistakes are told at once
  if (out.plan.asha && !out.further.empty())
    throw UserError("sweep.pruner=asha compares trials by one objective: leave sweep.further_objectives out.");
  return out;
}

JournalLine agreed_settings(const Sweep& sweep) {
  JournalLine out = {{"sampler", get<std::string>(sweep.config, "sweep.sampler")},
                     {"seed", sweep.plan.seed},
                     {"objective", sweep.objective.name},
                     {"space", JournalLine::object()}};
  for (const Parameter& parameter : sweep.plan.space)
    out["space"][parameter.key] = {
        {"choices", parameter.choices}, {"low", parameter.low}, {"high", parameter.high}, {"log", parameter.log}};
  for (const Parameter& parameter : sweep.plan.space)
    if (!parameter.when_key.empty())
      out["space"][parameter.key]["when"] = {{parameter.when_key, parameter.when_choice}};
  for (const SweepObjective& other : sweep.further) out["further"].push_back(other.name);
  return out;
}

}  // namespace dcmmm
