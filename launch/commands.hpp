// The commands, one function each. Every function is called on all ranks, after the config was composed and checked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "comm/environment.hpp"
#include "launch/value.hpp"

namespace dcmmm {

struct CommandContext {
  const Environment& environment;
  Communicator& world;
  Value config;                                    // composed, checked
  std::vector<std::string> overrides;              // the command line's words
  std::vector<std::filesystem::path> config_dirs;  // where `config` was composed from, the built-in ones last

  /// --config-dir, or "".
  std::filesystem::path own_config_dir() const { return config_dirs.size() > 1 ? config_dirs.front() : ""; }
};

int import_command(CommandContext& context);
int synth_command(CommandContext& context);
int train_command(CommandContext& context);
int predict_command(CommandContext& context);
int export_command(CommandContext& context);
int report_command(CommandContext& context);
int crossval_command(CommandContext& context);
int plan_command(CommandContext& context);

/// `dcmmm inspect FILE.h5`: takes a file, not a config.
int inspect_command(const std::string& file);

}  // namespace dcmmm
