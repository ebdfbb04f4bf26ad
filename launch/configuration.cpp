#include "launch/configuration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/config_files.hpp"
#include "launch/defaults_list.hpp"
#include "launch/interpolation.hpp"
#include "launch/override_grammar.hpp"

namespace dcmmm {
namespace {

/// `content` at the end of the dotted path of a package.
Value embedded(Value content, const std::string& package) {
  if (package.empty()) return content;
  auto keys = split_path(package);
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) content = Value::Map{{*key, std::move(content)}};
  return content;
}

/// The changes of the command line, applied one after the other to the merged files. Keys can't be added by accident.
class Changes {
 public:
  explicit Changes(Value& config) : config_(config) {}

  void apply(const Override& override) {
    if (override.package || override.key.find('/') != override.key.npos) {
      throw UserError(text("'", override.word, "' looks like the choice of a config group, but there is no group '",
                           override.key, "'."));
    }
    const auto path = split_path(override.key);
    switch (override.kind) {
      case Override::Kind::kDelete:
        return remove(override, path);
      case Override::Kind::kAdd:
        refuse_existing(override, path);
        return set(override, path, true);
      case Override::Kind::kForceAdd:
        return set(override, path, true);
      case Override::Kind::kChange:
        return set(override, path, false);
    }
  }

 private:
  /// The resolved value at a path; nothing when it's missing, "???" or null.
  std::optional<Value> existing(const std::vector<std::string>& path) const {
    const Value* value = &config_;
    for (const auto& key : path) {
      if (value->is_interpolation()) break;
      value = value->child(key);
      if (value == nullptr) return std::nullopt;
    }
    Value found = value->is_interpolation() ? resolve_at(config_, path) : *value;
    if (found.is_null() || found.is_missing()) return std::nullopt;
    return found;
  }

  void refuse_existing(const Override& override, const std::vector<std::string>& path) const {
    if (override.value->is_container() || !existing(path)) return;
    throw UserError(text("Could not append to config. An item is already at '", override.key,
                         "'.\nEither remove the + prefix: '", override.word.substr(1),
                         "'\nOr add a second + to add or override '", override.key, "': '+", override.word, "'"));
  }

  /// `unknown`: the path that the config doesn't have.
  [[noreturn]] void refuse_unknown(const Override& override, const std::string& unknown) const {
    throw UserError(text("Could not override '", unknown, "'.", did_you_mean(unknown, leaf_paths(config_)),
                         "\nTo append to your config use +", override.word));
  }

  Value& child_for_writing(Value& parent, const std::string& key, const Override& override, bool may_add) const {
    if (Value* child = parent.child(key)) return *child;
    auto* map = parent.as<Value::Map>();
    if (map == nullptr || !may_add) refuse_unknown(override, override.key);
    map->emplace_back(key, Value());
    return map->back().second;
  }

  void set(const Override& override, const std::vector<std::string>& path, bool may_add) {
    Value* value = &config_;
    for (size_t i = 0; i < path.size(); ++i) {
      if (!value->is_container()) *value = Value::Map();
      value = &child_for_writing(*value, path[i], override, may_add);
    }
    if (!may_add && value->as<Value::Map>() != nullptr && override.value->as<Value::Map>() != nullptr) {
      refuse_new_keys(*value, *override.value, override, override.key);
    }
    if (value->is_container() && override.value->is_container())
      merge(*value, *override.value, override.key);
    else
      *value = *override.value;
  }

  void refuse_new_keys(const Value& target, const Value& source, const Override& override,
                       const std::string& path) const {
    for (const auto& [key, item] : *source.as<Value::Map>()) {
      const Value* child = target.child(key);
      const std::string child_path = path + "." + key;
      if (child == nullptr) refuse_unknown(override, child_path);
      if (child->as<Value::Map>() != nullptr && item.as<Value::Map>() != nullptr)
        refuse_new_keys(*child, item, override, child_path);
    }
  }

  void remove(const Override& override, const std::vector<std::string>& path) {
    const auto found = existing(path);
    if (!found) throw UserError(text("Could not delete from config. '", override.key, "' does not exist."));
    if (override.value && !override.value->is_null() && *override.value != *found) {
      throw UserError(text("Could not delete from config. The value of '", override.key, "' is ", show(*found),
                           " and not ", show(*override.value), "."));
    }
    Value* parent = &config_;
    for (size_t i = 0; i + 1 < path.size() && parent != nullptr; ++i) parent = parent->child(path[i]);
    auto* map = parent == nullptr ? nullptr : parent->as<Value::Map>();
    if (map == nullptr)
      throw UserError(text("Could not delete '", override.key, "': only a key of a mapping can be deleted."));
    std::erase_if(*map, [&](const auto& entry) { return entry.first == path.back(); });
  }

  Value& config_;
};

const Value& present(const Value& config, const std::string& path) {
  const Value* value = find_path(config, path);
  if (value == nullptr)
    throw UserError(text("The config has no key '", path, "'.", did_you_mean(path, leaf_paths(config))));
  if (value->is_missing())
    throw UserError(text("Missing mandatory value: '", path, "'. Set it with ", path, "=VALUE."));
  return *value;
}

[[noreturn]] void refuse_kind(const Value& value, const std::string& path, const std::string& expected) {
  throw UserError(text("'", path, "' is ", show(value), ", but it must be ", expected, "."));
}

}  // namespace

Value compose(const ComposeOptions& options) {
  ConfigFiles files(options.search_dirs);
  std::vector<Override> overrides;
  for (const auto& word : options.overrides) overrides.push_back(parse_override(word));
  const DefaultsList defaults = expand_defaults(files, options.primary, overrides);
  Value config = Value::Map();
  for (const auto& layer : defaults.layers) {
    try {
      merge(config, embedded(files.load(layer.path)->content, layer.package));
    } catch (const UserError& error) {
      throw UserError(text("In '", layer.path, "': ", error.what()));
    }
  }
  Changes changes(config);
  for (const auto& override : defaults.key_overrides) changes.apply(override);
  return resolve_interpolations(config);
}

template <>
bool get<bool>(const Value& config, const std::string& path) {
  const Value& value = present(config, path);
  if (const auto* boolean = value.as<bool>()) return *boolean;
  refuse_kind(value, path, "true or false");
}

template <>
int64_t get<int64_t>(const Value& config, const std::string& path) {
  const Value& value = present(config, path);
  if (const auto* integer = value.as<int64_t>()) return *integer;
  refuse_kind(value, path, "a whole number");
}

template <>
int get<int>(const Value& config, const std::string& path) {
  const int64_t value = get<int64_t>(config, path);
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
    refuse_kind(value, path, "a whole number of at most 32 bits");
  }
  return static_cast<int>(value);
}

template <>
double get<double>(const Value& config, const std::string& path) {
  const Value& value = present(config, path);
  if (const auto* real = value.as<double>()) return *real;
  if (const auto* integer = value.as<int64_t>()) return static_cast<double>(*integer);
  refuse_kind(value, path, "a number");
}

template <>
std::string get<std::string>(const Value& config, const std::string& path) {
  const Value& value = present(config, path);
  if (const auto* string = value.as<std::string>()) return *string;
  refuse_kind(value, path, "a text");
}

template <>
std::filesystem::path get<std::filesystem::path>(const Value& config, const std::string& path) {
  return get<std::string>(config, path);
}

template <>
std::vector<std::string> get<std::vector<std::string>>(const Value& config, const std::string& path) {
  const Value& value = present(config, path);
  const auto* list = value.as<Value::List>();
  if (list == nullptr) refuse_kind(value, path, "a list of texts");
  std::vector<std::string> out;
  for (const auto& item : *list) {
    if (item.as<std::string>() == nullptr) refuse_kind(value, path, "a list of texts");
    out.push_back(*item.as<std::string>());
  }
  return out;
}

template <>
std::vector<int64_t> get<std::vector<int64_t>>(const Value& config, const std::string& path) {
  const Value& value = present(config, path);
  const auto* list = value.as<Value::List>();
  if (list == nullptr) refuse_kind(value, path, "a list of whole numbers");
  std::vector<int64_t> out;
  for (const auto& item : *list) {
    if (item.as<int64_t>() == nullptr) refuse_kind(value, path, "a list of whole numbers");
    out.push_back(*item.as<int64_t>());
  }
  return out;
}

template <>
TextMap get<TextMap>(const Value& config, const std::string& path) {
  const Value& value = present(config, path);
  const auto* map = value.as<Value::Map>();
  if (map == nullptr) refuse_kind(value, path, "a mapping of texts");
  TextMap out;
  for (const auto& [key, item] : *map) {
    if (item.as<std::string>() == nullptr) refuse_kind(value, path, "a mapping of texts");
    out.emplace_back(key, *item.as<std::string>());
  }
  return out;
}

template <>
NumberMap get<NumberMap>(const Value& config, const std::string& path) {
  const Value& value = present(config, path);
  const auto* map = value.as<Value::Map>();
  if (map == nullptr) refuse_kind(value, path, "a mapping of numbers");
  NumberMap out;
  for (const auto& [key, item] : *map) {
    const auto* integer = item.as<int64_t>();
    if (integer == nullptr && item.as<double>() == nullptr) refuse_kind(value, path, "a mapping of numbers");
    out.emplace_back(key, integer != nullptr ? static_cast<double>(*integer) : *item.as<double>());
  }
  return out;
}

template <class T>
static std::optional<T> get_unless_null(const Value& config, const std::string& path) {
  if (present(config, path).is_null()) return std::nullopt;
  return get<T>(config, path);
}

#define DCMMM_OPTIONAL(TYPE)                                                                   \
  template <>                                                                                  \
  std::optional<TYPE> get<std::optional<TYPE>>(const Value& config, const std::string& path) { \
    return get_unless_null<TYPE>(config, path);                                                \
  }
DCMMM_OPTIONAL(bool)
DCMMM_OPTIONAL(int64_t)
DCMMM_OPTIONAL(int)
DCMMM_OPTIONAL(double)
DCMMM_OPTIONAL(std::string)
DCMMM_OPTIONAL(std::filesystem::path)
DCMMM_OPTIONAL(std::vector<std::string>)
DCMMM_OPTIONAL(std::vector<int64_t>)
DCMMM_OPTIONAL(TextMap)
DCMMM_OPTIONAL(NumberMap)
#undef DCMMM_OPTIONAL

}  // namespace dcmmm
