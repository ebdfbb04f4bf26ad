// The config files of the search path: which exist, what they hold, and the entries of their defaults lists.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launch/value.hpp"

namespace dcmmm {

/// One entry of a defaults list as written in the file.
struct DefaultsEntry {
  enum class Kind { kSelf, kConfig, kGroup };
  Kind kind = Kind::kConfig;
  std::string path;                    // the group ("db", "/db/engine") or the config file ("base", "db/mysql")
  std::optional<std::string> package;  // of `group@package`; "" for `_here_`
  std::vector<std::string> options;    // the group's choice; several for a list
  bool is_list = false;
  bool is_null = false;  // `group: null`
  bool optional = false;
  bool override_other = false;  // `override group: option`
  bool appended = false;        // by `+group=option` on the command line
};

/// A config file without its defaults list.
struct ConfigFile {
  Value content;
  std::vector<DefaultsEntry> defaults;
  std::optional<std::string> package;  // of the header line `# @package a.b`
};

/// Finds and reads config files; the first folder that holds a file wins. Paths are given without ".yaml".
class ConfigFiles {
 public:
  explicit ConfigFiles(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}

  bool is_group(const std::string& path) const;
  /// The file, or nullptr when no folder holds it. Throws UserError for broken YAML or a broken defaults list.
  const ConfigFile* load(const std::string& path);
  /// The sorted names of a group's options.
  std::vector<std::string> options(const std::string& group) const;
  /// "Config search path:" and the folders, as the end of a message.
  std::string search_path() const;

 private:
  std::vector<std::filesystem::path> folders_;
  std::map<std::string, std::optional<ConfigFile>> loaded_;
};

}  // namespace dcmmm
