// The folder of one run: where it lies, what may be written over, and what it holds (docs: "Run folder").
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "launch/run_lock.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {

/// What a command may do with a folder that is already there.
struct RunFolderOptions {
  std::string directory;  // "": runs/<command>/<date>_<time>
  bool resume = false;
  bool overwrite = false;
};

struct RunFolder {
  std::filesystem::path path;
  bool is_finished = false;             // resuming a finished run changes nothing
  std::shared_ptr<const RunLock> lock;  // rank 0 of the run that writes it

  std::filesystem::path metrics() const { return path / "metrics.json"; }
  std::filesystem::path results() const { return path / "results.h5"; }
  std::filesystem::path panel() const { return path / "panel.h5"; }
  std::filesystem::path config() const { return path / "config.yaml"; }
  /// Each row of the mesh keeps its own members' checkpoints.
  std::filesystem::path checkpoints(int mesh_row) const;
};

/// Whether there is something that would be lost: figures, or a checkpoint. A run that failed before either leaves
/// nothing worth keeping.
bool holds_a_run(const std::filesystem::path& path);

/// Throws UserError where the folder holds a sweep.
void refuse_a_sweep(const std::filesystem::path& path);

/// Makes or opens the folder. Collective. Throws UserError when it holds a run and neither resume nor overwrite is
/// said, when another process is writing it, when there is nothing to resume, or when the folder can't be
/// made.
RunFolder open_run_folder(const RunFolderOptions& options, const std::string& command, Communicator& world);

/// The run folder of an earlier run, for predict, export: throws UserError when it isn't one.
RunFolder find_run_folder(const std::filesystem::path& path);

/// history.csv: step, loss terms, learning rate, gradient norm, validation RMSE, seconds.
std::string history_csv(const std::vector<HistoryRow>& history);

}  // namespace dcmmm
