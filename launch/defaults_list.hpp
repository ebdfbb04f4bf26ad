// The order in which config files are merged: defaults lists expanded into a flat list, with the command line's
// choices.
#pragma once

#include <string>
#include <vector>

#include "launch/config_files.hpp"
#include "launch/override_grammar.hpp"

namespace dcmmm {

/// One file to merge: its path without ".yaml" and the package (dotted path in the config, "" for the top).
struct ConfigLayer {
  std::string path;
  std::string package;
};

struct DefaultsList {
  std::vector<ConfigLayer> layers;      // in the order of merging
  std::vector<Override> key_overrides;  // those that change keys, not groups
};

/// Expands the primary config by the rules of Hydra 1.3 (hydra.cc, "The Defaults List" and "Packages").
/// Throws UserError with Hydra's advice: unknown options list the available ones, unused overrides say what to type.
DefaultsList expand_defaults(ConfigFiles& files, const std::string& primary, const std::vector<Override>& overrides);

}  // namespace dcmmm
