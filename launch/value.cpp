#include "launch/value.hpp"

#include <algorithm>
#include <charconv>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {

bool Value::is_missing() const {
  const auto* string = as<std::string>();
  return string != nullptr && *string == "???";
}

bool Value::is_interpolation() const {
  const auto* string = as<std::string>();
  return string != nullptr && string->find("${") != std::string::npos;
}

Value* Value::child(std::string_view key) {
  if (auto* map = as<Map>()) {
    for (auto& [name, value] : *map) {
      if (name == key) return &value;
    }
  } else if (auto* list = as<List>()) {
    int64_t index = 0;
    const auto result = std::from_chars(key.data(), key.data() + key.size(), index);
    if (result.ec != std::errc() || result.ptr != key.data() + key.size()) return nullptr;
    if (index < 0) index += static_cast<int64_t>(list->size());
    if (index >= 0 && index < static_cast<int64_t>(list->size())) return &(*list)[static_cast<size_t>(index)];
  }
  return nullptr;
}

static const double* number_of(const Value& value, double& storage) {
  if (const auto* integer = value.as<int64_t>())
    storage = static_cast<double>(*integer);
  else if (const auto* real = value.as<double>())
    storage = *real;
  else
    return nullptr;
  return &storage;
}

bool Value::operator==(const Value& other) const {
  double mine = 0, theirs = 0;
  if (number_of(*this, mine) != nullptr && number_of(other, theirs) != nullptr) return mine == theirs;
  return content == other.content;
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> keys(1);
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == ']') continue;
    if (c == '.' || c == '[') {
      if (i > 0) keys.emplace_back();
    } else {
      keys.back() += c;
    }
  }
  return keys;
}

const Value* find_path(const Value& root, std::string_view path) {
  const Value* value = &root;
  for (const auto& key : split_path(path)) {
    value = value->child(key);
    if (value == nullptr) return nullptr;
  }
  return value;
}

static void collect_leaves(const Value& value, const std::string& path, std::vector<std::string>& leaves) {
  const auto* map = value.as<Value::Map>();
  if (map == nullptr || (map->empty() && !path.empty())) {
    leaves.push_back(path);
    return;
  }
  for (const auto& [key, item] : *map) collect_leaves(item, path.empty() ? key : path + "." + key, leaves);
}

std::vector<std::string> leaf_paths(const Value& root) {
  std::vector<std::string> leaves;
  collect_leaves(root, "", leaves);
  return leaves;
}

void merge(Value& target, const Value& source, const std::string& path) {
  if (target.is_container() && source.is_container() && target.content.index() != source.content.index()) {
    throw UserError(text("Can't merge ", kind_of(source), " into ", kind_of(target), " at '", path, "'."));
  }
  auto* target_map = target.as<Value::Map>();
  const auto* source_map = source.as<Value::Map>();
  if (target_map == nullptr || source_map == nullptr) {
    if (!source.is_missing()) target = source;
    return;
  }
  for (const auto& [key, value] : *source_map) {
    if (Value* existing = target.child(key)) {
      merge(*existing, value, path.empty() ? key : path + "." + key);
    } else {
      target_map->emplace_back(key, value);
    }
  }
}

std::string show(const Value& value) {
  if (value.is_null()) return "null";
  if (const auto* boolean = value.as<bool>()) return *boolean ? "true" : "false";
  if (const auto* integer = value.as<int64_t>()) return std::to_string(*integer);
  if (const auto* real = value.as<double>()) return shortest(*real);
  if (const auto* string = value.as<std::string>()) return text("'", *string, "'");
  std::vector<std::string> items;
  if (const auto* list = value.as<Value::List>()) {
    for (const auto& item : *list) items.push_back(show(item));
    return text("[", join(items), "]");
  }
  for (const auto& [key, item] : *value.as<Value::Map>()) items.push_back(key + ": " + show(item));
  return text("{", join(items), "}");
}

std::string kind_of(const Value& value) {
  static constexpr const char* kKinds[] = {"null",   "true or false", "a whole number", "a number",
                                           "a text", "a list",        "a mapping"};
  return kKinds[value.content.index()];
}

}  // namespace dcmmm
