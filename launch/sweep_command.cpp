#include "launch/sweep_command.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <set>
#include <thread>

#include "comm/collective_guard.hpp"
#include "comm/control_groups.hpp"
#include "comm/threads.hpp"
#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/panel_source.hpp"
#include "launch/settings.hpp"
#include "launch/signals.hpp"
#include "launch/sweep_checks.hpp"
#include "launch/sweep_folder.hpp"
#include "launch/sweep_pack.hpp"
#include "launch/sweep_settings.hpp"
#include "launch/sweep_slurm.hpp"
#include "launch/sweep_submit.hpp"
#include "launch/sweep_trial.hpp"
#include "launch/sweep_words.hpp"
#include "launch/yaml_text.hpp"
#include "sweep/devices.hpp"
#include "sweep/tpe.hpp"
#include "sweep/worker.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// What starts a trial of several ranks; none for one.
std::vector<std::string> trial_launcher(const Value& config) {
  const int64_t ranks = get<int64_t>(config, "sweep.ranks");
  if (ranks == 1) return {};
  auto out = get<std::vector<std::string>>(config, "sweep.rank_launcher");
  out.push_back(std::to_string(ranks));
  return out;
}

/// Workers of this process among those of its machine.
struct Slots {
  int64_t count = 1, first = 0;
};

// Workers side by side until no trial is left.
void run_workers(const SweepLine& line, const Sweep& sweep, const Slots& slots, const fs::path& experiments) {
  const TrialCommand command{fs::read_symlink("/proc/self/exe").string(),
                             sweep.plan.folder,
                             line.config_dir,
                             sweep.words.words,
                             sweep.objective,
                             get<int64_t>(sweep.config, "crossval.horizon"),
                             sweep.further,
                             sweep.plan.asha.has_value(),
                             trial_launcher(sweep.config),
                             "",
                             experiments};
  std::mutex mutex;
  std::exception_ptr failure;
  std::atomic<bool> failed = false;
  const auto tell = [&](const TrialTask& task, const TrialOutcome& outcome) {
    const std::lock_guard guard(mutex);
    if (outcome.kind == TrialOutcome::Kind::kComplete)
      log_info(text("Trial ", task.number, ": ", outcome.objective, "  ", join(task.words, " ")));
    else if (outcome.kind == TrialOutcome::Kind::kPruned)
      log_info(text("Trial ", task.number, " pruned:  ", join(task.words, " ")));
    else if (outcome.kind == TrialOutcome::Kind::kFailed)
      log_warning(text("Trial ", task.number, " failed: ", outcome.problem));
  };
  const auto stop = [&] { return failed || stop_signal() != 0; };
  const std::vector<std::string> devices = visible_devices(std::getenv("CUDA_VISIBLE_DEVICES"));
  const int64_t pack = get<int64_t>(sweep.config, "sweep.pack");
  std::optional<Panel> panel;
  std::vector<int64_t> observed_cells;
  std::string checksum;
  if (pack > 1) {
    const fs::path path = sweep.plan.folder / "panel.h5";
    const PanelFile file(path);
    const auto regions = static_cast<int64_t>(file.coordinates().regions.size());
    panel = read_regions(file, path, 0, regions, memory_of_rank(trainer_options(sweep.config), 1), sweep.plan.folder);
    observed_cells = file.observed_cells();
    checksum = file.checksum();
  }
  const auto work = [&](int64_t slot) {
    TrialCommand own = command;
    if (own.launcher.empty()) own.device = device_of_slot(devices, slot);  // ranks choose among all
    const auto runner = [&](const TrialTask& task, const std::function<bool()>& stop) {
      TrialOutcome outcome = run_trial(own, task, stop);
      tell(task, outcome);
      return outcome;
    };
    try {
      if (panel) {
        const auto gpus = static_cast<int64_t>(std::max<size_t>(1, devices.size()));
        run_pack({sweep.plan, command, line.config_dirs, *panel, observed_cells, checksum, pack,
                  static_cast<int>(slot % gpus)},
                 stop, tell);
      } else {
        run_worker(sweep.plan, runner, stop);
      }
    } catch (...) {
      const std::lock_guard guard(mutex);
      if (!failed.exchange(true)) failure = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < slots.count; ++i) threads.emplace_back(work, slots.first + i);
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

// The trials that are still to be run: those that were left behind, and those that follow from the search alone.
void print_trials(const Sweep& sweep, const Study& study) {
  const SweepPlan& plan = sweep.plan;
  const auto print = [&](const std::vector<double>& values) {
    std::cout << join(trial_settings(plan.space, values), " ") << "\n";
  };
  int64_t left = plan.trials - begun_trials(plan, study);
  bool prints_none = left <= 0;
  std::set<int64_t> begun;  // places in the sampler's sequence
  for (const Trial& trial : study.trials()) {
    if (trial.draw) begun.insert(*trial.draw);
    if (!is_left_behind(plan, trial)) continue;
    print(*trial.values_of(plan.space));
    prints_none = false;
  }
  const bool learns = plan.sampler == SamplerKind::kTpe;
  for (int64_t draw = 0; left > 0 && !(learns && draw >= kTpeStartTrials); ++draw) {
    if (begun.contains(draw)) continue;
    print(sample(plan.sampler, plan.space, plan.seed, draw, {}));
    --left;
  }
  if (learns && left > 0) std::cout << "... and " << left << " that follow from those before\n";
  if (prints_none) std::cout << "No trial is left to run; sweep.trials=N asks for more.\n";
  std::cout << std::flush;
}

// Makes the study or joins it. Under mpirun rank 0 does, and then the others are let in.
void open_on_rank_zero(const SweepLine& line, const Sweep& sweep, Communicator& world) {
  on_rank_zero(world, [&] {
    const auto alone = make_local_communicator();
    open_study(line, sweep, *alone);
  });
}

bool all_failed(const Study& study) {
  return failed_trials(study) > 0 && std::all_of(study.trials().begin(), study.trials().end(), [](const Trial& trial) {
           return trial.state == TrialState::kFailed || trial.state == TrialState::kWaiting;
         });
}

// Takes part in the sweep until no trial is left.
int work(const SweepLine& line, const Sweep& sweep, const Slots& slots, StudyFile& file, bool speaks, bool waits) {
  if (is_cancelled(file.refresh())) {
    if (speaks)
      std::cout << "The sweep is cancelled. To go on: dcmmm sweep resume dir=" << sweep.plan.folder.string()
                << std::endl;
    return 0;
  }
  if (speaks) log_to_file(sweep.plan.folder / "sweep.log");
  log_info(text("Sweep in ", sweep.plan.folder.string(), ": ", counted(sweep.plan.trials, "trials"), ", ",
                finished_trials(sweep.plan, file.refresh()), " finished before"));
  if (const int64_t begun = begun_trials(sweep.plan, file.refresh()); begun > sweep.plan.trials)
    log_info(text("sweep.trials=", sweep.plan.trials, " asks for no more: ", begun,
                  " trials were begun before. A larger number goes on."));
  try {
    run_workers(line, sweep, slots, kept_experiments(file.refresh(), sweep));
  } catch (...) {
    try {
      write_summary(file, sweep);
    } catch (const std::exception& error) {
      log_warning(error.what());  // the first reason counts
    }
    throw;
  }
  // Other ranks' last trials.
  while (waits && stop_signal() == 0 && held_trials(sweep.plan, file.refresh()) > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  write_summary(file, sweep);
  const Study& study = file.refresh();
  if (speaks) print_status(study, sweep);
  if (stop_signal() != 0) {
    log_info("Stopped. Go on with: dcmmm sweep resume dir=" + sweep.plan.folder.string());
    return static_cast<int>(ExitCode::kStopped);
  }
  if (speaks && all_failed(study))
    throw UserError(text(
        failed_trials(study) == 1 ? "Its one trial failed" : text("All ", failed_trials(study), " trials failed"),
        ". When the reason is gone: dcmmm sweep resume dir=", sweep.plan.folder.string(), " sweep.retry_failed=true"));
  return 0;
}

// What asks no worker: prints. None where there is work to do.
std::optional<int> look(const SweepLine& line, const Sweep& sweep, StudyFile& file) {
  if (sweep.words.action == SweepWords::Action::kStatus) {
    print_status(file.refresh(), sweep);
    std::cout << slurm_jobs_text(slurm_jobs(file.refresh())) << std::flush;
    return 0;
  }
  if (!line.dry_run) return std::nullopt;
  check_trials(line, sweep);
  if (is_cancelled(file.refresh()))
    log_warning(
        "The sweep is cancelled: its workers do nothing before `dcmmm sweep resume` is called without --dry-run.");
  if (get<std::string>(sweep.config, "sweep.launcher") == "slurm")
    std::cout << batch_script(line, sweep, std::nullopt) << std::flush;
  else
    print_trials(sweep, file.refresh());
  return 0;
}

// Without the config, which may not be there any more.
void cancel(const fs::path& folder) {
  StudyFile file(folder / "journal.log");
  file.change([](const Study&) { return std::vector{study_attribute_line(kCancelled, true)}; });
  cancel_slurm_jobs(slurm_jobs(file.refresh()));
  std::cout << "Cancelled: workers stop within seconds. To go on: dcmmm sweep resume dir=" << folder.string()
            << std::endl;
}

}  // namespace

int sweep_command(const SweepLine& given, const Environment& environment, Communicator& world) {
  const bool speaks = world.rank() == 0;
  const SweepWords words = split_sweep_words(given.words);
  const bool looks = words.action == SweepWords::Action::kStatus || words.action == SweepWords::Action::kCancel;
  if (looks && given.dry_run)
    throw UserError("--dry-run says what would be run: leave it out of sweep status and cancel.");
  if (words.action == SweepWords::Action::kCancel && !given.print_config) {
    if (speaks) cancel(words.folder);
    return 0;
  }
  const SweepLine line = with_its_config_dir(given);
  if (line.print_config) {
    if (speaks) std::cout << to_yaml(composed(line, split_sweep_words(line.words).words));
    return 0;
  }
  Sweep sweep = read_sweep(line);
  if (world.size() > 1 && !get<std::optional<fs::path>>(sweep.config, "run.dir"))
    throw UserError("On several ranks the sweep needs run.dir=DIR, a folder that all of them see.");
  if (sweep.plan.sampler == SamplerKind::kGrid && !looks && asks_for_trials(line))
    log_warning(text("sweep.trials is ignored: a grid has its own number, ", sweep.plan.trials, "."));
  StudyFile file(sweep.plan.journal());
  sweep.plan.trials = wanted_trials(line, sweep, file.refresh());
  const bool on_slurm = get<std::string>(sweep.config, "sweep.launcher") == "slurm";
  if (on_slurm || line.dry_run || looks) {
    if (!speaks) return 0;
    if (const auto code = look(line, sweep, file)) return *code;
  }
  install_signal_handlers();
  if (on_slurm) {
    open_study(line, sweep, *make_local_communicator());
    submit(line, sweep, file);
    return 0;
  }
  open_on_rank_zero(line, sweep, world);
  sweep.plan.trials = wanted_trials(line, sweep, file.refresh());  // somebody may have asked for more meanwhile
  int64_t workers = get<int64_t>(sweep.config, "sweep.workers");
  const auto processors = static_cast<double>(allowed_processors().size());
  const auto cores = static_cast<int64_t>(std::clamp(granted_by_control_groups().processors, 1.0, processors));
  if (workers == 0) {
    const int64_t ranks = environment.machine()->size() * get<int64_t>(sweep.config, "sweep.ranks");
    workers = std::max<int64_t>(1, cores / ranks);
  }
  return work(line, sweep, {workers, environment.local_rank() * workers}, file, speaks, speaks && world.size() > 1);
}

}  // namespace dcmmm
