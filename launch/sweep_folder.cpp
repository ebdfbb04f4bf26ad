#include "launch/sweep_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/built_in.hpp"
#include "launch/configuration.hpp"
#include "launch/panel_source.hpp"
#include "launch/yaml_text.hpp"
#include "report/page_writer.hpp"
#include "sweep/summary.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

const std::string kTrials = "dcmmm:trials";

namespace {

// Attribute of the study: what all its workers must agree on.
const std::string kSettings = "dcmmm:sweep";

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

}  // namespace dcmmm
