// A worker: takes trials from the journal, one after the other, until there are no more.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "sweep/asha.hpp"
#include "sweep/sampler.hpp"
#include "sweep/study.hpp"

namespace dcmmm {

/// The same for all workers of a study.
struct SweepPlan {
  std::filesystem::path folder;  // journal.log and the locks of running trials
  SearchSpace space;
  SamplerKind sampler = SamplerKind::kRandom;
  uint64_t seed = 0;
  int64_t trials = 0;  // altogether, those by hand or by Optuna included; of a grid, its own
  std::optional<AshaOptions> asha = std::nullopt;  // none: every trial runs to its end

  std::filesystem::path journal() const { return folder / "journal.log"; }
};

struct TrialOutcome {
  enum class Kind { kComplete, kPruned, kFailed, kStopped };  // kPruned: TrialTask::report said so
  Kind kind = Kind::kFailed;
  double objective = 0;              // of kComplete; finite
  std::string problem;               // of kFailed, for people
  std::vector<double> further = {};  // of kComplete: the objectives after the first
};

/// A claimed trial.
struct TrialTask {
  int64_t number = 0;
  std::vector<std::string> words;  // key=value, in the order of the space
  int lock_descriptor =
      -1;  // whoever inherits it holds the trial too: a process that goes on when its worker was killed
  bool is_taken_over = false;  // its first worker died
  /// Tells the study intermediate values, ascending in their step; those that it knows are left out. True: the trial is
  /// pruned and has ended for the study. `at_end`: the trial has come to its own end, and isn't pruned any more.
  std::function<bool(const std::map<int64_t, double>& values, bool at_end)> report;
};

/// A trial's values as words, key=value.
std::vector<std::string> trial_settings(const SearchSpace& space, const std::vector<double>& values);

/// Claims trials one by one, holds them, and tells the study how they end. A trial is held by a lock of the system on
/// folder/locks/NUMBER; what is still held when this goes stays running in the journal, for `resume`.
class TrialPull {
 public:
  explicit TrialPull(const SweepPlan& plan);
  ~TrialPull();
  TrialPull(const TrialPull&) = delete;
  TrialPull& operator=(const TrialPull&) = delete;

  /// None when all `plan.trials` are finished or in other workers' hands, or the study is cancelled. First come running
  /// trials that no process holds any more, looked for at the first call, every half a minute and where there is no new
  /// one; then those that Optuna enqueued, then new ones.
  std::optional<TrialTask> next();
  /// Throws UserError when five trials of the study failed since it was resumed last, and none came to an end.
  void end(const TrialTask& task, TrialOutcome outcome);
  /// Looks at the journal once a second at most.
  bool is_cancelled();
  int64_t finished() const { return finished_; }

 private:
  struct Held;
  const SweepPlan& plan_;
  StudyFile file_;
  std::map<int64_t, std::unique_ptr<Held>> held_;                          // by number
  std::optional<std::chrono::steady_clock::time_point> last_look_behind_;  // that found nothing
  std::minstd_rand random_{std::random_device{}()};
  std::chrono::steady_clock::time_point last_look_ = std::chrono::steady_clock::now();
  bool is_cancelled_ = false;
  int64_t finished_ = 0;
};

/// Runs a trial. Looks at `stop` now and then, and comes back with kStopped soon after it turns true.
using TrialRunner = std::function<TrialOutcome(const TrialTask&, const std::function<bool()>& stop)>;

/// Pulls trials and runs them one after the other, until there are no more or `stop` says so. Returns how many this
/// worker finished. Throws as TrialPull does.
int64_t run_worker(const SweepPlan& plan, const TrialRunner& runner, const std::function<bool()>& stop);

/// The study's attribute that tells all workers to stop.
inline const std::string kCancelled = "dcmmm:cancelled";
bool is_cancelled(const Study& study);

/// Makes the lock of a trial that nobody holds yet.
void make_lock(const SweepPlan& plan, int64_t number);

/// Trials that other processes run at this moment.
int64_t held_trials(const SweepPlan& plan, const Study& study);

/// Running trials of Optuna's own workers: they have no lock.
int64_t foreign_trials(const SweepPlan& plan, const Study& study);

/// Whether the trial is to be run again: it was begun, and no process holds it any more.
bool is_left_behind(const SweepPlan& plan, const Trial& trial);

/// Trials that `plan.trials` counts, by now.
int64_t begun_trials(const SweepPlan& plan, const Study& study);

/// Finished trials among them.
int64_t finished_trials(const SweepPlan& plan, const Study& study);

/// The study's attribute with the failed trials that were there when somebody resumed it last.
inline const std::string kFailuresBefore = "dcmmm:failures_before";
int64_t failed_trials(const Study& study);

}  // namespace dcmmm
