// The command line of `dcmmm sweep`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dcmmm {

/// Its words hold several values to a key.
struct SweepLine {
  std::vector<std::string> words;
  std::string config_dir;                          // --config-dir, or ""
  std::vector<std::filesystem::path> config_dirs;  // to compose from
  bool print_config = false, dry_run = false;
  bool has_lost_config_dir = false;  // `config_dirs` is the sweep's own folder, with what was composed at its start
};

}  // namespace dcmmm
