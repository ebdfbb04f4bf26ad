// The batch script of a sweep on Slurm: an array of workers that pull trials from one journal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dcmmm {

/// The defaults are those of configs/sweep/default.yaml.
struct SlurmOptions {
  std::optional<std::string> partition, account;
  int64_t jobs = 4;  // tasks of the array
  int64_t cpus = 4;  // of each; a trial takes one
  std::string time = "04:00:00";
  std::vector<std::string> lines;  // of shell, before the worker: modules, a container
};

/// A bash script for sbatch. Each task of the array joins the sweep `program sweep WORDS... run.resume=true`, and makes
/// it where it is the first. `words` hold run.dir.
std::string slurm_script(const SlurmOptions& options, const std::string& program,
                         const std::vector<std::string>& words);

/// A word for bash, in single quotes where it needs any.
std::string shell_quoted(const std::string& word);

}  // namespace dcmmm
