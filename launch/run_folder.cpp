#include "launch/run_folder.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <optional>
#include <utility>

#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/shell_quoted.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"
#include "launch/folder_mark.hpp"
#include "launch/yaml_text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// Files that a run writes; run.overwrite removes these and nothing else. In this order: where that is cut off, what is
// left doesn't look finished, isn't resumed with another run's files, and still counts as a run to overwrite.
constexpr const char* kRunFiles[] = {"metrics.json",         "crossval.json",  "config.yaml",
                                     "overrides.yaml",       "train.log",      "history.csv",
                                     "results.h5",           "panel.h5",       "experiments.csv",
                                     "experiments.parquet",  "experiments.gz", "crossval.csv",
                                     "crossval_so_far.json", "origins",        "plan",
                                     "checkpoints"};

// Where a run that replaces another one is written at first, inside the folder.
constexpr const char* kDraft = "replacement.tmp";

struct Draft {
  explicit Draft(fs::path folder) : path(std::move(folder)) { fs::create_directories(path); }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    std::error_code ignored;
    if (!is_all_there_is) fs::remove_all(path, ignored);
  }
  fs::path path;
  mutable bool is_all_there_is = false;  // the earlier run is being removed
};

// Links in its folder's name are followed, and not the file's own: a file that is written replaces its link.
fs::path true_path(const fs::path& path) {
  fs::path plain = fs::absolute(path).lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();
  return fs::weakly_canonical(plain.parent_path()) / plain.filename();
}

// Which of the files of the run in `folder` the file is, or lies in; "": none. Both are true paths.
std::string runs_file(const fs::path& file, const fs::path& folder) {
  const fs::path inside = file.lexically_relative(folder);
  const std::string first = inside.empty() ? "" : inside.begin()->string();
  return std::find(std::begin(kRunFiles), std::end(kRunFiles), first) != std::end(kRunFiles) ? first : "";
}

// An input may lie in the folder, or its link lead there.
void refuse_inputs_within(const fs::path& folder, const RunFolderOptions& options) {
  const fs::path run = fs::weakly_canonical(fs::absolute(folder));
  for (const auto& [key, input] : options.inputs)
    if (!runs_file(true_path(input), run).empty() || !runs_file(fs::weakly_canonical(fs::absolute(input)), run).empty())
      throw UserError(text("'", key, "' is '", input.string(), "', a file of the run in '", folder.string(),
                           "' that run.overwrite=true replaces. Copy it to another place, or choose another run.dir."));
}

// Names of a run's files but those that this one only reads there.
std::vector<std::string> names_to_write(const fs::path& folder, const RunFolderOptions& options) {
  const auto reads = [&](const std::string& key, const char* name) {
    const auto input = options.inputs.find(key);
    std::error_code none;
    return input != options.inputs.end() && fs::equivalent(input->second, folder / name, none);
  };
  std::vector<std::string> out;
  for (const std::string name : kRunFiles) {
    const bool is_read = name == "panel.h5"
                             ? reads("data.panel", "panel.h5")
                             : name.starts_with("experiments.") && reads("data.experiments", name.c_str());
    if (!is_read) out.push_back(name);
  }
  return out;
}

RunFolder open_on_rank_zero(const RunFolderOptions& options, const std::string& command) {
  RunFolder out;
  out.path = options.directory.empty() ? dated_folder(command) : fs::path(options.directory);
  std::error_code failed;
  if (fs::is_directory(out.path, failed)) out.lock = std::make_shared<RunLock>(out.path);
  const bool is_there = fs::exists(out.path, failed) && holds_a_run(out.path);
  out.is_finished = is_there && (fs::exists(out.metrics()) || fs::exists(out.path / "crossval.json"));
  if (options.resume && options.overwrite)
    throw UserError("run.resume and run.overwrite are both true: say which one is meant.");
  if (options.resume && options.directory.empty())
    throw UserError("run.resume=true needs run.dir=DIR, the folder of the run to go on with.");
  if (options.resume && !fs::exists(out.config()))
    throw UserError(text("There is no run to resume in '", out.path.string(),
                         "'. Check run.dir, or leave run.resume=true out to start one."));
  if (options.resume) refuse_anothers_run(out.path, command);
  if (is_there && !options.resume && !options.overwrite) {
    throw UserError(
        text("'", out.path.string(), "' already holds ", out.is_finished ? "a finished run" : "an unfinished run",
             ". Say run.resume=true to go on with it, run.overwrite=true to replace it, or choose another run.dir."));
  }
  if (!options.resume && !options.overwrite && maker_of(out.path).empty())
    refuse_anothers_files(out.path, names_to_write(out.path, options));
  if (out.lock) fs::remove_all(out.path / kDraft);  // of a run that was killed
  if (is_there && options.overwrite) {
    refuse_inputs_within(out.path, options);
    out.is_finished = false;
    out.replaces = out.path;
    out.path /= kDraft;
    out.draft = std::make_shared<Draft>(out.path);
    return out;
  }
  fs::create_directories(out.path, failed);
  if (failed || !fs::is_directory(out.path))
    throw UserError(text("Can't make the run folder '", out.path.string(), "': ",
                         failed ? failed.message() : "a file is in the way", ". Choose another one with run.dir=DIR."));
  if (!out.lock) out.lock = std::make_shared<RunLock>(out.path);
  return out;
}

// A command line that fits what the evaluation in `folder` has judged.
std::string train_like(const fs::path& folder) {
  std::string out = "dcmmm train";
  const fs::path kept = folder / "overrides.yaml";
  const Value saved = fs::exists(kept) ? read_yaml_file(kept) : Value();
  if (const auto* words = saved.as<Value::List>())
    for (const Value& value : *words) {
      const auto* word = value.as<std::string>();
      if (word == nullptr) continue;
      const std::string key = word->substr(std::min(word->find_first_not_of("+~"), word->size()));
      if (!key.starts_with("run.") && !key.starts_with("crossval.")) out += " " + shell_quoted(*word);
    }
  if (const std::string configs = config_dir_of(folder); !configs.empty())
    out += " --config-dir " + shell_quoted(configs);
  return out + " run.dir=DIR";
}

std::string field(double value) { return std::isfinite(value) ? shortest(value) : ""; }

}  // namespace

fs::path dated_folder(const std::string& command) {
  const std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%d_%H-%M-%S", std::localtime(&now));
  fs::path path = fs::path("runs") / command / stamp;
  for (int again = 2; fs::exists(path); ++again) path = fs::path("runs") / command / text(stamp, "_", again);
  return path;
}

void refuse_a_sweep(const fs::path& path) {
  if (made_by(path) == "sweep")
    throw UserError(text("'", path.string(), "' holds a sweep. Go on with it, dcmmm sweep resume dir=", path.string(),
                         ", or choose another run.dir."));
}

bool holds_a_run(const fs::path& path) {
  return fs::exists(path / "metrics.json") || fs::exists(path / "checkpoints/manifest.json") ||
         fs::exists(path / "crossval.json");
}

void refuse_a_runs_file(const fs::path& output) {
  const fs::path file = true_path(output);
  for (fs::path folder = file.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
    const std::string name = runs_file(file, folder);
    if (name.empty() || name == "plan" || !fs::exists(folder / "config.yaml")) continue;
    if (holds_a_run(folder) || fs::exists(folder / "overrides.yaml"))
      throw UserError(text("output is '", output.string(), "', which is kept for the run in '", folder.string(),
                           "': it would be damaged. Choose another output."));
  }
}

RunFolderOptions run_folder_options(const Value& config) {
  RunFolderOptions out{get<std::optional<std::string>>(config, "run.dir").value_or(""),
                       get<bool>(config, "run.resume"),
                       get<bool>(config, "run.overwrite"),
                       {}};
  for (const char* key : {"data.source", "data.panel", "data.events", "data.experiments"})
    if (const auto path = get<std::optional<fs::path>>(config, key)) out.inputs[key] = *path;
  return out;
}

fs::path RunFolder::checkpoints(int mesh_row) const {
  return mesh_row == 0 ? path / "checkpoints" : path / "checkpoints" / text("row_", mesh_row);
}

RunFolder open_run_folder(const RunFolderOptions& options, const std::string& command, Communicator& world) {
  RunFolder out;
  on_rank_zero(world, [&] { out = open_on_rank_zero(options, command); });
  std::string path = out.path.string(), finished = out.is_finished ? "finished" : "", replaces = out.replaces.string();
  world.broadcast(path);
  world.broadcast(finished);
  world.broadcast(replaces);
  return {path, !finished.empty(), out.lock, replaces, out.draft};
}

void replace_earlier_run(RunFolder& folder, Communicator& world) {
  if (folder.replaces.empty()) return;
  on_rank_zero(world, [&] {
    const auto draft = std::static_pointer_cast<const Draft>(folder.draft);
    draft->is_all_there_is = true;
    for (const char* name : kRunFiles) fs::remove_all(folder.replaces / name);
    sync_path(folder.replaces);
    std::vector<fs::path> names;
    for (const auto& entry : fs::directory_iterator(folder.path)) names.push_back(entry.path().filename());
    // The config last: a run can be resumed once that is there.
    std::partition(names.begin(), names.end(), [](const fs::path& name) { return name != "config.yaml"; });
    for (const fs::path& name : names) fs::rename(folder.path / name, folder.replaces / name);
    draft->is_all_there_is = false;
    sync_path(folder.replaces);
  });
  folder.path = std::exchange(folder.replaces, {});
  folder.draft.reset();
}

RunFolder find_run_folder(const fs::path& path, const std::string& key) {
  RunFolder out{path, false, nullptr, {}, nullptr};
  if (!fs::exists(out.config()))
    throw UserError(text("'", path.string(),
                         "' is not a run folder: it has no config.yaml. Give the folder that `dcmmm train` wrote, ",
                         key, "=DIR."));
  const std::string maker = made_by(path);
  if (maker == "crossval")
    throw UserError(text("'", path.string(),
                         "' holds an evaluation by `dcmmm crossval`, which keeps no fit. Make one, ", train_like(path),
                         ", and give that folder: ", key, "=DIR."));
  if (maker == "sweep")
    throw UserError(text(
        "'", path.string(),
        "' holds a sweep, whose trials are no fit of the whole panel. See its best "
        "settings, dcmmm sweep status dir=",
        path.string(), ", fit with them, dcmmm train KEY=VALUE ... run.dir=DIR, and give that folder: ", key, "=DIR."));
  out.is_finished = fs::exists(out.metrics());
  return out;
}

std::string history_csv(const std::vector<HistoryRow>& history) {
  std::string out =
      "step,loss,data,deviation,region,penalty,learning_rate,gradient_norm,validation_rmse,seconds,graph\n";
  for (const HistoryRow& row : history) {
    out += std::to_string(row.step);
    for (const double value : {row.loss, row.data, row.deviation, row.region, row.penalty, row.learning_rate,
                               row.gradient_norm, row.validation_rmse, row.seconds, row.graph})
      out += "," + field(value);
    out += "\n";
  }
  return out;
}

}  // namespace dcmmm
