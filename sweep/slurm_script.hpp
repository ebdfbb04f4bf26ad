// The batch script of a sweep on Slurm: workers that pull trials from one journal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dcmmm {

/// The defaults are those of configs/sweep/default.yaml.
struct SlurmOptions {
  std::optional<std::string> partition, account;
  bool one_allocation = false;  // a task on each of `nodes` nodes, in place of an array of `jobs` tasks
  int64_t jobs = 4;
  int64_t nodes = 1;    // of the allocation; of each task of an array, which then runs one trial at a time over them
  int64_t cpus = 4;     // of each task; a trial takes `ranks`
  int64_t ranks = 1;    // of each trial
  int64_t workers = 0;  // trials at a time of each task; 0: as many as its cpus allow
  int64_t gpus = 0;     // of each node
  std::string time = "04:00:00";
  int64_t signal_seconds = 120;            // before the end of `time`, to write checkpoints and to requeue
  std::vector<std::string> options;        // of sbatch, as they stand behind #SBATCH
  std::vector<std::string> lines;          // of shell, before the worker: modules
  std::optional<std::string> wrapper;      // of shell, before the program: a container's start
  std::optional<std::string> work_folder;  // that the words' relative paths start from; none: where sbatch is called
  std::optional<std::string> log_folder;   // of the tasks' output; none: the work folder
};

/// A bash script for sbatch. Each task joins the sweep `program sweep WORDS...`, and makes it where it is the first.
/// Near the time limit (USR1) the trials write their checkpoints, and the task is queued again. `words` hold run.dir.
std::string slurm_script(const SlurmOptions& options, const std::string& program,
                         const std::vector<std::string>& words);

/// Seconds of a time limit as sbatch takes it: minutes, minutes:seconds, hours:minutes:seconds, days-hours,
/// days-hours:minutes or days-hours:minutes:seconds. 0 stands for no limit; none where it is nothing of these.
std::optional<int64_t> slurm_seconds(const std::string& time);

}  // namespace dcmmm
