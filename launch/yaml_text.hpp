// YAML files and text to values and back. The only place that sees yaml-cpp.
#pragma once

#include <filesystem>
#include <string>

#include "launch/value.hpp"

namespace dcmmm {

/// Reads YAML 1.1 as OmegaConf does: `yes`, `on` and `true` are booleans, `1e-3` is a number, quoted scalars are texts.
/// Exceptions: keys are always texts, and `12:30` stays a text. `name` is how errors call the source.
/// Throws UserError with the line of a syntax error or a duplicate key.
Value parse_yaml(const std::string& yaml, const std::string& name);

/// parse_yaml of a file.
Value read_yaml_file(const std::filesystem::path& path);

/// Block-style YAML that reads back as the same value, here and in Python.
std::string to_yaml(const Value& value);

}  // namespace dcmmm
