// A sweep handed to Slurm: its batch script, and the jobs that its study knows of.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launch/sweep_settings.hpp"
#include "sweep/study.hpp"

namespace dcmmm {

/// The script of the sweep's jobs, whose tasks write into `logs`.
std::string batch_script(const SweepLine& line, const Sweep& sweep, const std::optional<std::filesystem::path>& logs);

/// Numbers of the jobs that were submitted for this study.
std::vector<std::string> slurm_jobs(const Study& study);

/// Submits the script and notes the job in the study. The sweep's folder is there by now, so that mistakes in its words
/// are told here and not by every job. Throws UserError.
void submit(const SweepLine& line, const Sweep& sweep, StudyFile& file);

}  // namespace dcmmm
