// dcmmm COMMAND [key=value ...]: the command line, and the one place where errors end the process.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>

#include "comm/environment.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/schema.hpp"
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
    {"import", "a CSV (also .gz) or Parquet table into a panel file", "dcmmm import source=sales.csv output=panel.h5", import_command},
    {"synth", "a synthetic panel with known truth (and truth.json beside it)", "dcmmm synth output=panel.h5 synth.regions=50", synth_command},
    {"train", "fit the model; writes a run folder", "mpirun -n 2 dcmmm train data.source=sales.csv run.dir=runs/first", train_command},
    {"predict", "forecast future weeks from a run and their media and controls",
     "dcmmm predict run=runs/first data.source=future.csv output=forecast.csv", predict_command},
    {"export", "a run's results as CSV files", "dcmmm export run=runs/first output=csv", export_command},
};

struct CommandLine {
  std::string command, config_dir, inspected;
  bool print_config = false, multirun = false;
  std::vector<std::string> words;
  int exit_code = -1;  // set when the command line itself ends the process (--help, an unknown option)
};

CommandLine parse(int argc, char** argv) {
  CommandLine line;
  CLI::App app("dcmmm: causal marketing mix models, trained on any number of ranks", "dcmmm");
  app.set_version_flag("--version", DCMMM_VERSION);
  app.require_subcommand(1);
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.does);
    sub->footer(text("Example: ", command.example, "\nKeys and their defaults: dcmmm ", command.name, " --print-config"));
    sub->add_option("overrides", line.words, "config overrides: key=value, +key=value, ~key, group=option");
    sub->add_option("--config-dir", line.config_dir, "a folder of your own config groups, searched before the built-in ones");
    sub->add_flag("--print-config", line.print_config, "print the resolved config and end");
    sub->add_flag("-m,--multirun", line.multirun, "a grid of runs (key=a,b)");
  }
  CLI::App* inspect = app.add_subcommand("inspect", "what a panel file, checkpoint or results file holds");
  inspect->footer("Example: dcmmm inspect panel.h5");
  inspect->add_option("file", line.inspected, "an HDF5 file of dcmmm")->required();
  std::vector<std::string> names = {"inspect"};
  for (const Command& command : kCommands) names.emplace_back(command.name);
  const std::string first = argc > 1 ? argv[1] : "";
  if (!first.empty() && first[0] != '-' && std::find(names.begin(), names.end(), first) == names.end()) {
    line.exit_code = static_cast<int>(ExitCode::kUserError);
    line.words = {text("Unknown command '", first, "'.", did_you_mean(first, names), " Commands: ", join(names), ".\n")};
    return line;
  }
  try {
    app.parse(argc, argv);
    line.command = app.get_subcommands().front()->get_name();
  } catch (const CLI::ParseError& error) {
    line.exit_code = error.get_exit_code() == 0 ? 0 : static_cast<int>(ExitCode::kUserError);
    std::ostringstream out;
    app.exit(error, out, out);
    line.words = {out.str()};
  }
  return line;
}

// Built-in configs: beside an installed binary, or in the source tree.
fs::path built_in_configs() {
  std::error_code failed;
  const fs::path binary = fs::read_symlink("/proc/self/exe", failed);
  const fs::path installed = binary.parent_path().parent_path() / "share/dcmmm/configs";
  return !failed && fs::exists(installed / "config.yaml") ? installed : fs::path(DCMMM_SOURCE_DIR) / "configs";
}

// `run=DIR` of predict and export is short for run.dir=DIR. A resumed run keeps its own settings: its saved overrides come
// before the new words.
std::vector<std::string> effective_words(const CommandLine& line) {
  std::vector<std::string> words;
  std::string directory;
  bool resumes = false;
  for (const std::string& word : line.words) {
    words.push_back(line.command != "train" && word.rfind("run=", 0) == 0 ? "run.dir=" + word.substr(4) : word);
    if (word.rfind("run.dir=", 0) == 0) directory = word.substr(8);
    if (word == "run.resume=true") resumes = true;
  }
  const fs::path saved = fs::path(directory) / "overrides.yaml";
  if (line.command != "train" || !resumes || directory.empty() || !fs::exists(saved)) return words;
  const Value earlier = read_yaml_file(saved);
  std::vector<std::string> all;
  if (const auto* list = earlier.as<Value::List>())
    for (const Value& word : *list)
      if (const auto* written = word.as<std::string>(); written != nullptr && written->rfind("run.", 0) != 0) all.push_back(*written);
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

int run(const CommandLine& line, const Environment& environment, Communicator& world) {
  if (line.command == "inspect") return world.rank() == 0 ? inspect_command(line.inspected) : 0;
  if (line.multirun) throw UserError("Grids of runs (-m) aren't built yet: give each key one value.");
  ComposeOptions compose_options;
  if (!line.config_dir.empty()) {
    if (!fs::is_directory(line.config_dir)) throw UserError(text("--config-dir '", line.config_dir, "' is not a folder."));
    compose_options.search_dirs.push_back(line.config_dir);
  }
  compose_options.search_dirs.push_back(built_in_configs());
  compose_options.overrides = effective_words(line);
  Value config = compose(compose_options);
  check_config(config);
  if (line.print_config) {
    if (world.rank() == 0) std::cout << to_yaml(config);
    return 0;
  }
  CommandContext context{environment, world, std::move(config), compose_options.overrides};
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
  } catch (const std::bad_alloc&) {
    return {1, "Out of memory. Lower trainer.memory_limit or trainer.region_chunk, or use more ranks."};
  } catch (const std::exception& error) {
    const std::string message = error.what();
    return {1, "Internal error: " + message.substr(0, message.find('\n')) + ". This is a bug in dcmmm: please report it with the command and the log."};
  }
}

}  // namespace

int main(int argc, char** argv) {
  const CommandLine line = parse(argc, argv);
  try {
    const Environment environment;
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
