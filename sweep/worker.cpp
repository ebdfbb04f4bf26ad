#include "sweep/worker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "sweep/pareto.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLookEvery = std::chrono::seconds(1);  // at the journal, for a cancelled study
constexpr int64_t kMostFailures = 5;
// How often a worker that still has new trials looks at the locks of running ones, and at how many of them. All of them
// before every trial would be nearly all that 10,000 workers and their file server do.
constexpr auto kLookBehindEvery = std::chrono::seconds(30);
constexpr size_t kMostLooks = 20;

int64_t count_of(const Study& study, TrialState state) {
  return std::count_if(study.trials().begin(), study.trials().end(),
                       [&](const Trial& trial) { return trial.state == state; });
}

/// The lock of one trial.
class TrialLock {
 public:
  /// `may_be_new`: makes the file. Without it a trial that never had one (Optuna's own) isn't held.
  TrialLock(const fs::path& path, bool may_be_new) {
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC | (may_be_new ? O_CREAT : 0), 0644);
    if (descriptor_ < 0 && may_be_new)
      throw UserError(text("Can't write '", path.string(), "': ", std::strerror(errno), "."));
    struct flock whole = {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (descriptor_ >= 0) is_held_ = ::fcntl(descriptor_, F_OFD_SETLK, &whole) == 0;
  }
  TrialLock(TrialLock&& other) noexcept : descriptor_(other.descriptor_), is_held_(other.is_held_) {
    other.descriptor_ = -1;
  }
  TrialLock& operator=(TrialLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    is_held_ = other.is_held_;
    return *this;
  }
  ~TrialLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  bool is_held() const { return is_held_; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  bool is_held_ = false;
};

// Whether somebody holds it, without taking it: a worker that looks at this moment must not find it held.
bool is_locked(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return false;
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  const bool is_known = ::fcntl(descriptor, F_OFD_GETLK, &whole) == 0;
  ::close(descriptor);
  return is_known && whole.l_type != F_UNLCK;
}

struct Claim {
  int64_t id = 0, number = 0;
  std::vector<double> values;
  bool is_taken_over = false;
  TrialLock lock;
  std::optional<int64_t> last_step =
      std::nullopt;  // of the intermediate values that the study knows: only whoever holds it tells any
};

// What TPE learns from: complete trials in their order; behind them pruned ones, those that came farther first, then by
// their last value, as Optuna has them; failed and running ones are nothing that it would want.
std::vector<Observation> observations(const Study& study, const SearchSpace& space) {
  std::vector<Observation> out;
  std::vector<const Trial*> complete, pruned;
  std::map<const Trial*, size_t> place;
  for (const Trial& trial : study.trials()) {
    const auto values = trial.values_of(space);
    if (!values) continue;
    place[&trial] = out.size();
    out.push_back({*values, std::numeric_limits<double>::quiet_NaN()});
    if (trial.state == TrialState::kComplete && trial.objective) complete.push_back(&trial);
    if (trial.state == TrialState::kPruned && !trial.intermediate.empty()) pruned.push_back(&trial);
  }
  // Of several objectives the front counts.
  std::vector<std::vector<double>> losses;
  losses.reserve(complete.size());
  for (const Trial* trial : complete) losses.push_back(study.losses_of(*trial));
  const bool one = study.directions().size() < 2;
  const std::vector<int64_t> fronts = one ? std::vector<int64_t>(losses.size()) : front_numbers(losses);
  double worst = 0;
  for (size_t i = 0; i < complete.size(); ++i) {
    const double loss = one ? losses[i][0] : static_cast<double>(fronts[i]);
    out[place[complete[i]]].loss = loss;
    worst = std::max(worst, loss);
  }
  const double sign = study.maximises() ? -1 : 1;
  const auto reached = [&](const Trial* trial) {
    const auto& [step, value] = *trial->intermediate.rbegin();
    return std::pair(-step, sign * value);
  };
  std::stable_sort(pruned.begin(), pruned.end(),
                   [&](const Trial* a, const Trial* b) { return reached(a) < reached(b); });
  for (size_t i = 0; i < pruned.size(); ++i) out[place[pruned[i]]].loss = worst + 1 + static_cast<double>(i);
  return out;
}

fs::path lock_path(const SweepPlan& plan, int64_t number) { return plan.folder / "locks" / std::to_string(number); }

// Whether the trial may be left behind, as far as the journal says.
bool is_unfinished(const SweepPlan& plan, const Trial& trial) {
  return trial.state == TrialState::kRunning && (!trial.draw || *trial.draw < plan.trials);
}

// Without the journal's lock, which others wait for: what the journal says of a trial whose lock is held here holds.
// Looks at `most` of the running trials, of many at others each time.
std::optional<Claim> left_behind(StudyFile& file, const SweepPlan& plan, size_t most, std::minstd_rand& random) {
  std::vector<int64_t> running;
  for (const Trial& trial : file.refresh().trials())
    if (is_unfinished(plan, trial) && trial.values_of(plan.space)) running.push_back(trial.number);
  if (running.size() > most) {
    std::rotate(running.begin(), running.begin() + static_cast<int64_t>(random() % running.size()), running.end());
    running.resize(most);
  }
  for (const int64_t number : running) {
    TrialLock lock(lock_path(plan, number), /*may_be_new=*/false);
    if (!lock.is_held()) continue;
    const Study& study = file.refresh();
    if (is_cancelled(study)) return std::nullopt;
    const Trial& trial = study.trials()[static_cast<size_t>(number)];
    const auto values = trial.values_of(plan.space);
    if (trial.state != TrialState::kRunning || !values) continue;
    Claim claim{trial.id, number, *values, true, std::move(lock)};
    if (!trial.intermediate.empty()) claim.last_step = trial.intermediate.rbegin()->first;
    return claim;
  }
  return std::nullopt;
}

// Whether it is one of plan.trials. A grid has to come to its own points, whatever else is tried.
bool counts(const SweepPlan& plan, const Trial& trial) {
  if (plan.sampler == SamplerKind::kGrid) return trial.draw.has_value();
  return trial.state != TrialState::kWaiting && !trial.attributes.contains(kRetryOf);
}

// The sampler's values of draw `number`.
std::vector<double> sampled(const SweepPlan& plan, const Study& study, int64_t number) {
  const bool learns = plan.sampler == SamplerKind::kTpe;
  return sample(plan.sampler, plan.space, plan.seed, number,
                learns ? observations(study, plan.space) : std::vector<Observation>());
}

// A trial that Optuna enqueued, with the values that it wants and the sampler's for the others.
std::optional<Claim> enqueued(const SweepPlan& plan, const Study& study) {
  for (const Trial& trial : study.trials()) {
    if (trial.state != TrialState::kWaiting) continue;
    std::vector<double> values = sampled(plan, study, plan.sampler == SamplerKind::kGrid ? 0 : trial.number);
    bool can_run = true;
    for (size_t p = 0; p < plan.space.size(); ++p) {
      const auto wanted = trial.wanted.find(plan.space[p].key);
      if (wanted == trial.wanted.end()) continue;
      const std::optional<double> value = value_of(plan.space[p], wanted->second);
      can_run = can_run && value;
      values[p] = value.value_or(0);
    }
    if (!can_run) continue;  // Optuna's own business
    leave_out_inactive(plan.space, values);
    for (size_t p = 0; p < plan.space.size(); ++p)  // that count only with what is wanted
      if (std::isnan(values[p]) && is_active(plan.space, values, p)) values[p] = from_unit(plan.space[p], 0.5);
    TrialLock lock(lock_path(plan, trial.number), /*may_be_new=*/true);
    if (lock.is_held()) return Claim{trial.id, trial.number, std::move(values), false, std::move(lock)};
  }
  return std::nullopt;
}

// A trial that begins now.
std::optional<Claim> new_trial(StudyFile& file, const SweepPlan& plan) {
  std::optional<Claim> claim;
  file.change([&](const Study& study) -> std::vector<JournalLine> {
    if (is_cancelled(study)) return {};
    claim = enqueued(plan, study);
    if (claim) return start_trial_lines(claim->id, plan.space, claim->values);
    if (begun_trials(plan, study) >= plan.trials) return {};
    const auto number = static_cast<int64_t>(study.trials().size());
    TrialLock lock(lock_path(plan, number), /*may_be_new=*/true);
    const int64_t draw = study.next_draw();
    std::vector<double> values = sampled(plan, study, draw);
    JournalLine line =
        create_trial_line(plan.space, values, draw == number ? std::nullopt : std::optional(std::pair(kDraw, draw)));
    claim.emplace(Claim{study.next_id(), number, std::move(values), false, std::move(lock)});
    return {std::move(line)};
  });
  return claim;
}

// TrialTask::report of a claimed trial. It comes ten times a second: without news the journal stays shut.
bool tell_values(StudyFile& file, const SweepPlan& plan, Claim& claim, const std::map<int64_t, double>& values,
                 bool at_end) {
  bool pruned = false;
  for (auto told = claim.last_step ? values.upper_bound(*claim.last_step) : values.begin(); told != values.end();
       ++told) {
    const int64_t step = told->first;
    const double value = told->second;
    if (!std::isfinite(value)) continue;
    file.change([&](const Study& study) -> std::vector<JournalLine> {
      std::vector<JournalLine> lines = {intermediate_line(claim.id, step, value)};
      pruned = !at_end && plan.asha && asha_prunes(*plan.asha, study, claim.number, step, value);
      if (pruned) lines.push_back(end_trial_line(claim.id, TrialState::kPruned, value));
      return lines;
    });
    claim.last_step = step;
    if (pruned) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> trial_settings(const SearchSpace& space, const std::vector<double>& values) {
  std::vector<std::string> out;
  for (size_t p = 0; p < space.size(); ++p)
    if (!std::isnan(values[p])) out.push_back(text(space[p].key, "=", value_text(space[p], values[p])));
  return out;
}

bool is_cancelled(const Study& study) { return study.attribute(kCancelled) == true; }

void make_lock(const SweepPlan& plan, int64_t number) { TrialLock(lock_path(plan, number), /*may_be_new=*/true); }

int64_t held_trials(const SweepPlan& plan, const Study& study) {
  return std::count_if(study.trials().begin(), study.trials().end(), [&](const Trial& trial) {
    return trial.state == TrialState::kRunning && is_locked(lock_path(plan, trial.number));
  });
}

int64_t foreign_trials(const SweepPlan& plan, const Study& study) {
  return std::count_if(study.trials().begin(), study.trials().end(), [&](const Trial& trial) {
    return trial.state == TrialState::kRunning && !fs::exists(lock_path(plan, trial.number));
  });
}

bool is_left_behind(const SweepPlan& plan, const Trial& trial) {
  const fs::path lock = lock_path(plan, trial.number);
  return is_unfinished(plan, trial) && trial.values_of(plan.space) && fs::exists(lock) && !is_locked(lock);
}

int64_t failed_trials(const Study& study) { return count_of(study, TrialState::kFailed); }

int64_t begun_trials(const SweepPlan& plan, const Study& study) {
  return std::count_if(study.trials().begin(), study.trials().end(),
                       [&](const Trial& trial) { return counts(plan, trial); });
}

int64_t finished_trials(const SweepPlan& plan, const Study& study) {
  return std::count_if(study.trials().begin(), study.trials().end(),
                       [&](const Trial& trial) { return trial.is_finished() && counts(plan, trial); });
}

struct TrialPull::Held {
  Claim claim;
};

TrialPull::TrialPull(const SweepPlan& plan) : plan_(plan), file_(plan.journal()) {}
TrialPull::~TrialPull() = default;

std::optional<TrialTask> TrialPull::next() {
  const bool is_due = !last_look_behind_ || Clock::now() - *last_look_behind_ > kLookBehindEvery;
  std::optional<Claim> claimed;
  if (is_due) claimed = left_behind(file_, plan_, kMostLooks, random_);
  if (is_due && !claimed) last_look_behind_ = Clock::now();  // where there was one, there may be more
  if (!claimed) claimed = new_trial(file_, plan_);
  // At its end a worker looks at all of them: nobody may come after it.
  if (!claimed) claimed = left_behind(file_, plan_, std::numeric_limits<size_t>::max(), random_);
  if (!claimed) return std::nullopt;
  const int64_t number = claimed->number;
  auto& held = held_[number];
  held = std::make_unique<Held>(Held{std::move(*claimed)});
  Claim& claim = held->claim;
  return TrialTask{number, trial_settings(plan_.space, claim.values), claim.lock.descriptor(), claim.is_taken_over,
                   [this, &claim](const std::map<int64_t, double>& values, bool at_end) {
                     return tell_values(file_, plan_, claim, values, at_end);
                   }};
}

void TrialPull::end(const TrialTask& task, TrialOutcome outcome) {
  const auto held = held_.extract(task.number);
  if (outcome.kind == TrialOutcome::Kind::kStopped) return;
  ++finished_;
  if (outcome.kind == TrialOutcome::Kind::kPruned) return;
  const Claim& claim = held.mapped()->claim;
  const bool is_finite =
      std::isfinite(outcome.objective) &&
      std::all_of(outcome.further.begin(), outcome.further.end(), [](double value) { return std::isfinite(value); });
  if (outcome.kind == TrialOutcome::Kind::kComplete && !is_finite)
    outcome = {TrialOutcome::Kind::kFailed, 0, "its objective is not a finite number", {}};
  const bool is_complete = outcome.kind == TrialOutcome::Kind::kComplete;
  file_.change([&](const Study&) -> std::vector<JournalLine> {
    if (is_complete) return {end_trial_line(claim.id, TrialState::kComplete, outcome.objective, outcome.further)};
    return {trial_attribute_line(claim.id, "problem", outcome.problem),
            end_trial_line(claim.id, TrialState::kFailed, std::nullopt)};
  });
  if (is_complete) return;
  // Of all workers: many of them shouldn't fail five times each.
  const Study& study = file_.refresh();
  const JournalLine before = study.attribute(kFailuresBefore);
  const int64_t failures = failed_trials(study) - (before.is_number() ? before.get<int64_t>() : 0);
  if (failures >= kMostFailures && count_of(study, TrialState::kComplete) + count_of(study, TrialState::kPruned) == 0)
    throw UserError(text(failures, " trials failed and none is complete. The last one: ", outcome.problem));
}

bool TrialPull::is_cancelled() {
  if (!is_cancelled_ && Clock::now() - last_look_ > kLookEvery) {
    is_cancelled_ = dcmmm::is_cancelled(file_.refresh());
    last_look_ = Clock::now();
  }
  return is_cancelled_;
}

int64_t run_worker(const SweepPlan& plan, const TrialRunner& runner, const std::function<bool()>& stop) {
  TrialPull pull(plan);
  while (!stop()) {
    const std::optional<TrialTask> task = pull.next();
    if (!task) break;
    const TrialOutcome outcome = runner(*task, [&] { return stop() || pull.is_cancelled(); });
    pull.end(*task, outcome);
    if (outcome.kind == TrialOutcome::Kind::kStopped) break;
  }
  return pull.finished();
}

}  // namespace dcmmm
