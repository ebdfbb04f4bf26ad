#include "launch/config_files.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/yaml_text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

/// The package of a header such as `# @package db.mysql`, read up to the first line that isn't such a comment.
std::optional<std::string> package_header(const std::string& yaml, const std::string& name) {
  std::istringstream lines(yaml);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, key, value, rest;
    if (!(words >> first)) continue;
    if (first.rfind("#@", 0) == 0)
      key = first.substr(1);
    else if (first != "#" || !(words >> key) || key[0] != '@')
      break;
    if (!(words >> value) || words >> rest) {
      throw UserError(text("In '", name, "': the header '", line, "' must be '# @package NAME'."));
    }
    if (key == "@package") return value;
  }
  return std::nullopt;
}

[[noreturn]] void refuse(const std::string& path, const std::string& problem) {
  throw UserError(text("In '", path, "': ", problem, "."));
}

std::string option_text(const Value& value, const std::string& path) {
  const auto* option = value.as<std::string>();
  if (option == nullptr) {
    refuse(path, "the defaults list has " + show(value) + ", which is " + kind_of(value) +
                     ". An option must be a text (quote it), a list of texts, or null");
  }
  return *option;
}

void split_package(const std::string& written, DefaultsEntry& entry) {
  const size_t at = written.find('@');
  entry.path = written.substr(0, at);
  if (at == written.npos) return;
  entry.package = written.substr(at + 1);
  if (*entry.package == "_here_") entry.package = "";
}

/// Takes the words `optional` and `override` off the front.
void split_keywords(DefaultsEntry& entry) {
  const size_t last = entry.path.rfind(' ');
  if (last == entry.path.npos) return;
  std::istringstream words(entry.path.substr(0, last));
  for (std::string word; words >> word;) {
    if (word == "optional")
      entry.optional = true;
    else if (word == "override")
      entry.override_other = true;
    else
      break;
  }
  entry.path = entry.path.substr(last + 1);
}

DefaultsEntry parse_entry(const Value& item, const std::string& path) {
  DefaultsEntry entry;
  if (const auto* name = item.as<std::string>()) {
    split_package(*name, entry);
    if (entry.path == "_self_") {
      if (entry.package) refuse(path, "_self_@PACKAGE is not supported");
      entry.kind = DefaultsEntry::Kind::kSelf;
    }
    return entry;
  }
  const auto* map = item.as<Value::Map>();
  if (map == nullptr || map->size() != 1) {
    refuse(path, "the defaults list has " + show(item) + ". An entry must be a config name or one 'group: option'");
  }
  const auto& [key, value] = map->front();
  entry.kind = DefaultsEntry::Kind::kGroup;
  split_package(key, entry);
  split_keywords(entry);
  if (entry.path.empty()) refuse(path, "the defaults list has an entry without a group name");
  if (const auto* list = value.as<Value::List>()) {
    entry.is_list = true;
    for (const auto& option : *list) entry.options.push_back(option_text(option, path));
  } else if (value.is_null()) {
    entry.is_null = true;
  } else {
    entry.options.push_back(option_text(value, path));
    if (entry.options[0] == "_self_") entry.kind = DefaultsEntry::Kind::kSelf;
  }
  return entry;
}

ConfigFile parse_config(const std::string& yaml, const std::string& path, const std::string& name) {
  ConfigFile file;
  file.package = package_header(yaml, name);
  file.content = parse_yaml(yaml, name);
  if (file.content.is_null()) file.content = Value::Map();
  if (!file.content.is_container())
    refuse(name, "a config file must hold keys with values, not " + kind_of(file.content));
  auto* map = file.content.as<Value::Map>();
  if (map == nullptr) return file;
  const auto defaults =
      std::find_if(map->begin(), map->end(), [](const auto& entry) { return entry.first == "defaults"; });
  if (defaults == map->end()) return file;
  const auto* list = defaults->second.as<Value::List>();
  if (list == nullptr) refuse(name, "'defaults' must be a list, but it is " + kind_of(defaults->second));
  for (const auto& item : *list) file.defaults.push_back(parse_entry(item, path));
  map->erase(defaults);
  return file;
}

// What can't be looked at isn't there: a name that is too long, say.
bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::string file_name(const std::string& path) { return path.ends_with(".yaml") ? path : path + ".yaml"; }

}  // namespace

bool ConfigFiles::is_group(const std::string& path) const {
  return std::any_of(folders_.begin(), folders_.end(),
                     [&](const fs::path& folder) { return is_folder(folder / path); });
}

const ConfigFile* ConfigFiles::load(const std::string& path) {
  const auto [position, is_new] = loaded_.try_emplace(path);
  auto& file = position->second;
  if (is_new) {
    for (const auto& folder : folders_) {
      const fs::path full = folder / file_name(path);
      if (!is_file(full)) continue;
      file = parse_config(read_text_file(full), path, full.string());
      break;
    }
  }
  return file ? &*file : nullptr;
}

std::vector<std::string> ConfigFiles::options(const std::string& group) const {
  std::set<std::string> names;
  for (const auto& folder : folders_) {
    if (!is_folder(folder / group)) continue;
    for (const auto& entry : fs::directory_iterator(folder / group)) {
      if (entry.is_regular_file() && entry.path().extension() == ".yaml") names.insert(entry.path().stem().string());
    }
  }
  return {names.begin(), names.end()};
}

std::string ConfigFiles::search_path() const {
  std::string out = "Config search path:";
  for (const auto& folder : folders_) out += "\n  " + folder.string();
  return out;
}

}  // namespace dcmmm
