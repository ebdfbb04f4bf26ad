#include "launch/sweep_pack.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include "analysis/crossval_report.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"
#include "launch/origin_evaluation.hpp"
#include "launch/origin_store.hpp"
#include "launch/panel_source.hpp"
#include "launch/schema.hpp"
#include "launch/settings.hpp"
#include "launch/yaml_text.hpp"
#include "trainer/threads.hpp"
#include "trainer/train_together.hpp"
#include "trainer/trainer.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// Settings that fits of one batch may differ in.
const std::set<std::string> kOfMembers = {
    "model.adstock.decay",   "model.hill.exponent",     "model.hill.half_saturation", "model.baseline.stiffness",
    "model.ridge.strength",  "model.ridge.controls",    "model.ridge.media",          "model.baseline.persistence",
    "model.loss.size_power", "model.ridge.seasonality", "model.loss.huber_delta",     "trainer.learning_rate",
    "trainer.weight_decay"};

/// A trial in its slot.
struct Packed {
  TrialTask task;
  std::ofstream output;  // what its process would print
  Bundle bundle;
  CrossvalFacts facts;
  std::vector<OriginWeeks> origins;
  std::vector<OriginForecasts> forecasts;  // of the origins that it is through with
  std::unique_ptr<OriginStore> store;
  RegionPlan plan;                           // the same in all trials of a batch
  std::unique_ptr<OriginEvaluation> origin;  // the one that it is at
  Estimate estimate;
  std::optional<TrialOutcome> outcome;

  void say(const std::string& line) { output << line << std::endl; }
  void fail(const std::string& problem) { outcome = TrialOutcome{TrialOutcome::Kind::kFailed, 0, problem}; }
};

class Pack {
 public:
  explicit Pack(const PackSetting& setting) : setting_(setting), pull_(setting.plan) {}

  void run(const std::function<bool()>& stop, const std::function<void(const TrialTask&, const TrialOutcome&)>& tell) {
    const auto stops = [&] { return stop() || pull_.is_cancelled(); };
    for (;;) {
      while (static_cast<int64_t>(trials_.size()) < setting_.slots && !stops()) {
        std::optional<TrialTask> task = pull_.next();
        if (!task) break;
        trials_.push_back(open(std::move(*task)));
      }
      if (trials_.empty() || stops()) return;
      fit_next_origins(stops);
      if (stops()) return;
      for (const auto& trial : trials_)
        if (!trial->outcome) guarded(*trial, [&] { take_forecasts(*trial); });
      for (const auto& trial : trials_)
        if (trial->outcome) {
          pull_.end(trial->task, *trial->outcome);
          tell(trial->task, *trial->outcome);
        }
      std::erase_if(trials_, [](const auto& trial) { return trial->outcome.has_value(); });
    }
  }

 private:
  // What goes wrong with a trial is its own problem.
  template <class Action>
  void guarded(Packed& trial, const Action& action) {
    try {
      action();
    } catch (const std::exception& error) {
      trial.say(error.what());
      trial.fail(error.what());
    }
  }

  std::unique_ptr<Packed> open(TrialTask task) {
    auto trial = std::make_unique<Packed>();
    trial->task = std::move(task);
    const fs::path folder = trial_folder(setting_.command, trial->task.number);
    trial->output.open(setting_.command.folder / "trials" / text(trial->task.number, ".txt"));
    guarded(*trial, [&] {
      if (trial->task.is_taken_over &&
          fs::exists(folder / "crossval.json")) {  // its worker died just before it said so
        trial->outcome = outcome_of(setting_.command, nlohmann::json::parse(read_text_file(folder / "crossval.json")));
        return;
      }
      const std::vector<std::string> words = trial_overrides(setting_.command, trial->task);
      Value config = compose({setting_.config_dirs, "config", words});
      check_config(config);
      fs::create_directories(folder);
      write_text_file(folder / "config.yaml", to_yaml(config));
      write_text_file(folder / "overrides.yaml", to_yaml(Value(Value::List(words.begin(), words.end()))));
      const CrossvalOptions options = crossval_options(config);
      trial->bundle = bundle_of(config, words);
      trial->bundle.estimate.trainer.local_rank = setting_.local_rank;
      const PanelCoordinates& names = setting_.panel.coordinates;
      const auto weeks = static_cast<int64_t>(names.weeks.size());
      trial->bundle.estimate.likelihood.experiments = locate_experiments(config, {}, false, names, weeks, *alone_);
      trial->origins = rolling_origins(options, weeks);
      trial->store = std::make_unique<OriginStore>(folder / "origins", config, setting_.panel_checksum);
      if (trial->task.is_taken_over) {
        const auto kept = trial->store->kept();
        for (const OriginWeeks& origin : trial->origins) {
          const auto before = kept.find(origin.origin);
          if (before == kept.end() || trial->forecasts.size() + 1 == trial->origins.size()) break;
          trial->forecasts.push_back(before->second);
        }
      } else {
        trial->store->clear();
      }
      trial->facts.model = trial->bundle.name;
      trial->facts.horizon = options.horizon;
      trial->facts.gap = options.gap;
      trial->facts.window = options.window;
      trial->facts.interval = get<double>(config, "export.interval");
      trial->facts.version = DCMMM_VERSION;
      trial->plan = plan_fit(trial->bundle.estimate.trainer, trial->bundle.estimate.model, names,
                             setting_.observed_cells, 2 * setting_.slots, 0, 1, 1);
    });
    return trial;
  }

  // Prepares every trial's fit for its next origin and trains them, batch by batch.
  void fit_next_origins(const std::function<bool()>& stops) {
    std::map<std::string, std::vector<Packed*>> batches;
    for (const auto& trial : trials_) {
      if (stops()) return;
      if (trial->outcome) continue;
      guarded(*trial, [&] {
        const OriginWeeks& weeks = trial->origins[trial->forecasts.size()];
        const auto log = [&](const std::string& line) { trial->say(line); };
        trial->say(text("Origin ", weeks.origin));
        trial->origin =
            std::make_unique<OriginEvaluation>(setting_.panel, weeks, 1, trial->plan, trial->facts.interval, *alone_);
        trial->estimate = trial->origin->prepare(trial->bundle.estimate, log);
        if (trial->estimate.fit->likelihood) {
          train(*trial->estimate.fit, {});
        } else {
          batches[shape(*trial)].push_back(trial.get());
        }
      });
    }
    for (const auto& of_shape : batches) {
      const std::vector<Packed*>& batch = of_shape.second;
      std::vector<Fit*> fits;
      fits.reserve(batch.size());
      for (const Packed* trial : batch) fits.push_back(trial->estimate.fit.get());
      const std::vector<std::string> problems =
          train_together(fits, stops, [&](size_t i, const std::string& line) { batch[i]->say(line); });
      for (size_t i = 0; i < batch.size(); ++i)
        if (!problems[i].empty()) batch[i]->fail(problems[i]);
    }
  }

  // What the fits of a batch must have in common: the origin, and all settings but the members' own. Harmonics and the
  // GRU's freedom may be the trial's own choice (model.settings=auto).
  static std::string shape(const Packed& trial) {
    const ModelOptions& model = trial.estimate.fit->model.options();
    std::string out = text(trial.origins[trial.forecasts.size()].origin, " ", model.harmonics, " ", model.gru, " ",
                           model.gru_level_sd, " ", model.gru_change_sd);
    for (const std::string& word : trial.task.words)
      if (!kOfMembers.contains(key_of(word))) out += " " + word;
    return out;
  }

  // After a round: the figures so far, and whether the trial is at its end or pruned.
  void take_forecasts(Packed& trial) {
    trial.origin->add(0, *trial.estimate.fit);
    trial.forecasts.push_back(trial.origin->finish());
    trial.estimate = {};
    trial.origin.reset();
    const std::string report = crossval_json(trial.forecasts, trial.facts);
    const nlohmann::json figures = nlohmann::json::parse(report);
    const bool at_end = trial.forecasts.size() == trial.origins.size();
    const auto so_far = figure_of(figures, setting_.command.objective);
    if (setting_.command.reports && so_far &&
        trial.task.report({{static_cast<int64_t>(trial.forecasts.size()), *so_far}}, at_end))
      trial.outcome = TrialOutcome{TrialOutcome::Kind::kPruned, 0, ""};
    if (!at_end) return trial.store->keep(trial.forecasts.back());
    write_text_file(trial_folder(setting_.command, trial.task.number) / "crossval.json", report);
    trial.store->clear();
    trial.outcome = outcome_of(setting_.command, figures);
  }

  const PackSetting& setting_;
  TrialPull pull_;
  std::unique_ptr<Communicator> alone_ = make_local_communicator();
  std::vector<std::unique_ptr<Packed>> trials_;
};

}  // namespace

void run_pack(const PackSetting& setting, const std::function<bool()>& stop,
              const std::function<void(const TrialTask&, const TrialOutcome&)>& tell) {
  use_threads(1);
  Pack(setting).run(stop, tell);
}

}  // namespace dcmmm
