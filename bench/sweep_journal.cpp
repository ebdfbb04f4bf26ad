// Many workers, processes each, with trials that take no time, on one journal: appends a second, and that nothing is
// lost. What a worker finished it also notes in a file of its own; all notes must be in the journal, once each.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "common/errors.hpp"
#include "sweep/worker.hpp"

namespace {

using namespace dcmmm;
namespace fs = std::filesystem;

struct Options {
  std::string folder;
  int workers = 64;
  int64_t trials = 10000;
};

SweepPlan plan_in(const Options& options) {
  return {options.folder,       {parse_search_word("x=interval(0.0,1)"), parse_search_word("k=a,b")},
          SamplerKind::kRandom, 3,
          options.trials,       std::nullopt};
}

void work(const Options& options, int worker) {
  std::ofstream notes(fs::path(options.folder) / ("notes" + std::to_string(worker)));
  notes.precision(17);
  const auto trial = [&](const TrialTask& task, const std::function<bool()>&) {
    const double objective = std::stod(task.words[0].substr(2));
    notes << task.number << " " << objective << std::endl;
    return TrialOutcome{TrialOutcome::Kind::kComplete, objective, ""};
  };
  run_worker(plan_in(options), trial, [] { return false; });
}

// The lines of the journal, by their own reader's rules: each ends, and each is a JSON object.
int64_t whole_lines(const fs::path& journal) {
  std::ifstream in(journal);
  std::string line;
  int64_t count = 0;
  for (; std::getline(in, line); ++count)
    if (in.eof() || !nlohmann::json::parse(line, nullptr, false).is_object())
      throw DamagedFileError("line " + std::to_string(count + 1) + " of the journal is torn");
  return count;
}

int run(const Options& options) {
  const SweepPlan plan = plan_in(options);
  fs::create_directories(plan.folder / "locks");
  StudyFile(plan.journal()).change([](const Study&) { return std::vector{create_study_line("bench", false)}; });
  const auto begin = std::chrono::steady_clock::now();
  std::vector<pid_t> children;
  for (int worker = 0; worker < options.workers; ++worker) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    work(options, worker);
    ::_exit(0);
  }
  int failed = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    failed += status != 0;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  std::map<int64_t, double> noted;
  int64_t notes = 0;
  for (int worker = 0; worker < options.workers; ++worker) {
    std::ifstream in(fs::path(options.folder) / ("notes" + std::to_string(worker)));
    int64_t number = 0;
    for (double objective = 0; in >> number >> objective; ++notes) noted[number] = objective;
  }
  const int64_t lines = whole_lines(plan.journal());
  StudyFile file(plan.journal());
  int64_t lost = 0, complete = 0;
  for (const Trial& trial : file.refresh().trials()) {
    complete += trial.state == TrialState::kComplete;
    const auto note = noted.find(trial.number);
    lost += note == noted.end() || trial.objective != note->second;
  }
  const nlohmann::ordered_json out = {{"workers", options.workers},
                                      {"trials", complete},
                                      {"run_more_than_once", notes - static_cast<int64_t>(noted.size())},
                                      {"lost", lost},
                                      {"failed_workers", failed},
                                      {"lines", lines},
                                      {"seconds", seconds},
                                      {"appends_per_second", static_cast<double>(lines) / seconds}};
  std::cout << out.dump(2) << std::endl;
  const bool holds = failed == 0 && lost == 0 && complete == options.trials && notes == options.trials &&
                     lines == 1 + 2 * options.trials;
  return holds ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Many workers on one journal", "sweep_journal");
  app.add_option("folder", options.folder, "a new folder for the journal")->required();
  app.add_option("--workers", options.workers, "processes");
  app.add_option("--trials", options.trials, "altogether");
  CLI11_PARSE(app, argc, argv);
  try {
    if (fs::exists(options.folder)) throw UserError("'" + options.folder + "' is there already: name a new folder.");
    return run(options);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
