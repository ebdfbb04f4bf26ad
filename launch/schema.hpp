// The known config keys: a table with each key's type, range and meaning, and the check of a composed config against
// it.
#pragma once

#include <string>
#include <vector>

#include "launch/value.hpp"

namespace dcmmm {

/// One known key. Ranges are inclusive unless they say `above` or `below`.
struct KeySpec {
  enum class Type {
    kInteger,
    kNumber,
    kBool,
    kText,
    kPath,
    kChoice,
    kTextList,
    kTextMap,
    kNumberMap,
    kIntegerList,
    kMap
  };
  std::string key;
  Type type;
  std::string range;  // "0..", "1..100", "above 0", "0..below 1"; of a kChoice: "a|b|c"; "" for no limit
  bool may_be_null;
  std::string meaning;  // one line, as --help shows it
};

/// Every known key, in the order of the built-in configs.
const std::vector<KeySpec>& known_keys();

/// Checks each value of a composed config and turns it into its key's type, as OmegaConf's structured configs do: the
/// text "4" (from an environment variable) becomes a whole number for an integer key, 1 becomes 1.0 for a number. Every
/// known key must be there; "???" passes and is reported by get(). Throws one UserError that lists each wrong key with
/// its value, what was expected, and the nearest known key of an unknown one.
void check_config(Value& config);

/// "4GiB", "512 MB", "1000" in bytes. `key` is named in the error.
int64_t parse_bytes(const std::string& size, const std::string& key);

/// "90", "90s", "30m", "1h30m", "2d" in seconds. `key` is named in the error.
double parse_duration(const std::string& duration, const std::string& key);

}  // namespace dcmmm
