// dcmmm COMMAND [key=value ...]: the command line, and the one place where errors end the process.
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string_view>

#include "comm/environment.hpp"
#include "comm/watchdog.hpp"
#include "common/errors.hpp"
#include "common/faults.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/built_in.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/folder_mark.hpp"
#include "launch/logging.hpp"
#include "launch/run_folder.hpp"
#include "launch/schema.hpp"
#include "launch/signals.hpp"
#include "launch/sweep_command.hpp"
#include "launch/yaml_text.hpp"

namespace {

using namespace dcmmm;
namespace fs = std::filesystem;

struct Command {
  const char* name;
  const char* does;
  const char* example;
  int (*run)(CommandContext&);
};

constexpr Command kCommands[] = {
    {"import", "a CSV (also .gz) or Parquet table into a panel file", "dcmmm import source=sales.csv output=panel.h5",
     import_command},
    {"synth", "a synthetic panel with known truth (and truth.json beside it)",
     "dcmmm synth output=panel.h5 synth.regions=50", synth_command},
    {"train", "fit the model; writes a run folder", "mpirun -n 2 dcmmm train data.source=sales.csv run.dir=runs/first",
     train_command},
    {"crossval", "rolling-origin evaluation beside the naive forecasts",
     "dcmmm crossval data.source=sales.csv crossval.windows=4", crossval_command},
    {"predict", "forecast future weeks from a run and their media and controls",
     "dcmmm predict run=runs/first data.source=future.csv output=forecast.csv", predict_command},
    {"plan", "a budget spent better, by a run's response curves", "dcmmm plan run=runs/first plan.budget=1e6",
     plan_command},
    {"export", "a run's results as CSV files", "dcmmm export run=runs/first output=csv", export_command},
    {"report", "a run's dashboards as one self-contained HTML page", "dcmmm report run=runs/first output=report.html",
     report_command},
    {"sweep", "search over settings on training weeks; sweep status|resume|cancel dir=DIR",
     "dcmmm sweep data.source=sales.csv 'model.likelihood.share_sd=tag(log, interval(0.01,1))' run.dir=runs/search",
     nullptr},  // its words hold several values to a key: run() hands them over as they are
};

struct CommandLine {
  std::string command, config_dir, inspected;
  bool print_config = false, multirun = false, dry_run = false;
  std::vector<std::string> words;
  int exit_code = -1;  // set when the command line itself ends the process (--help, an unknown option)
};

CommandLine parse(int argc, char** argv) {
  CommandLine line;
  CLI::App app("dcmmm: causal marketing mix models, trained on any number of ranks", "dcmmm");
  app.set_version_flag("--version", DCMMM_VERSION);
  app.require_subcommand(1);
  app.footer("Example: dcmmm train data.source=sales.csv\nMore about a command: dcmmm train --help");
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.does);
    sub->footer(
        text("Example: ", command.example, "\nKeys and their defaults: dcmmm ", command.name, " --print-config"));
    sub->add_option("overrides", line.words, "config overrides: key=value, +key=value, ~key, group=option");
    sub->add_option("--config-dir", line.config_dir,
                    "a folder of your own config groups, searched before the built-in ones");
    sub->add_flag("--print-config", line.print_config, "print the resolved config and end");
    sub->add_flag("-m,--multirun", line.multirun, "a grid (key=a,b), of sweep alone: sweep.sampler=grid");
    if (command.run == nullptr) sub->add_flag("--dry-run", line.dry_run, "print what would be run or submitted");
  }
  CLI::App* inspect = app.add_subcommand("inspect", "what a panel file, checkpoint or results file holds");
  inspect->footer("Example: dcmmm inspect panel.h5");
  inspect->add_option("file", line.inspected, "an HDF5 file of dcmmm")->required();
  std::vector<std::string> names = {"inspect"};
  for (const Command& command : kCommands) names.emplace_back(command.name);
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "help") {  // [command] --help
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  const std::string first = words.empty() ? "" : words[0];
  if (!first.empty() && first[0] != '-' && std::find(names.begin(), names.end(), first) == names.end()) {
    line.exit_code = static_cast<int>(ExitCode::kUserError);
    line.words = {
        text("Unknown command '", first, "'.", did_you_mean(first, names), " Commands: ", join(names), ".\n")};
    return line;
  }
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 takes them
    app.parse(words);
    line.command = app.get_subcommands().front()->get_name();
  } catch (const CLI::ParseError& error) {
    line.exit_code = error.get_exit_code() == 0 ? 0 : static_cast<int>(ExitCode::kUserError);
    std::ostringstream out;
    app.exit(error, out, out);
    line.words = {out.str()};
  }
  return line;
}

// `run=DIR` of predict, export, plan and report is short for run.dir=DIR.
std::vector<std::string> written_words(const CommandLine& line) {
  std::vector<std::string> words;
  for (const std::string& word : line.words)
    words.push_back(line.command != "train" && word.rfind("run=", 0) == 0 ? "run.dir=" + word.substr(4) : word);
  return words;
}

// A resumed run keeps its own settings: the words that it was started with, then the new ones. Of the old ones those
// that are said again count once, and what becomes of a finished run isn't a setting.
std::vector<std::string> words_to_resume(const Value& saved_overrides, const std::vector<std::string>& words) {
  std::vector<std::string> all;
  if (const auto* list = saved_overrides.as<Value::List>())
    for (const Value& saved : *list) {
      const auto* word = saved.as<std::string>();
      if (word == nullptr || word->find("run.overwrite=") != word->npos ||
          std::find(words.begin(), words.end(), *word) != words.end())
        continue;
      all.push_back(*word);
    }
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

// The --config-dir that a run was started with, for who resumes it without one.
void add_own_config_dir(const fs::path& run, std::vector<fs::path>& search_dirs) {
  const fs::path own = config_dir_of(run);
  if (own.empty()) return;
  if (!fs::is_directory(own))
    throw UserError(text("The run in '", run.string(), "' was started with --config-dir ", own.string(),
                         ", which isn't there any more. Say where those config files are now with --config-dir DIR."));
  search_dirs.insert(search_dirs.begin(), own);
}

// mesh.timeout in seconds; 0: none.
double wait_limit_of(const Value& config) {
  const auto limit = get<std::optional<std::string>>(config, "mesh.timeout");
  return limit ? parse_duration(*limit, "mesh.timeout") : 0;
}

int run(const CommandLine& line, const Environment& environment, Communicator& world) {
  if (line.command == "inspect") return world.rank() == 0 ? inspect_command(line.inspected) : 0;
  if (line.multirun && line.command != "sweep")
    throw UserError("Grids of runs (-m) are made by another command: dcmmm sweep -m key=a,b.");
  ComposeOptions compose_options;
  if (!line.config_dir.empty()) {
    if (!fs::is_directory(line.config_dir))
      throw UserError(text("--config-dir '", line.config_dir, "' is not a folder."));
    compose_options.search_dirs.push_back(line.config_dir);
  }
  const bool may_resume = line.command == "train" || line.command == "crossval";
  const auto is_resume = [](const std::string& word) { return word == "run.resume=true"; };
  if (may_resume && line.config_dir.empty() && std::any_of(line.words.begin(), line.words.end(), is_resume))
    for (const std::string& word : line.words)  // which may choose files of that folder, and so can't be read without
      if (word.starts_with("run.dir=")) add_own_config_dir(word.substr(8), compose_options.search_dirs);
  compose_options.search_dirs.push_back(built_in("configs"));
  if (line.command == "sweep") {
    std::vector<std::string> words = line.words;
    const bool has_sampler =
        std::any_of(words.begin(), words.end(), [](const auto& word) { return word.starts_with("sweep.sampler="); });
    if (line.multirun && has_sampler) throw UserError("-m is a grid: give it or sweep.sampler, not both.");
    if (line.multirun) words.emplace_back("sweep.sampler=grid");
    return sweep_command({words, line.config_dir, compose_options.search_dirs, line.print_config, line.dry_run},
                         environment, world);
  }
  compose_options.overrides = written_words(line);
  Value config = compose(compose_options);
  check_config(config);
  const auto directory = get<std::optional<fs::path>>(config, "run.dir");
  if (directory && may_resume) refuse_a_sweep(*directory);
  if (may_resume && get<bool>(config, "run.resume") && directory && fs::exists(*directory / "overrides.yaml")) {
    if (compose_options.search_dirs.size() == 1) add_own_config_dir(*directory, compose_options.search_dirs);
    compose_options.overrides =
        words_to_resume(read_yaml_file(*directory / "overrides.yaml"), compose_options.overrides);
    config = compose(compose_options);
    check_config(config);
  }
  if (line.print_config) {
    if (world.rank() == 0) std::cout << to_yaml(config);
    return 0;
  }
  set_wait_limit(wait_limit_of(config));
  CommandContext context{environment, world, std::move(config), compose_options.overrides, compose_options.search_dirs};
  for (const Command& command : kCommands)
    if (line.command == command.name) return command.run(context);
  return 1;
}

// An error's exit code and the message without a stack trace.
std::pair<int, std::string> describe_error() {
  try {
    throw;
  } catch (const Error& error) {
    return {static_cast<int>(error.code()), error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return {static_cast<int>(ExitCode::kUserError), describe(error)};
  } catch (const std::bad_alloc&) {
    return {1, "Out of memory. Lower trainer.memory_limit or trainer.region_chunk, or use more ranks."};
  } catch (const std::exception& error) {
    const std::string message = error.what();
    return {1, "Internal error: " + message.substr(0, message.find('\n')) +
                   ". This is a bug in dcmmm: please report it with the command and the log."};
  }
}

}  // namespace

// Waiting threads sleep instead of spinning: on a machine that others use, too, spinning makes a step four times as
// long (docs/benchmarks.md). OpenMP reads the variable when it is loaded, so the process starts itself once more;
// before any library's constructors run, since those of LibTorch take most of the time that starting takes. Nothing of
// the C library may be used here but system calls.
static void wait_passively(int, char** argv, char** environment) {
  // Until the handlers are there, USR1 (a checkpoint, please) ends nothing.
  struct sigaction ignored = {};
  ignored.sa_handler = SIG_IGN;
  sigaction(SIGUSR1, &ignored, nullptr);
  static constexpr std::string_view kPolicy = "OMP_WAIT_POLICY=", kSpinning = "GOMP_SPINCOUNT=";
  static char passive[] = "OMP_WAIT_POLICY=passive";
  constexpr size_t kMost = 4096;
  static char* changed[kMost + 2];
  size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    const std::string_view variable = environment[count];
    if (variable.starts_with(kPolicy) || variable.starts_with(kSpinning) || count == kMost) return;
    changed[count] = environment[count];
  }
  changed[count] = passive;
  execve("/proc/self/exe", argv, changed);  // comes back only where it fails, and then all goes on as it was
}
__attribute__((section(".preinit_array"), used)) static void (*const kWaitPassively)(int, char**,
                                                                                     char**) = wait_passively;

// Runs a command and ends MPI; the process's exit code.
static int run_process(int argc, char** argv) {
  await_checkpoint_request();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow (ulimit -f) is an error like a full disk, with a message
  std::signal(SIGCHLD, SIG_DFL);  // whoever started this may ignore it, and then children's exit codes are lost
  const CommandLine line = parse(argc, argv);
  try {
    // Workers of a sweep share their trials by its journal.
    const Environment environment(line.command == "sweep" ? Environment::UnrelatedCopies::kWelcome
                                                          : Environment::UnrelatedCopies::kRefused);
    if (line.exit_code >= 0) {
      if (environment.rank() == 0) (line.exit_code == 0 ? std::cout : std::cerr) << line.words.front() << std::flush;
      return line.exit_code;
    }
    try {
      start_logging(environment.rank() == 0);
      const auto world = environment.world();
      return run(line, environment, *world);
    } catch (...) {
      const auto [code, message] = describe_error();
      stop_logging_to_file();
      return end_with_error(environment, code, message);
    }
  } catch (const Error& error) {
    std::cerr << error.what() << std::endl;
    return static_cast<int>(error.code());
  }
}

// What the command wrote is closed by now. Taking down LibTorch's registries would take a third as long as setting
// them up.
int main(int argc, char** argv) {
  const int code = run_process(argc, argv);
#if defined(__SANITIZE_ADDRESS__) || defined(DCMMM_COVERAGE)
  return code;  // leaks are looked for, and counts of lines written, at an ordinary end
#else
  std::cout.flush();
  std::fflush(nullptr);
  fault_point("end");
  std::_Exit(code);
#endif
}
