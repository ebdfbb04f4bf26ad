// Many workers, processes each, with trials that take no time, on one journal: trials a second beside so many that
// other processes run (--held), and that nothing is lost. What a worker finished it also notes in a file of its own;
// all notes must be in the journal, once each.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/errors.hpp"
#include "sweep/worker.hpp"

namespace {

using namespace dcmmm;
namespace fs = std::filesystem;

constexpr int64_t kHeldByOne = 500;  // locks of a process, an open file each

struct Options {
  fs::path folder, json = fs::read_symlink("/proc/self/exe").parent_path() / "sweep_journal.json";
  int workers = 64;
  int64_t trials = 10000;
  std::vector<int64_t> held = {0};
};

struct Row {
  int64_t held = 0, trials = 0, lines = 0, lost = 0, twice = 0, failed_workers = 0;
  double seconds = 0, processor_seconds = 0;  // of the workers
  bool holds = false;
};

// Counts `trials` beyond the held ones.
SweepPlan plan_in(const fs::path& folder, int64_t held, int64_t trials) {
  return {folder,
          {parse_search_word("x=interval(0.0,1)"), parse_search_word("k=a,b")},
          SamplerKind::kRandom,
          3,
          held + trials,
          std::nullopt};
}

fs::path notes_of(const fs::path& folder, int worker) { return folder / ("notes" + std::to_string(worker)); }

void work(const SweepPlan& plan, int worker) {
  std::ofstream notes(notes_of(plan.folder, worker));
  notes.precision(17);
  const auto trial = [&](const TrialTask& task, const std::function<bool()>&) {
    const double objective = std::stod(task.words[0].substr(2));
    notes << task.number << " " << objective << std::endl;
    return TrialOutcome{TrialOutcome::Kind::kComplete, objective, ""};
  };
  run_worker(plan, trial, [] { return false; });
}

/// Processes that hold running trials until this goes.
class Holders {
 public:
  Holders(const SweepPlan& plan, int64_t held) {
    int ready[2] = {};
    if (::pipe(ready) != 0 || ::pipe(end_) != 0) throw UserError("Can't make a pipe: too many open files?");
    for (int64_t first = 0; first < held; first += kHeldByOne) {
      children_.push_back(::fork());
      if (children_.back() != 0) continue;
      ::close(end_[1]);
      TrialPull pull(plan);
      for (int64_t i = first; i < std::min(held, first + kHeldByOne); ++i)
        if (!pull.next()) ::_exit(1);
      char byte = 1;
      if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
      ::close(ready[1]);                       // the parent reads to the end
      while (::read(end_[0], &byte, 1) > 0) {  // until the other end is closed
      }
      ::_exit(0);
    }
    ::close(ready[1]);
    size_t count = 0;
    for (char byte = 0; ::read(ready[0], &byte, 1) == 1;) ++count;
    ::close(ready[0]);
    if (count != children_.size()) throw UserError("A process that holds trials has ended: too many open files?");
  }
  ~Holders() {
    ::close(end_[1]);
    for (const pid_t child : children_) ::waitpid(child, nullptr, 0);
    ::close(end_[0]);
  }
  Holders(const Holders&) = delete;
  Holders& operator=(const Holders&) = delete;

 private:
  int end_[2] = {};
  std::vector<pid_t> children_;
};

double processor_seconds_of_children() {
  struct rusage usage = {};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
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

Row measure(const Options& options, int64_t held) {
  const SweepPlan plan = plan_in(options.folder / std::to_string(held), held, options.trials);
  fs::create_directories(plan.folder / "locks");
  StudyFile(plan.journal()).change([](const Study&) { return std::vector{create_study_line("bench", false)}; });
  const Holders holders(plan, held);
  Row row;
  row.held = held;
  const double processor_before = processor_seconds_of_children();
  const auto begin = std::chrono::steady_clock::now();
  std::vector<pid_t> children;
  for (int worker = 0; worker < options.workers; ++worker) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    work(plan, worker);
    ::_exit(0);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    row.failed_workers += status != 0;
  }
  row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  row.processor_seconds = processor_seconds_of_children() - processor_before;

  std::map<int64_t, double> noted;
  int64_t notes = 0;
  for (int worker = 0; worker < options.workers; ++worker) {
    std::ifstream in(notes_of(plan.folder, worker));
    int64_t number = 0;
    for (double objective = 0; in >> number >> objective; ++notes) noted[number] = objective;
  }
  row.lines = whole_lines(plan.journal());
  row.twice = notes - static_cast<int64_t>(noted.size());
  StudyFile file(plan.journal());
  int64_t running = 0;
  for (const Trial& trial : file.refresh().trials()) {
    const auto note = noted.find(trial.number);
    row.trials += trial.state == TrialState::kComplete;
    running += trial.state == TrialState::kRunning && note == noted.end();
    row.lost += trial.state != TrialState::kRunning && (note == noted.end() || trial.objective != note->second);
  }
  row.holds = row.failed_workers == 0 && row.lost == 0 && row.trials == options.trials && notes == options.trials &&
              running == held && row.lines == 1 + held + 2 * options.trials;
  return row;
}

int run(const Options& options) {
  std::printf("%d workers\n%8s %8s %9s %10s %9s %14s %6s %6s\n", options.workers, "running", "trials", "seconds",
              "trials/s", "lines/s", "processor ms", "lost", "twice");
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  bool holds = true;
  for (const int64_t held : options.held) {
    const Row row = measure(options, held);
    const double per_second = static_cast<double>(row.trials) / row.seconds;
    const double processor = row.processor_seconds / static_cast<double>(std::max<int64_t>(1, row.trials));
    std::printf("%8ld %8ld %9.2f %10.0f %9.0f %14.2f %6ld %6ld\n", row.held, row.trials, row.seconds, per_second,
                2 * per_second, 1e3 * processor, row.lost, row.twice);
    std::fflush(stdout);
    rows.push_back({{"running", row.held},
                    {"trials", row.trials},
                    {"seconds", row.seconds},
                    {"trials_per_second", per_second},
                    {"lines_per_second", 2 * per_second},
                    {"processor_seconds_per_trial", processor},
                    {"lines", row.lines},
                    {"lost", row.lost},
                    {"run_more_than_once", row.twice},
                    {"failed_workers", row.failed_workers}});
    holds = holds && row.holds;
  }
  std::ofstream file(options.json);
  file << nlohmann::ordered_json{{"workers", options.workers}, {"rows", rows}}.dump(2) << '\n';
  if (!file.flush())
    throw UserError("Cannot write " + options.json.string() + ". Give --json a file in an existing folder.");
  if (!holds) std::fputs("Trials were lost or run twice, or a worker failed.\n", stderr);
  return holds ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Many workers on one journal. Processor ms: of a worker for a trial.", "sweep_journal");
  app.add_option("folder", options.folder, "A new folder for the journals")->required();
  app.add_option("--workers", options.workers, "Processes")->check(CLI::Range(1, 10'000));
  app.add_option("--trials", options.trials, "Of the workers, for each row")->check(CLI::Range(1, 10'000'000));
  app.add_option("--held", options.held, "Trials that other processes run meanwhile; several: a row each")
      ->delimiter(',')
      ->check(CLI::Range(0, 10'000'000));
  app.add_option("--json", options.json, "File for the figures");
  app.option_defaults()->always_capture_default();
  CLI11_PARSE(app, argc, argv);
  try {
    if (fs::exists(options.folder))
      throw UserError("'" + options.folder.string() + "' is there already: name a new folder.");
    return run(options);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
