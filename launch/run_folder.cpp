#include "launch/run_folder.hpp"

#include <cmath>
#include <ctime>

#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// Files that a training run writes; run.overwrite removes these and nothing else.
constexpr const char* kRunFiles[] = {"config.yaml",  "overrides.yaml", "train.log", "history.csv",
                                     "metrics.json", "results.h5",     "panel.h5",  "checkpoints",
                                     "crossval.csv", "crossval.json",  "origins",   "plan"};

fs::path dated_folder(const std::string& command) {
  const std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%d_%H-%M-%S", std::localtime(&now));
  fs::path path = fs::path("runs") / command / stamp;
  for (int again = 2; fs::exists(path); ++again) path = fs::path("runs") / command / text(stamp, "_", again);
  return path;
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
  if (is_there && !options.resume && !options.overwrite) {
    throw UserError(
        text("'", out.path.string(), "' already holds ", out.is_finished ? "a finished run" : "an unfinished run",
             ". Say run.resume=true to go on with it, run.overwrite=true to replace it, or choose another run.dir."));
  }
  if (is_there && options.overwrite) {
    for (const char* name : kRunFiles) fs::remove_all(out.path / name, failed);
    out.is_finished = false;
  }
  fs::create_directories(out.path, failed);
  if (failed || !fs::is_directory(out.path))
    throw UserError(text("Can't make the run folder '", out.path.string(), "': ",
                         failed ? failed.message() : "a file is in the way", ". Choose another one with run.dir=DIR."));
  if (!out.lock) out.lock = std::make_shared<RunLock>(out.path);
  return out;
}

std::string field(double value) { return std::isfinite(value) ? shortest(value) : ""; }

}  // namespace

void refuse_a_sweep(const fs::path& path) {
  std::error_code failed;
  const auto size = fs::file_size(path / "journal.log", failed);
  if (!failed && size > 0) throw UserError(text("'", path.string(), "' holds a sweep. Choose another run.dir."));
}

bool holds_a_run(const fs::path& path) {
  return fs::exists(path / "metrics.json") || fs::exists(path / "checkpoints/manifest.json") ||
         fs::exists(path / "crossval.json");
}

fs::path RunFolder::checkpoints(int mesh_row) const {
  return mesh_row == 0 ? path / "checkpoints" : path / "checkpoints" / text("row_", mesh_row);
}

RunFolder open_run_folder(const RunFolderOptions& options, const std::string& command, Communicator& world) {
  RunFolder out;
  on_rank_zero(world, [&] { out = open_on_rank_zero(options, command); });
  std::string path = out.path.string(), finished = out.is_finished ? "finished" : "";
  world.broadcast(path);
  world.broadcast(finished);
  return {path, !finished.empty(), out.lock};
}

RunFolder find_run_folder(const fs::path& path) {
  RunFolder out{path, false, nullptr};
  if (!fs::exists(out.config()))
    throw UserError(
        text("'", path.string(),
             "' is not a run folder: it has no config.yaml. Give the folder that `dcmmm train` wrote, run=DIR."));
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
