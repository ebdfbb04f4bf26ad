// A sweep's jobs on Slurm: submitted with sbatch, looked at with squeue, ended with scancel.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launch/value.hpp"
#include "sweep/slurm_script.hpp"

namespace dcmmm {

/// The keys of sweep.slurm. `config` is composed and checked.
SlurmOptions slurm_options(const Value& config);

/// Submits the script and returns the job's number, as Slurm writes it. Throws UserError with sbatch's own message, or
/// where there is no sbatch.
std::string submit_slurm_job(const std::filesystem::path& script);

/// Lines for people on what waits and what runs of these jobs, such as "Slurm job 12: 2 running, 1 pending".
std::string slurm_jobs_text(const std::vector<std::string>& jobs);

/// Ends them. Throws UserError with scancel's own message; a job that has ended by itself is none.
void cancel_slurm_jobs(const std::vector<std::string>& jobs);

}  // namespace dcmmm
