// The words of the command line that change the config: `key=value`, `+key=value`, `++key=value`, `~key`,
// `group=option`.
#pragma once

#include <optional>
#include <string>

#include "launch/value.hpp"

namespace dcmmm {

/// One parsed word.
struct Override {
  enum class Kind { kChange, kAdd, kForceAdd, kDelete };
  Kind kind = Kind::kChange;
  std::string key;                     // "trainer.steps", or the path of a group: "data", "db/mysql"
  std::optional<std::string> package;  // of `group@package=option`
  std::optional<Value> value;          // none for `~key`
  std::string word;                    // as the user wrote it
};

/// Parses one word by Hydra's override grammar (Hydra 1.3, OverrideLexer and OverrideParser): whole numbers, floats,
/// booleans, null, quoted texts with escapes, lists `[a,b]`, mappings `{a: 1}`, texts with spaces, interpolations.
/// Not supported: functions (`range(1,3)`, `int(x)`). Throws UserError that shows the word, the place and what to type.
Override parse_override(const std::string& word);

}  // namespace dcmmm
