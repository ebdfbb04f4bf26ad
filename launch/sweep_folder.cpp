#include "launch/sweep_folder.hpp"
#include "launch/logging.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <set>

#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/built_in.hpp"
#include "launch/configuration.hpp"
#include "launch/folder_mark.hpp"
#include "launch/run_folder.hpp"
#include "launch/schema.hpp"
#include "launch/sweep_checks.hpp"
#include "launch/sweep_panel.hpp"
#include "launch/yaml_text.hpp"
#include "report/page_writer.hpp"
#include "sweep/summary.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

namespace {

// Attributes of the study: what all its workers must agree on; the number of trials that was asked for last; the name
// of the copy of data.experiments.
const std::string kSettings = "dcmmm:sweep", kTrials = "dcmmm:trials", kExperiments = "dcmmm:experiments";

/// Held while the sweep's own files (not the journal) are written.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) {
    const fs::path path = folder / "locks/sweep";
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0)
      throw UserError(text("Can't write '", path.string(), "': ", std::strerror(errno),
                           ". Choose another place with run.dir=DIR."));
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

// Copies the table of lift tests, so that all trials read the same one wherever they run. Its name there; none: "".
std::string keep_experiments(const Sweep& sweep) {
  const auto given = get<std::optional<fs::path>>(sweep.config, "data.experiments");
  if (!given) return "";
  std::string name = text("experiments", given->extension().string());
  const fs::path kept = sweep.plan.folder / name;
  std::error_code none;
  if (!fs::equivalent(*given, kept, none)) write_text_file(kept, read_text_file(*given));
  return name;
}

// Keys that may differ between workers, or when a sweep goes on, as trials are the same whatever they are; the sweep's
// own, of which agreed_settings() says what must be the same; and where the data came from that it keeps.
bool is_free(const std::string& key, bool keeps_experiments) {
  if (key == "data.experiments") return keeps_experiments;
  for (const char* name : {"trainer.threads", "trainer.device", "trainer.memory_limit", "trainer.region_chunk",
                           "data.source", "data.panel", "data.events"})
    if (key == name) return true;
  for (const char* group : {"sweep.", "run.", "mesh.", "checkpoint."})
    if (key.starts_with(group)) return true;
  return false;
}

// How the study differs from what is asked for now, so that trials wouldn't be comparable, for people; "" where it
// doesn't. Keys that one of two versions doesn't have are left out.
std::string difference(const Study& study, const Sweep& sweep) {
  if (study.attribute(kSettings) != agreed_settings(sweep) || study.maximises() != sweep.objective.maximise)
    return "another search, sampler, seed or objective";
  const fs::path kept = sweep.plan.folder / "config.yaml";
  if (!fs::exists(kept)) return "";
  const Value before = read_yaml_file(kept);
  const bool keeps_experiments = !kept_experiments(study, sweep).empty();
  for (const KeySpec& spec : known_keys()) {
    const bool is_searched = std::any_of(sweep.plan.space.begin(), sweep.plan.space.end(),
                                         [&](const Parameter& parameter) { return parameter.key == spec.key; });
    const Value *was = find_path(before, spec.key), *is = find_path(sweep.config, spec.key);
    if (!is_free(spec.key, keeps_experiments) && !is_searched && was != nullptr && is != nullptr && !(*was == *is))
      return text("'", spec.key, "' = ", show(*was));
  }
  return "";
}

// How to go on with it where it differs.
std::string own_words(const Study& study, const SweepLine& line, const fs::path& folder) {
  const JournalLine kept = study.attribute(kConfigDir);
  const std::string before = kept.is_string() ? kept.get<std::string>() : "";
  const std::string now = line.config_dir.empty() ? "" : fs::absolute(line.config_dir).string();
  std::string out = text("Go on with its own words (dcmmm sweep resume dir=", folder.string());
  if (before != now) return out + (before.empty() ? ") and without --config-dir" : ") and its --config-dir=" + before);
  return out + (now.empty() ? ")" : text("), with the files of its --config-dir '", now, "' as they were then"));
}

// The trials' weeks stay those that the sweep began with.
void say_what_is_ignored(const Sweep& sweep) {
  const fs::path kept = sweep.plan.folder / "config.yaml";
  if (!fs::exists(kept)) return;
  const Value before = read_yaml_file(kept);
  for (const char* key : {"data.panel", "data.source", "data.events"}) {
    const Value *was = find_path(before, key), *is = find_path(sweep.config, key);
    if (was != nullptr && is != nullptr && !(*was == *is))
      log_warning(text("'", key, "' = ", show(*is), " is ignored: all trials read the sweep's own panel, ",
                       (sweep.plan.folder / "panel.h5").string(), ". For other data start another sweep."));
  }
}

// The failed trials that weren't tried again yet, once more under new numbers: as trials whose worker died.
std::vector<JournalLine> retries(const Study& study, const Sweep& sweep) {
  std::vector<JournalLine> out;
  std::set<int64_t> done;
  for (const Trial& trial : study.trials())
    if (const auto of = trial.attributes.find(kRetryOf); of != trial.attributes.end() && of->second.is_number())
      done.insert(of->second.get<int64_t>());
  auto number = static_cast<int64_t>(study.trials().size());
  for (const Trial& trial : study.trials()) {
    const auto values = trial.values_of(sweep.plan.space);
    if (trial.state != TrialState::kFailed || done.contains(trial.number) || !values) continue;
    make_lock(sweep.plan, number++);
    out.push_back(create_trial_line(sweep.plan.space, *values, std::pair(kRetryOf, trial.number)));
  }
  return out;
}

// Whether somebody else's run is there, or was begun. A sweep whose start was cut off has its locks.
bool holds_another(const fs::path& folder) {
  return holds_a_run(folder) || (fs::exists(folder / "config.yaml") && !fs::exists(folder / "locks"));
}

int64_t asked_trials(const Study& study, const Sweep& sweep) {
  const JournalLine asked = study.attribute(kTrials);
  return asked.is_number() ? asked.get<int64_t>() : sweep.plan.trials;
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

}  // namespace

void open_study(const SweepLine& line, const Sweep& sweep, Communicator& world) {
  const fs::path& folder = sweep.plan.folder;
  if (!StudyFile(sweep.plan.journal()).refresh().exists()) {  // mistakes leave no folder behind
    if (holds_another(folder))
      throw UserError(text("'", folder.string(), "' already holds a run. Choose another run.dir for the sweep."));
    try {
      refuse_anothers_files(
          folder, {"config.yaml", "overrides.yaml", "panel.h5", "imported.h5", "trials", "trials.csv", "report.html"});
    } catch (const UserError&) {
      if (!fs::exists(folder / "locks")) throw;  // else a start that was cut off, or another worker's just now
    }
    check_trials(line, sweep);
  }
  fs::create_directories(folder / "locks");
  fs::create_directories(folder / "trials");
  const FolderLock lock(folder);
  StudyFile file(sweep.plan.journal());
  const bool joins = sweep.words.action == SweepWords::Action::kResume || get<bool>(sweep.config, "run.resume");
  if (file.refresh().exists()) {
    if (!joins)
      throw UserError(text("'", folder.string(), "' already holds a sweep. Go on with it: dcmmm sweep resume dir=",
                           folder.string(), ". Or choose another run.dir."));
    const std::string other = difference(file.refresh(), sweep);
    if (!other.empty())
      throw UserError(text("The sweep in '", folder.string(), "' was started with ", other,
                           ": its trials wouldn't be comparable. ", own_words(file.refresh(), line, folder),
                           ", or choose another run.dir."));
    say_what_is_ignored(sweep);
    const fs::path experiments = kept_experiments(file.refresh(), sweep);
    for (const fs::path& needed : {folder / "panel.h5", experiments})
      if (!needed.empty() && !fs::exists(needed))
        throw UserError(text("'", needed.string(),
                             "', which all trials of the sweep read, isn't there any more. Bring it back, or start "
                             "another sweep."));
    if (get<bool>(sweep.config, "sweep.retry_failed"))
      file.change([&](const Study& study) { return retries(study, sweep); });
    // A worker that a queue starts late undoes nothing.
    if (sweep.words.action == SweepWords::Action::kResume)
      file.change([&](const Study& study) {
        std::vector<JournalLine> lines = {study_attribute_line(kFailuresBefore, failed_trials(study))};
        if (is_cancelled(study)) lines.push_back(study_attribute_line(kCancelled, false));
        // Where its files are now.
        if (!line.config_dir.empty() && study.attribute(kConfigDir) != fs::absolute(line.config_dir).string())
          lines.push_back(study_attribute_line(kConfigDir, fs::absolute(line.config_dir).string()));
        return lines;
      });
    if (file.refresh().attribute(kTrials) != wanted_trials(line, sweep, file.refresh()))
      file.change([&](const Study& study) {
        return std::vector{study_attribute_line(kTrials, wanted_trials(line, sweep, study))};
      });
    return;
  }
  write_training_panel(sweep, world);
  const std::string experiments = keep_experiments(sweep);
  Value::List saved;
  for (const auto& words : {sweep.words.words, sweep.words.search})
    for (const std::string& word : words)
      if (!word.starts_with("run.resume=") && !word.starts_with("sweep.retry_failed=")) saved.emplace_back(word);
  write_text_file(folder / "overrides.yaml", to_yaml(Value(saved)));
  write_text_file(folder / "config.yaml", to_yaml(sweep.config));
  file.change([&](const Study&) {
    std::vector<bool> maximise = {sweep.objective.maximise};
    for (const SweepObjective& other : sweep.further) maximise.push_back(other.maximise);
    std::vector<JournalLine> lines = {create_study_line("dcmmm", maximise),
                                      study_attribute_line(kSettings, agreed_settings(sweep)),
                                      study_attribute_line(kTrials, sweep.plan.trials)};
    if (!line.config_dir.empty())
      lines.push_back(study_attribute_line(kConfigDir, fs::absolute(line.config_dir).string()));
    if (!experiments.empty()) lines.push_back(study_attribute_line(kExperiments, experiments));
    return lines;
  });
}

bool asks_for_trials(const SweepLine& line) {
  return std::any_of(line.words.begin(), line.words.end(),
                     [](const std::string& word) { return key_of(word) == "sweep.trials"; });
}

int64_t wanted_trials(const SweepLine& line, const Sweep& sweep, const Study& study) {
  const int64_t asked_last = asked_trials(study, sweep);
  if (!asks_for_trials(line)) return asked_last;
  return sweep.words.action == SweepWords::Action::kStart ? std::max(asked_last, sweep.plan.trials) : sweep.plan.trials;
}

fs::path kept_experiments(const Study& study, const Sweep& sweep) {
  const JournalLine name = study.attribute(kExperiments);
  return name.is_string() ? sweep.plan.folder / name.get<std::string>() : fs::path();
}

void write_summary(StudyFile& file, const Sweep& sweep) {
  const FolderLock lock(sweep.plan.folder);
  const Study& study = file.refresh();  // under the lock: whoever writes last has seen the most
  write_text_file(sweep.plan.folder / "trials.csv", trials_csv(study, sweep.plan.space));
  Page page;
  page.title = "Sweep: " + sweep.plan.folder.filename().string();
  page.styles = {"style.css"};
  page.scripts = {"tables.js", "sweep.js"};
  page.data =
      summary_data(study, sweep.plan.space, sweep.objective_names(),
                   text(finished_trials(sweep.plan, study), " of ", counted(asked_trials(study, sweep), "trials"),
                        " finished; sampler ", get<std::string>(sweep.config, "sweep.sampler"), ", seed ",
                        sweep.plan.seed, "; dcmmm ", DCMMM_VERSION, "."));
  write_text_file(sweep.plan.folder / "report.html", page_html(page, {built_in("report/assets"), plotly_js()}));
}

void print_status(const Study& study, const Sweep& sweep) {
  std::string counts;
  const auto add = [&](int64_t count, const std::string& what, bool always) {
    if (count > 0 || always) counts += text(counts.empty() ? "" : ", ", count, " ", what);
  };
  const auto count = [&](TrialState state) {
    return std::count_if(study.trials().begin(), study.trials().end(),
                         [&](const Trial& trial) { return trial.state == state; });
  };
  const int64_t held = held_trials(sweep.plan, study), elsewhere = foreign_trials(sweep.plan, study);
  add(count(TrialState::kComplete), "complete", true);
  add(count(TrialState::kPruned), "pruned", false);
  add(count(TrialState::kFailed), "failed", true);
  add(held + elsewhere, "running", true);
  add(count(TrialState::kRunning) - held - elsewhere, "interrupted", false);
  add(count(TrialState::kWaiting), "waiting", false);
  std::cout << counts << " of " << counted(sweep.plan.trials, "trials") << (is_cancelled(study) ? "; cancelled" : "")
            << "\n"
            << best_text(study, sweep) << "\n";
  for (auto trial = study.trials().rbegin(); trial != study.trials().rend(); ++trial) {
    const auto problem = trial->attributes.find("problem");
    if (trial->state != TrialState::kFailed || problem == trial->attributes.end() || !problem->second.is_string())
      continue;
    std::cout << "the last failure: trial " << trial->number << ", " << problem->second.get<std::string>() << "\n";
    break;
  }
  std::cout << std::flush;
}

}  // namespace dcmmm
