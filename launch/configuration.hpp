// The configuration of a command: config files, groups and the command line composed into one tree, by Hydra's rules.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launch/value.hpp"

namespace dcmmm {

struct ComposeOptions {
  std::vector<std::filesystem::path> search_dirs;  // the user's --config-dir first, then the built-in configs
  std::string primary = "config";                  // the file to start from, without ".yaml"
  std::vector<std::string> overrides;              // the command line's words: "trainer.steps=100", "data=dma_panel"
};

using TextMap = std::vector<std::pair<std::string, std::string>>;
using NumberMap = std::vector<std::pair<std::string, double>>;

/// Composes the config and resolves its interpolations. Values that the user must still give stay "???".
/// Equal to Hydra 1.3.2 with OmegaConf 2.3.0 (tests/launch/hydra_parity.py), except: functions and sweeps in overrides
/// and resolvers other than oc.env, oc.decode and now are refused; keys are texts; no `hydra` node. Throws UserError.
Value compose(const ComposeOptions& options);

/// The value at a dotted path as T: bool, int64_t, int, double, std::string, std::filesystem::path,
/// std::vector<std::string>, std::vector<int64_t>, TextMap, NumberMap, or std::optional of these for keys that may be
/// null. Throws UserError that names the key: when it's missing, "???", null or of another kind.
template <class T>
T get(const Value& config, const std::string& path);

}  // namespace dcmmm
