// The folder of one run: where it lies, what may be written over, and what it holds (docs: "Run folder").
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "launch/run_lock.hpp"
#include "launch/value.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {

/// What a command may do with a folder that is already there.
struct RunFolderOptions {
  std::string directory;  // "": runs/<command>/<date>_<time>
  bool resume = false;
  bool overwrite = false;
  std::map<std::string, std::filesystem::path> inputs;  // key: the file it names, which an overwritten run mustn't hold
};

struct RunFolder {
  std::filesystem::path path;
  bool is_finished = false;             // resuming a finished run changes nothing
  std::shared_ptr<const RunLock> lock;  // rank 0 of the run that writes it
  std::filesystem::path replaces;       // until replace_earlier_run(): the folder whose run this one replaces
  std::shared_ptr<const void> draft;    // rank 0 until then: takes `path` away where the run doesn't come so far

  /// Where the run lies in the end.
  const std::filesystem::path& home() const { return replaces.empty() ? path : replaces; }

  std::filesystem::path metrics() const { return path / "metrics.json"; }
  std::filesystem::path results() const { return path / "results.h5"; }
  std::filesystem::path panel() const { return path / "panel.h5"; }
  std::filesystem::path config() const { return path / "config.yaml"; }
  /// Each row of the mesh keeps its own members' checkpoints.
  std::filesystem::path checkpoints(int mesh_row) const;
};

/// Where a run lies whose user names no folder: runs/COMMAND/DATE_TIME, with _2, _3, ... where that is taken.
std::filesystem::path dated_folder(const std::string& command);

/// Whether there is something that would be lost: figures, or a checkpoint. A run that failed before either leaves
/// nothing worth keeping.
bool holds_a_run(const std::filesystem::path& path);

/// Throws UserError where the folder holds a sweep.
void refuse_a_sweep(const std::filesystem::path& path);

/// Throws UserError where `output` is one of the files that a run keeps in its folder, whichever run's; its plan, which
/// `dcmmm plan` makes again, isn't.
void refuse_a_runs_file(const std::filesystem::path& output);

/// run.* of a config, and the files that it reads.
RunFolderOptions run_folder_options(const Value& config);

/// Makes or opens the folder. Collective. Throws UserError when it holds a run, or files of a run's names that no run
/// left, and neither resume nor overwrite is said, when another process is writing it, when there is nothing to resume
/// or another command made it, when the run to replace holds one of the inputs, or when the folder can't be made.
RunFolder open_run_folder(const RunFolderOptions& options, const std::string& command, Communicator& world);

/// Nothing that a user got wrong may cost the run that run.overwrite=true replaces, so until this is called the new one
/// is written into a folder of its own inside, and the earlier one stays as it is. Then that one's files go, and those
/// written so far take their place; `folder.path` is where the run lies from now on. A run that is killed before leaves
/// the earlier one, and in between a folder without figures. Nothing to do for other runs, nor the second time.
/// Collective.
void replace_earlier_run(RunFolder& folder, Communicator& world);

/// The run folder of an earlier run, for predict, export; `key` names it. Throws UserError when it isn't one, and says
/// how to come by one where another command made the folder.
RunFolder find_run_folder(const std::filesystem::path& path, const std::string& key = "run");

/// history.csv: step, loss terms, learning rate, gradient norm, validation RMSE, seconds.
std::string history_csv(const std::vector<HistoryRow>& history);

}  // namespace dcmmm
