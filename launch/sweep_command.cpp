#include "launch/sweep_command.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <exception>
#include <iostream>
#include <mutex>
#include <thread>

#include "comm/collective_guard.hpp"
#include "comm/threads.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/built_in.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/panel_source.hpp"
#include "launch/schema.hpp"
#include "launch/signals.hpp"
#include "launch/sweep_pack.hpp"
#include "launch/sweep_slurm.hpp"
#include "launch/sweep_trial.hpp"
#include "launch/sweep_words.hpp"
#include "launch/yaml_text.hpp"
#include "report/page_writer.hpp"
#include "sweep/summary.hpp"
#include "sweep/tpe.hpp"
#include "sweep/worker.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// Attributes of the study: what all its workers must agree on, how many trials were asked for last, and Slurm's numbers
// of the jobs that were submitted.
const std::string kSettings = "dcmmm:sweep", kTrials = "dcmmm:trials", kJobs = "dcmmm:slurm_jobs";

/// Held while the sweep's own files (not the journal) are written.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) {
    const fs::path path = folder / "locks/sweep";
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) throw UserError(text("Can't write '", path.string(), "': ", std::strerror(errno), "."));
    struct flock whole = {};
    whole.l_type = F_WRLCK;
    while (::fcntl(descriptor_, F_OFD_SETLKW, &whole) != 0 && errno == EINTR) {
    }
  }
  ~FolderLock() { ::close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

struct Sweep {
  Value config;
  SweepWords words;
  SweepPlan plan;
  SweepObjective objective;
  std::vector<SweepObjective> further;

  std::vector<std::string> objective_names() const {
    std::vector<std::string> out = {objective.name};
    for (const SweepObjective& other : further) out.push_back(other.name);
    return out;
  }
};

Value composed(const SweepLine& line, const std::vector<std::string>& words) {
  Value config = compose({line.config_dirs, "config", words});
  check_config(config);
  return config;
}

SearchSpace search_space(const Value& config, const std::vector<std::string>& words) {
  SearchSpace out;
  const auto add = [&](Parameter parameter) {
    std::erase_if(out, [&](const Parameter& earlier) { return earlier.key == parameter.key; });
    out.push_back(std::move(parameter));
  };
  const auto given = get<std::optional<TextMap>>(config, "sweep.space");
  for (const auto& [key, search] : given.value_or(TextMap())) add(parse_search(key, search));
  for (const std::string& word : words) add(parse_search_word(word));
  if (out.empty())
    throw UserError(
        "There is nothing to search: give keys with several values, such as model.adstock.decay=0.2,0.5 or "
        "'model.likelihood.share_sd=tag(log, interval(0.01,1))', or sweep.space in a config file.");
  const auto conditions = get<std::optional<TextMap>>(config, "sweep.when");
  for (const auto& [key, condition] : conditions.value_or(TextMap())) set_condition(out, key, condition);
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

fs::path dated_folder() {
  const std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%d_%H-%M-%S", std::localtime(&now));
  return fs::path("runs/sweep") / stamp;
}

Sweep read_sweep(const SweepLine& line) {
  Sweep out;
  out.words = split_sweep_words(line.words);
  out.config = composed(line, out.words.words);
  out.plan.folder = fs::absolute(get<std::optional<fs::path>>(out.config, "run.dir").value_or(dated_folder()));
  if (out.plan.folder.string().find('\'') != std::string::npos)
    throw UserError(
        text("The sweep's folder '", out.plan.folder.string(), "' has a quote in its name: choose another."));
  out.plan.space = search_space(out.config, out.words.search);
  out.plan.sampler = sampler_kind(get<std::string>(out.config, "sweep.sampler"));
  out.plan.seed = static_cast<uint64_t>(get<int64_t>(out.config, "run.seed"));
  out.plan.trials = get<int64_t>(out.config, "sweep.trials");
  if (out.plan.sampler == SamplerKind::kGrid) out.plan.trials = grid_size(out.plan.space);
  if (get<std::string>(out.config, "sweep.pruner") == "asha") {
    const auto first = get<std::optional<int64_t>>(out.config, "sweep.asha.first");
    const bool by_steps = get<std::string>(out.config, "sweep.objective").starts_with("metrics.");
    out.plan.asha = AshaOptions{first.value_or(by_steps ? 10 : 1), get<int64_t>(out.config, "sweep.asha.reduction")};
  }
  out.objective =
      sweep_objective(get<std::string>(out.config, "sweep.objective"), get<std::string>(out.config, "sweep.direction"));
  // The direction is said of the first one; the others follow their names.
  for (const std::string& name : get<std::vector<std::string>>(out.config, "sweep.further_objectives")) {
    out.further.push_back(sweep_objective(name, "auto"));
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
  if (out.plan.asha && !out.further.empty())
    throw UserError("sweep.pruner=asha compares trials by one objective: leave sweep.further_objectives out.");
  return out;
}

// What must be the same for every worker, and for a sweep that goes on.
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

// The panel of all trials ends before the holdout, so that no trial can see it.
void write_training_panel(const Sweep& sweep, Communicator& world) {
  const fs::path imported = sweep.plan.folder / "imported.h5";
  const fs::path source = locate_panel(sweep.config, imported, false, world);
  const PanelFile file(source);
  const PanelCoordinates& names = file.coordinates();
  const auto weeks = static_cast<int64_t>(names.weeks.size()) - get<int64_t>(sweep.config, "data.holdout_weeks");
  if (weeks < 1) throw UserError("data.holdout_weeks leaves no week of the panel to train on.");
  const Panel panel = file.read(0, static_cast<int64_t>(names.regions.size()));
  write_panel_file(sweep.plan.folder / "panel.h5", slice_weeks(panel, 0, weeks));
  fs::remove(imported);
}

// Settings that a trial can't be composed with are told before anything runs, not by every trial.
void check_first_trial(const SweepLine& line, const Sweep& sweep) {
  const std::vector<double> values = sample(sweep.plan.sampler, sweep.plan.space, sweep.plan.seed, 0, {});
  composed(line, with_trial(sweep.words.words, trial_settings(sweep.plan.space, values)));
}

// Makes the study, or joins the one that is there.
void open_study(const SweepLine& line, const Sweep& sweep, Communicator& world) {
  const fs::path& folder = sweep.plan.folder;
  fs::create_directories(folder / "locks");
  fs::create_directories(folder / "trials");
  const FolderLock lock(folder);
  StudyFile file(sweep.plan.journal());
  const bool joins = sweep.words.action == SweepWords::Action::kResume || get<bool>(sweep.config, "run.resume");
  if (file.refresh().exists()) {
    if (!joins)
      throw UserError(text("'", folder.string(), "' already holds a sweep. Go on with it: dcmmm sweep resume dir=",
                           folder.string(), ". Or choose another run.dir."));
    if (file.refresh().attribute(kSettings) != agreed_settings(sweep))
      throw UserError(text("The sweep in '", folder.string(),
                           "' was started with another search, sampler, seed or objective. Go on with its own words "
                           "(dcmmm sweep resume dir=DIR), or choose another run.dir."));
    // A worker that a queue starts late doesn't undo it.
    if (is_cancelled(file.refresh()) && sweep.words.action == SweepWords::Action::kResume)
      file.change([](const Study&) { return std::vector{study_attribute_line(kCancelled, false)}; });
    if (file.refresh().attribute(kTrials) != sweep.plan.trials)
      file.change([&](const Study&) { return std::vector{study_attribute_line(kTrials, sweep.plan.trials)}; });
    return;
  }
  check_first_trial(line, sweep);
  write_training_panel(sweep, world);
  Value::List saved;
  for (const auto& words : {sweep.words.words, sweep.words.search})
    for (const std::string& word : words)
      if (!word.starts_with("run.resume=")) saved.emplace_back(word);
  write_text_file(folder / "overrides.yaml", to_yaml(Value(saved)));
  write_text_file(folder / "config.yaml", to_yaml(sweep.config));
  file.change([&](const Study&) {
    std::vector<bool> maximise = {sweep.objective.maximise};
    for (const SweepObjective& other : sweep.further) maximise.push_back(other.maximise);
    return std::vector{create_study_line("dcmmm", maximise), study_attribute_line(kSettings, agreed_settings(sweep)),
                       study_attribute_line(kTrials, sweep.plan.trials)};
  });
}

std::string best_text(const Study& study, const Sweep& sweep) {
  const auto ranked = ranked_trials(study);
  if (ranked.empty()) return "no trial is complete yet";
  if (!sweep.further.empty()) {
    std::string out = "trials that no other one beats (" + join(sweep.objective_names()) + "):";
    for (const Trial* trial : pareto_front(study)) {
      out += text("\n  trial ", trial->number, ": ", *trial->objective);
      for (const double value : trial->further) out += text(", ", value);
      if (const auto values = trial->values_of(sweep.plan.space))
        out += ": " + join(trial_settings(sweep.plan.space, *values), " ");
    }
    return out;
  }
  std::string out = text("best: trial ", ranked[0]->number, ", ", sweep.objective.name, " ", *ranked[0]->objective);
  if (const auto values = ranked[0]->values_of(sweep.plan.space))
    out += ": " + join(trial_settings(sweep.plan.space, *values), " ");
  return out;
}

void write_summary(const Study& study, const Sweep& sweep) {
  const FolderLock lock(sweep.plan.folder);
  write_text_file(sweep.plan.folder / "trials.csv", trials_csv(study, sweep.plan.space));
  Page page;
  page.title = "Sweep: " + sweep.plan.folder.filename().string();
  page.styles = {"style.css"};
  page.scripts = {"tables.js", "sweep.js"};
  page.data = summary_data(study, sweep.plan.space, sweep.objective_names(),
                           text(finished_trials(study, sweep.plan.trials), " of ", sweep.plan.trials,
                                " trials are finished; sampler ", get<std::string>(sweep.config, "sweep.sampler"),
                                ", seed ", sweep.plan.seed, "; dcmmm ", DCMMM_VERSION, "."));
  write_text_file(sweep.plan.folder / "report.html", page_html(page, {built_in("report/assets"), plotly_js()}));
}

// What starts a trial of several ranks; none for one.
std::vector<std::string> trial_launcher(const Value& config) {
  const int64_t ranks = get<int64_t>(config, "sweep.ranks");
  if (ranks == 1) return {};
  auto out = get<std::vector<std::string>>(config, "sweep.rank_launcher");
  out.push_back(std::to_string(ranks));
  return out;
}

// Workers side by side until no trial is left.
void run_workers(const SweepLine& line, const Sweep& sweep, int64_t workers) {
  const TrialCommand command{fs::read_symlink("/proc/self/exe").string(),
                             sweep.plan.folder,
                             line.config_dir,
                             sweep.words.words,
                             sweep.objective,
                             get<int64_t>(sweep.config, "crossval.horizon"),
                             sweep.further,
                             sweep.plan.asha.has_value(),
                             trial_launcher(sweep.config)};
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
  const auto runner = [&](const TrialTask& task, const std::function<bool()>& stop) {
    TrialOutcome outcome = run_trial(command, task, stop);
    tell(task, outcome);
    return outcome;
  };
  const auto stop = [&] { return failed || stop_signal() != 0; };
  const int64_t slots = get<int64_t>(sweep.config, "sweep.pack");
  std::optional<Panel> panel;
  std::vector<int64_t> observed_cells;
  std::string checksum;
  if (slots > 1) {
    const PanelFile file(sweep.plan.folder / "panel.h5");
    panel = file.read(0, static_cast<int64_t>(file.coordinates().regions.size()));
    observed_cells = file.observed_cells();
    checksum = file.checksum();
  }
  const auto work = [&] {
    try {
      if (panel)
        run_pack({sweep.plan, command, line.config_dirs, *panel, observed_cells, checksum, slots}, stop, tell);
      else
        run_worker(sweep.plan, runner, stop);
    } catch (...) {
      const std::lock_guard guard(mutex);
      if (!failed.exchange(true)) failure = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < workers; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

void print_status(const Study& study, const Sweep& sweep) {
  std::string counts;
  for (const TrialState state :
       {TrialState::kComplete, TrialState::kPruned, TrialState::kFailed, TrialState::kRunning}) {
    int64_t count = 0;
    for (const Trial& trial : study.trials()) count += trial.state == state;
    if (count == 0 && state == TrialState::kPruned) continue;
    counts += text(counts.empty() ? "" : ", ", count, " ", name_of(state));
  }
  std::cout << counts << " of " << sweep.plan.trials << " trials" << (is_cancelled(study) ? "; cancelled" : "") << "\n"
            << best_text(study, sweep) << std::endl;
}

// The trials that follow from the search alone.
void print_trials(const Sweep& sweep) {
  const bool learns = sweep.plan.sampler == SamplerKind::kTpe;
  const int64_t known = learns ? std::min(kTpeStartTrials, sweep.plan.trials) : sweep.plan.trials;
  for (int64_t number = 0; number < known; ++number) {
    const auto values = sample(sweep.plan.sampler, sweep.plan.space, sweep.plan.seed, number, {});
    std::cout << join(trial_settings(sweep.plan.space, values), " ") << "\n";
  }
  if (learns) std::cout << "... and " << sweep.plan.trials - known << " that follow from those before\n";
  std::cout << std::flush;
}

// `logs`: where the tasks write to.
std::string batch_script(const SweepLine& line, const Sweep& sweep, const std::optional<fs::path>& logs) {
  SlurmOptions options = slurm_options(sweep.config);
  if (logs) options.log_folder = logs->string();
  std::vector<std::string> words;
  if (!line.config_dir.empty()) words.push_back("--config-dir=" + fs::absolute(line.config_dir).string());
  for (const auto& part : {sweep.words.words, sweep.words.search})
    for (const std::string& word : part)
      if (!word.starts_with("run.dir=") && !word.starts_with("run.resume=") && !word.starts_with("sweep.launcher=") &&
          !word.starts_with("sweep.workers=") && !word.starts_with("sweep.slurm."))
        words.push_back(word);
  words.push_back("run.dir=" + sweep.plan.folder.string());
  return slurm_script(options, fs::read_symlink("/proc/self/exe").string(), words);
}

std::vector<std::string> slurm_jobs(const Study& study) {
  const JournalLine jobs = study.attribute(kJobs);
  return jobs.is_array() ? jobs.get<std::vector<std::string>>() : std::vector<std::string>();
}

// The sweep's folder is there by now, so that mistakes in its words are told here and not by every job.
void submit(const SweepLine& line, const Sweep& sweep, StudyFile& file) {
  const fs::path script = sweep.plan.folder / "sweep.sbatch", logs = sweep.plan.folder / "slurm";
  fs::create_directories(logs);
  write_text_file(script, batch_script(line, sweep, logs));
  const std::string job = submit_slurm_job(script);
  file.change([&](const Study& study) {
    std::vector<std::string> jobs = slurm_jobs(study);
    jobs.push_back(job);
    return std::vector{study_attribute_line(kJobs, jobs)};
  });
  std::cout << "Submitted Slurm job " << job << " (" << script.string() << "). It writes to " << logs.string()
            << ".\nHow it goes: dcmmm sweep status dir=" << sweep.plan.folder.string() << std::endl;
}

}  // namespace

namespace {

// Makes the study or joins it. Under mpirun rank 0 does, and then the others are let in.
void open_on_rank_zero(const SweepLine& line, const Sweep& sweep, Communicator& world) {
  on_rank_zero(world, [&] {
    const auto alone = make_local_communicator();
    open_study(line, sweep, *alone);
  });
}

// Takes part in the sweep until no trial is left.
int work(const SweepLine& line, const Sweep& sweep, int64_t workers, StudyFile& file, bool speaks, bool waits) {
  if (is_cancelled(file.refresh())) {
    if (speaks)
      std::cout << "The sweep is cancelled. To go on: dcmmm sweep resume dir=" << sweep.plan.folder.string()
                << std::endl;
    return 0;
  }
  if (speaks) log_to_file(sweep.plan.folder / "sweep.log");
  log_info(text("Sweep in ", sweep.plan.folder.string(), ": ", sweep.plan.trials, " trials, ",
                finished_trials(file.refresh(), sweep.plan.trials), " finished before"));
  run_workers(line, sweep, workers);
  // Other ranks' last trials.
  while (waits && stop_signal() == 0 && held_trials(sweep.plan, file.refresh()) > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  write_summary(file.refresh(), sweep);
  if (speaks) print_status(file.refresh(), sweep);
  return stop_signal() != 0 ? static_cast<int>(ExitCode::kStopped) : 0;
}

// What asks no worker: prints, submits or cancels. None where there is work to do.
std::optional<int> look(const SweepLine& line, const Sweep& sweep, StudyFile& file) {
  if (get<std::string>(sweep.config, "sweep.launcher") == "slurm" && line.dry_run) {
    std::cout << batch_script(line, sweep, std::nullopt) << std::flush;
    return 0;
  }
  if (sweep.words.action == SweepWords::Action::kStatus) {
    print_status(file.refresh(), sweep);
    std::cout << slurm_jobs_text(slurm_jobs(file.refresh())) << std::flush;
    return 0;
  }
  if (sweep.words.action == SweepWords::Action::kCancel) {
    file.change([](const Study&) { return std::vector{study_attribute_line(kCancelled, true)}; });
    cancel_slurm_jobs(slurm_jobs(file.refresh()));
    std::cout << "Cancelled: workers stop within seconds. To go on: dcmmm sweep resume dir="
              << sweep.plan.folder.string() << std::endl;
    return 0;
  }
  if (!line.dry_run) return std::nullopt;
  print_trials(sweep);
  return 0;
}

}  // namespace

int sweep_command(const SweepLine& line, const Environment& environment, Communicator& world) {
  const bool speaks = world.rank() == 0;
  if (line.print_config) {
    if (speaks) std::cout << to_yaml(composed(line, split_sweep_words(line.words).words));
    return 0;
  }
  Sweep sweep = read_sweep(line);
  if (world.size() > 1 && !get<std::optional<fs::path>>(sweep.config, "run.dir"))
    throw UserError("On several ranks the sweep needs run.dir=DIR, a folder that all of them see.");
  StudyFile file(sweep.plan.journal());
  const JournalLine asked_last = file.refresh().attribute(kTrials);
  const bool asks_now = std::any_of(line.words.begin(), line.words.end(),
                                    [](const auto& word) { return key_of(word) == "sweep.trials"; });
  if (asked_last.is_number() && !asks_now) sweep.plan.trials = asked_last.get<int64_t>();
  const bool on_slurm = get<std::string>(sweep.config, "sweep.launcher") == "slurm";
  if (on_slurm || line.dry_run || sweep.words.action == SweepWords::Action::kStatus ||
      sweep.words.action == SweepWords::Action::kCancel) {
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
  int64_t workers = get<int64_t>(sweep.config, "sweep.workers");
  const auto cores = static_cast<int64_t>(allowed_processors().size());
  if (workers == 0) {
    const int64_t ranks = environment.machine()->size() * get<int64_t>(sweep.config, "sweep.ranks");
    workers = std::max<int64_t>(1, cores / ranks);
  }
  return work(line, sweep, workers, file, speaks, speaks && world.size() > 1);
}

}  // namespace dcmmm
