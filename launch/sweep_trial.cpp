#include "launch/sweep_trial.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <thread>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/value.hpp"
#include "sweep/trial_process.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr auto kReportEvery = std::chrono::milliseconds(100);
// How often a trial is started whose process ends from outside: by someone, or for want of memory, then in vain.
constexpr int kMostStarts = 3;
constexpr int kNoProgram = 127;

// A process that ended because somebody or something else wanted it to: it left its trial as it was.
bool was_interrupted(int code) {
  for (const int signal : {SIGKILL, SIGTERM, SIGINT, SIGUSR2, SIGHUP})
    if (code == 128 + signal) return true;
  return code == static_cast<int>(ExitCode::kStopped);
}

// Words about the sweep itself, its folder, and the data that its panel file holds by now.
bool is_the_sweeps_own(const std::string& key) {
  for (const char* name : {"data.source", "data.panel", "data.events", "data.holdout_weeks"})
    if (key == name) return true;
  return key == "sweep" || key.starts_with("sweep.") || (key.starts_with("run.") && key != "run.seed");
}

// Whether all is to stop, as a trial's end from outside may tell first: mpirun makes an exit code of its own of it, and
// a worker looks once a second whether the sweep is cancelled.
bool stops_soon(const TrialCommand& command, const std::function<bool()>& stop) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(command.launcher.empty() ? 0 : 1500);
  while (!stop()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(kReportEvery);
  }
  return true;
}

// The file as it is now; none where there is no whole one.
std::optional<nlohmann::json> json_in(const fs::path& file) {
  std::ifstream in(file);
  nlohmann::json out = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  return out.is_object() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<double> figure_in(const fs::path& file, const SweepObjective& objective) {
  const auto json = json_in(file);
  return json ? figure_of(*json, objective) : std::nullopt;
}

// How a trial does so far. An evaluation: its figure over the first origins, by their number. A
// training run: its validation's RMSE by step, with a minus where the objective is maximised.
std::map<int64_t, double> intermediate_values(const TrialCommand& command, int64_t number) {
  std::map<int64_t, double> out;
  const fs::path folder = trial_folder(command, number);
  if (!command.objective.is_of_training()) {
    auto so_far = json_in(folder / "crossval_so_far.json");
    if (!so_far) so_far = json_in(folder / "crossval.json");
    if (!so_far || !so_far->contains("first_origins")) return out;
    for (const auto& [count, figures] : so_far->at("first_origins").items())
      if (const auto figure = figures.find(command.objective.name); figure != figures.end() && figure->is_number())
        out[std::stoll(count)] = figure->get<double>();
    return out;
  }
  std::ifstream rows(folder / "history.csv");
  std::vector<std::string> names, row;
  std::string line;
  while (std::getline(rows, line)) {
    row.clear();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    if (names.empty()) {
      names = row;
      continue;
    }
    const auto column = std::find(names.begin(), names.end(), "validation_rmse") - names.begin();
    const std::string& rmse = row.at(static_cast<size_t>(column));
    if (!rmse.empty()) out[std::stoll(row[0])] = (command.objective.maximise ? -1 : 1) * std::stod(rmse);
  }
  return out;
}

// The last message: its last line that says something (mpirun puts rules around what it says), and where that is
// indented, the lines that it belongs to.
std::string last_message(const fs::path& output) {
  std::string all = read_text_file(output);
  while (!all.empty() && (all.back() == '\n' || all.back() == '-')) all.pop_back();
  std::vector<std::string> lines;
  std::istringstream in(all);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  size_t first = lines.empty() ? 0 : lines.size() - 1;
  const auto is_indented = [&](size_t line) { return lines[line].starts_with(' '); };
  while (first > 0 && (is_indented(first) || is_indented(first - 1))) --first;
  std::string out;
  for (size_t i = first; i < lines.size(); ++i)
    out += text(out.empty() ? "" : " ", lines[i].substr(std::min(lines[i].find_first_not_of(' '), lines[i].size())));
  return out.substr(0, 500);
}

}  // namespace

fs::path trial_folder(const TrialCommand& command, int64_t number) {
  return command.folder / "trials" / std::to_string(number);
}

std::optional<double> figure_of(const nlohmann::json& file, const SweepObjective& objective) {
  const std::string path = objective.is_of_training() ? objective.name.substr(8) : "pooled.model." + objective.name;
  const nlohmann::json* node = &file;
  for (const std::string& name : split_path(path)) {
    if (!node->is_object() || !node->contains(name)) return std::nullopt;
    node = &node->at(name);
  }
  return node->is_number() ? std::optional(node->get<double>()) : std::nullopt;
}

SweepObjective sweep_objective(const std::string& name, const std::string& direction, const std::string& key) {
  const auto ends_with_one = [&](std::initializer_list<const char*> ends) {
    return std::any_of(ends.begin(), ends.end(), [&](const char* end) { return name.ends_with(end); });
  };
  const bool up = ends_with_one({"skill", "r2"}), down = ends_with_one({"rmse", "mae", "wape", "error"});
  if (direction == "auto" && !up && !down && key != "sweep.objective")
    throw UserError(text("Whether a larger '", name,
                         "' is better isn't known. Make it sweep.objective, with sweep.direction, "
                         "and put the other one into ",
                         key, "."));
  if (direction == "auto" && !up && !down)
    throw UserError(text("Is a larger 'sweep.objective=", name,
                         "' better? Say sweep.direction=maximize or sweep.direction=minimize."));
  return {name, direction == "auto" ? up : direction == "maximize"};
}

std::string key_of(const std::string& word) {
  const size_t first = std::min(word.find_first_not_of("+~"), word.size());
  return word.substr(first, word.find('=') - first);
}

std::vector<std::string> with_trial(const std::vector<std::string>& words, const std::vector<std::string>& trial) {
  std::vector<std::string> out;
  for (const std::string& word : words)
    if (std::none_of(trial.begin(), trial.end(), [&](const auto& own) { return key_of(own) == key_of(word); }))
      out.push_back(word);
  out.insert(out.end(), trial.begin(), trial.end());
  return out;
}

std::vector<std::string> trial_words(const TrialCommand& command, const TrialTask& task) {
  std::vector<std::string> out = command.launcher;
  out.insert(out.end(), {command.program, command.objective.command()});
  if (!command.config_dir.empty()) out.push_back("--config-dir=" + command.config_dir);
  const std::vector<std::string> words = trial_overrides(command, task);
  out.insert(out.end(), words.begin(), words.end());
  return out;
}

std::vector<std::string> trial_overrides(const TrialCommand& command, const TrialTask& task) {
  std::vector<std::string> out;
  bool has_threads = false, has_beside = false;
  for (const std::string& word : with_trial(command.words, task.words)) {
    const std::string key = key_of(word);
    has_threads |= key == "trainer.threads";
    has_beside |= key == "crossval.beside";
    const bool is_kept = key == "data.experiments" && !command.experiments.empty();
    if (!is_the_sweeps_own(key) && !is_kept) out.push_back(word);
  }
  const fs::path folder = trial_folder(command, task.number);
  out.insert(out.end(), {"data.source=null", "data.events=null"});
  out.push_back(text("data.panel='", (command.folder / "panel.h5").string(), "'"));
  if (!command.experiments.empty()) out.push_back(text("data.experiments='", command.experiments.string(), "'"));
  out.push_back(text("run.dir='", folder.string(), "'"));
  if (!has_threads) out.emplace_back("trainer.threads=1");
  if (command.objective.is_of_training()) {
    out.push_back(text("data.holdout_weeks=", command.holdout));
    const bool goes_on = task.is_taken_over && fs::exists(folder / "checkpoints/manifest.json");
    out.emplace_back(goes_on ? "run.resume=true" : "run.overwrite=true");
  } else {
    if (!has_beside) out.emplace_back("crossval.beside=[]");
    const bool goes_on = task.is_taken_over && fs::exists(folder / "origins") && fs::exists(folder / "config.yaml");
    out.emplace_back(goes_on ? "run.resume=true" : "run.overwrite=true");
  }
  return out;
}

TrialOutcome outcome_of(const TrialCommand& command, const nlohmann::json& file) {
  std::vector<SweepObjective> objectives = {command.objective};
  objectives.insert(objectives.end(), command.further.begin(), command.further.end());
  std::vector<double> figures;
  for (const SweepObjective& objective : objectives) {
    const auto figure = figure_of(file, objective);
    if (!figure)
      return {TrialOutcome::Kind::kFailed, 0,
              text("one of its objectives is '", objective.name, "', which ", objective.file(), " has no number for")};
    figures.push_back(*figure);
  }
  return {TrialOutcome::Kind::kComplete, figures[0], "", {figures.begin() + 1, figures.end()}};
}

TrialOutcome run_trial(const TrialCommand& command, const TrialTask& task, const std::function<bool()>& stop) {
  const fs::path file = trial_folder(command, task.number) / command.objective.file();
  const fs::path output = command.folder / "trials" / text(task.number, ".txt");
  if (!task.is_taken_over || !figure_in(file, command.objective)) {
    bool pruned = false;
    auto last = std::chrono::steady_clock::now();
    const auto look = [&] {
      if (command.reports && std::chrono::steady_clock::now() - last > kReportEvery) {
        last = std::chrono::steady_clock::now();
        pruned = pruned || task.report(intermediate_values(command, task.number), /*at_end=*/false);
      }
      return pruned || stop();
    };
    TrialTask start = task;
    int code = 128 + SIGKILL;
    for (int starts = 0; was_interrupted(code) && starts < kMostStarts; ++starts) {
      // A signal to all of a job may have reached the trial first.
      if (starts > 0 && stop()) return {TrialOutcome::Kind::kStopped, 0, ""};
      // A launcher hands USR2 on and waits; TERM would end its ranks at once.
      code = run_trial_process(trial_words(command, start), output, task.lock_descriptor, look,
                               command.launcher.empty() ? SIGTERM : SIGUSR2, command.device);
      start.is_taken_over = true;  // goes on from its checkpoint, if it has one
    }
    if (pruned) return {TrialOutcome::Kind::kPruned, 0, ""};
    if (code == -1 || (code != 0 && stops_soon(command, stop))) return {TrialOutcome::Kind::kStopped, 0, ""};
    if (code == kNoProgram && !command.launcher.empty())
      return {TrialOutcome::Kind::kFailed, 0,
              text("'", command.launcher.front(), "' of sweep.rank_launcher can't be started: is it in PATH?")};
    if (code == static_cast<int>(ExitCode::kStopped))
      return {TrialOutcome::Kind::kFailed, 0,
              text("it stopped ", kMostStarts, " times before its end: at trainer.time_limit?")};
    if (was_interrupted(code))
      return {TrialOutcome::Kind::kFailed, 0,
              text("its process was ended ", kMostStarts, " times from outside, last with exit code ", code,
                   code == 128 + SIGKILL ? " (for want of memory?)" : "", " (", output.string(), ")")};
    if (code != 0)
      return {TrialOutcome::Kind::kFailed, 0,
              text("exit code ", code, ": ", last_message(output), " (", output.string(), ")")};
  }
  if (command.reports) task.report(intermediate_values(command, task.number), /*at_end=*/true);
  const auto json = json_in(file);
  if (!json) return {TrialOutcome::Kind::kFailed, 0, text("it left no ", file.string())};
  return outcome_of(command, *json);
}

}  // namespace dcmmm
