// sweep: a search over settings, judged on training weeks.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "comm/environment.hpp"

namespace dcmmm {

/// The command line of `dcmmm sweep`, whose words hold several values to a key.
struct SweepLine {
  std::vector<std::string> words;
  std::string config_dir;                          // --config-dir, or ""
  std::vector<std::filesystem::path> config_dirs;  // to compose from
  bool print_config = false, dry_run = false;
};

/// Under mpirun every rank is a worker of one sweep: rank 0 makes it, and all of them pull its trials.
int sweep_command(const SweepLine& line, const Environment& environment, Communicator& world);

}  // namespace dcmmm
