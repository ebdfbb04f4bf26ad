// A config value: null, a scalar with its type, a list, or a mapping that keeps the order of its keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dcmmm {

/// A tree of values with the meaning of copies (unlike YAML::Node, whose copies share their content).
/// The text "???" stands for a value that the user must give; a text with "${" for an interpolation not yet resolved.
struct Value {
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map> content;

  Value() = default;
  template <class Content>
  requires(!std::is_same_v<std::remove_cvref_t<Content>, Value>) Value(Content&& value)
      : content(std::forward<Content>(value)) {}  // NOLINT: conversions are the point

  template <class Content>
  const Content* as() const {
    return std::get_if<Content>(&content);
  }
  template <class Content>
  Content* as() {
    return std::get_if<Content>(&content);
  }

  bool is_null() const { return as<std::monostate>() != nullptr; }
  bool is_container() const { return as<List>() != nullptr || as<Map>() != nullptr; }
  bool is_missing() const;
  bool is_interpolation() const;

  /// The value of a mapping's key or a list's index ("2", "-1"), or nullptr.
  Value* child(std::string_view key);
  const Value* child(std::string_view key) const { return const_cast<Value*>(this)->child(key); }

  /// Equal content; an int equals a float of the same value, as in YAML's users' eyes.
  bool operator==(const Value& other) const;
};

/// "a.b[0].c" as {"a", "b", "0", "c"}.
std::vector<std::string> split_path(std::string_view path);

/// The value at a dotted path, or nullptr. Interpolations are not followed.
const Value* find_path(const Value& root, std::string_view path);

/// Every dotted path to a value that isn't a mapping with keys, in order.
std::vector<std::string> leaf_paths(const Value& root);

/// Merges `source` into `target`: mappings key by key, everything else replaces; "???" never replaces a value.
/// Throws UserError when a list meets a mapping, naming `path`.
void merge(Value& target, const Value& source, const std::string& path = "");

/// The value as it is shown in messages: `0.1`, `'text'`, `[1, 2]`, `null`.
std::string show(const Value& value);

/// The value's kind in plain words: "a whole number", "a text", "a list".
std::string kind_of(const Value& value);

}  // namespace dcmmm
