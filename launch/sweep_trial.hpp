// One trial of a sweep as a command of its own: its words, and the figure that it is judged by.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sweep/worker.hpp"

namespace dcmmm {

/// How a sweep judges its trials. `skill` and other figures of pooled/model in crossval.json come from `dcmmm
/// crossval`; `metrics.FIGURE` from metrics.json of `dcmmm train`.
struct SweepObjective {
  std::string name;
  bool maximise = true;

  bool is_of_training() const { return name.starts_with("metrics."); }
  std::string command() const { return is_of_training() ? "train" : "crossval"; }
  std::string file() const { return is_of_training() ? "metrics.json" : "crossval.json"; }
};

/// `direction` auto: names that end in skill or r2 are maximised, those that end in rmse, mae, wape or error minimised;
/// others throw UserError, which calls the key by its name.
SweepObjective sweep_objective(const std::string& name, const std::string& direction,
                               const std::string& key = "sweep.objective");

/// What every trial of a sweep is started with.
struct TrialCommand {
  std::string program;
  std::filesystem::path folder;    // of the sweep
  std::string config_dir;          // "" for none
  std::vector<std::string> words;  // the sweep's, without its search
  SweepObjective objective;
  int64_t holdout = 8;  // of a training run, in the sweep's panel, which ends before the user's own holdout
  std::vector<SweepObjective> further;  // objectives after the first, of the same file
  bool reports = false;                 // trials tell the study how they do while they run
  std::vector<std::string> launcher;    // of a trial of several ranks: mpirun, its words, their number; or none
  std::string device;                   // the trial's GPU, as CUDA_VISIBLE_DEVICES calls it; "": whatever CUDA finds
  std::filesystem::path experiments;    // the sweep's copy of data.experiments; "": it keeps none
};

/// The key of a word: `trainer.steps` of `+trainer.steps=3`.
std::string key_of(const std::string& word);

/// The sweep's words with a trial's own in the place of those about the same keys.
std::vector<std::string> with_trial(const std::vector<std::string>& words, const std::vector<std::string>& trial);

/// The words of a trial's command line, the launcher or the program first. One thread, so that results don't depend on
/// how many trials run side by side, unless `words` say trainer.threads.
std::vector<std::string> trial_words(const TrialCommand& command, const TrialTask& task);

/// The config words among them.
std::vector<std::string> trial_overrides(const TrialCommand& command, const TrialTask& task);

/// Where the trial's run folder is.
std::filesystem::path trial_folder(const TrialCommand& command, int64_t number);

/// A figure of crossval.json or metrics.json; none where it has no number for it.
std::optional<double> figure_of(const nlohmann::json& file, const SweepObjective& objective);

/// What a finished trial's file says of the objectives.
TrialOutcome outcome_of(const TrialCommand& command, const nlohmann::json& file);

/// Runs a trial as a process and reads its figure. What a trial that was taken over had finished isn't run again.
TrialOutcome run_trial(const TrialCommand& command, const TrialTask& task, const std::function<bool()>& stop);

}  // namespace dcmmm
