#include "launch/defaults_list.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

std::string joined(const std::string& a, char separator, const std::string& b) {
  if (a.empty() || b.empty()) return a + b;
  return a + separator + b;
}

std::string dotted(std::string group) {
  std::replace(group.begin(), group.end(), '/', '.');
  return group;
}

/// An entry at its place in the tree: it knows the folder and the package of the config that lists it.
struct Node {
  DefaultsEntry entry;
  std::string parent_folder;
  std::string parent_package;
  std::optional<std::string> header;  // of its file, made absolute
  bool is_primary = false;
  bool is_deleted = false;
  bool has_children = false;
  std::vector<Node> children;

  bool is_group() const { return entry.kind == DefaultsEntry::Kind::kGroup; }
  bool is_self() const { return entry.kind == DefaultsEntry::Kind::kSelf; }
  bool is_absolute() const { return entry.path[0] == '/'; }
  std::string relative_path() const { return is_absolute() ? entry.path.substr(1) : entry.path; }
  std::string option() const { return entry.options.empty() ? "" : entry.options[0]; }

  /// The group as written, without a leading '/': "" for a config next to its parent.
  std::string relative_group() const {
    if (is_group()) return relative_path();
    const std::string path = relative_path();
    const size_t slash = path.rfind('/');
    return slash == path.npos ? "" : path.substr(0, slash);
  }
  std::string group() const { return is_absolute() ? relative_group() : joined(parent_folder, '/', relative_group()); }
  std::string config_path() const {
    if (is_group()) return group() + "/" + option();
    return is_absolute() ? relative_path() : joined(parent_folder, '/', relative_path());
  }

  /// Where the content goes: the entry's @package, else the file's header, else the group's name; below the parent's
  /// package unless `_global_` starts anew.
  std::string package(bool with_header = true) const {
    const auto& written = entry.package;
    const std::string own = written ? *written : with_header && header ? *header : dotted(relative_group());
    const std::string full = joined(parent_package, '.', own);
    const size_t global = full.rfind("_global_");
    return global == full.npos ? full : full.substr(std::min(full.size(), global + std::string("_global_.").size()));
  }

  /// The name by which the command line chooses the option: `db` or `db@package`.
  std::string override_key() const {
    const std::string target = package(false);
    if (target == dotted(group())) return group();
    return group() + "@" + (target.empty() ? "_global_" : target);
  }

  bool is_interpolation() const {
    return is_group() ? !entry.is_list && option().find("${") != std::string::npos
                      : entry.path.find("${") != std::string::npos;
  }
  bool is_missing() const { return is_group() ? !entry.is_list && option() == "???" : config_path().ends_with("???"); }
};

class Expander {
 public:
  Expander(ConfigFiles& files, const std::vector<Override>& overrides) : files_(files) {
    for (const auto& override : overrides) sort_out(override);
  }

  DefaultsList expand(const std::string& primary) {
    Node root;
    root.entry.path = primary;
    root.is_primary = true;
    expand_node(root, nullptr, false);
    collect(root);
    check_all_used();
    return std::move(out_);
  }

 private:
  struct Choice {
    DefaultsEntry entry;  // with the options chosen
    std::string set_by;   // the config whose `override` it is; "" for the command line
    bool used = false;
  };
  struct Deletion {
    std::optional<std::string> option;
    bool used = false;
  };

  void sort_out(const Override& override) {
    const bool is_map = override.value && override.value->as<Value::Map>() != nullptr;
    if (is_map || !files_.is_group(override.key)) {
      out_.key_overrides.push_back(override);
      return;
    }
    const std::string key = override.package ? override.key + "@" + *override.package : override.key;
    if (override.kind == Override::Kind::kForceAdd) {
      throw UserError(
          text("Adding a config group with ++ is not supported: '", override.word, "'. Use +", key, "=OPTION."));
    }
    DefaultsEntry entry;
    entry.kind = DefaultsEntry::Kind::kGroup;
    entry.path = override.key;
    entry.package = override.package;
    if (override.kind == Override::Kind::kDelete) {
      if (override.value && !override.value->is_null()) entry = with_options(entry, override);
      if (entry.is_list)
        throw UserError(text("Can't delete several options in '", override.word, "'. Use ~", key, "."));
      deletions_[key] = {entry.options.empty() ? std::optional<std::string>() : entry.options[0]};
    } else if (override.kind == Override::Kind::kAdd) {
      appended_.push_back(with_options(entry, override));
      appended_.back().appended = true;
    } else {
      choices_[key] = {with_options(entry, override), ""};
    }
  }

  DefaultsEntry with_options(DefaultsEntry entry, const Override& override) const {
    const auto refuse = [&](const Value& value) {
      throw UserError(text("In '", override.word, "': '", override.key,
                           "' is a config group, so its value must be one of its options (",
                           join(files_.options(override.key)), ") or a list of them, but it is ", kind_of(value), "."));
    };
    if (const auto* list = override.value->as<Value::List>()) {
      entry.is_list = true;
      for (const auto& item : *list) {
        if (item.as<std::string>() == nullptr) refuse(item);
        entry.options.push_back(*item.as<std::string>());
      }
    } else if (const auto* option = override.value->as<std::string>()) {
      entry.options.push_back(*option);
    } else {
      refuse(*override.value);
    }
    return entry;
  }

  Node child_of(const Node& parent, const DefaultsEntry& entry) const {
    Node child;
    child.entry = entry;
    child.parent_folder = parent.group();
    child.parent_package = parent.package();
    auto& package = child.entry.package;
    if (const size_t at = package ? package->find("_group_") : std::string::npos; at != std::string::npos) {
      package = "_global_." + package->replace(at, std::string("_group_").size(), dotted(child.group()));
    }
    return child;
  }

  /// Reads the node's file and expands its defaults list below it. The children are worked through from the last to the
  /// first, so that an `override` in a later config is known before an earlier sibling is expanded.
  void expand_node(Node& node, const Node* parent, bool in_interpolated) {
    if (!node.is_missing()) {
      if (const auto* file = node.entry.is_null ? nullptr : files_.load(node.config_path())) set_header(node, *file);
    }
    if (is_deleted(node)) {
      node.is_deleted = true;
      return;
    }
    note_choice(node);
    if (node.entry.is_null) return;
    if (node.is_missing()) refuse_missing(node);
    const ConfigFile* file = files_.load(node.config_path());
    if (file == nullptr) {
      if (!node.entry.optional) refuse_unknown(node, parent);
      node.is_deleted = true;
      return;
    }
    auto entries = with_self(file->defaults, node);
    if (node.is_primary) entries.insert(entries.end(), appended_.begin(), appended_.end());
    note_overrides(entries, node, in_interpolated);
    if (!stack_.insert(node.config_path()).second) {
      throw UserError(text("In '", node.config_path(), "': its defaults list leads back to itself."));
    }
    std::vector<Node> children;  // last first
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      if (entry->override_other) continue;
      for (auto& child : choose(child_of(node, *entry), node)) {
        if (!child.is_self() && !child.is_interpolation()) expand_node(child, &node, in_interpolated);
        children.push_back(std::move(child));
      }
    }
    for (auto& child : children) {  // a choice that follows another group's choice comes when all those are made
      if (child.is_self() || !child.is_interpolation()) continue;
      resolve_choice(child);
      expand_node(child, &node, true);
    }
    stack_.erase(node.config_path());
    node.has_children = !children.empty();
    node.children.assign(std::make_move_iterator(children.rbegin()), std::make_move_iterator(children.rend()));
  }

  /// A file's entries; `_self_` comes last where the list doesn't say it.
  std::vector<DefaultsEntry> with_self(std::vector<DefaultsEntry> entries, const Node& node) const {
    const auto is_self = [](const DefaultsEntry& entry) { return entry.kind == DefaultsEntry::Kind::kSelf; };
    const auto count = std::count_if(entries.begin(), entries.end(), is_self);
    if (count > 1) throw UserError(text("Duplicate _self_ defined in '", node.config_path(), "'. Keep one of them."));
    const bool appends = node.is_primary && !appended_.empty();
    if (count == 0 && (!entries.empty() || appends)) {
      DefaultsEntry self;
      self.kind = DefaultsEntry::Kind::kSelf;
      self.path = "_self_";
      const auto overrides_only =
          std::all_of(entries.begin(), entries.end(), [](const auto& e) { return e.override_other; });
      // Behind `override` entries nothing else may follow, so _self_ goes before them; they have no place in the order.
      if (overrides_only)
        entries.insert(entries.begin(), self);
      else
        entries.push_back(self);
    }
    return entries;
  }

  /// The child with the option the command line or an `override` chose; one child for each option of a list.
  std::vector<Node> choose(Node child, const Node& parent) {
    if (!child.is_group()) return {child};
    if (const auto choice = choices_.find(child.override_key()); choice != choices_.end()) {
      choice->second.used = true;
      child.entry.options = choice->second.entry.options;
      child.entry.is_list = choice->second.entry.is_list;
      child.entry.is_null = choice->second.entry.is_null;
    }
    if (!child.entry.is_list) return {child};
    std::vector<Node> children;  // last first, as the caller's
    for (auto option = child.entry.options.rbegin(); option != child.entry.options.rend(); ++option) {
      DefaultsEntry entry;
      entry.path = child.entry.path + "/" + *option;
      entry.package = child.entry.package;
      entry.optional = child.entry.optional;
      children.push_back(child_of(parent, entry));
    }
    return children;
  }

  static void set_header(Node& node, const ConfigFile& file) {
    if (!file.package) return;
    const std::string& header = *file.package;
    node.header = header == "_global_" || header.rfind("_global_.", 0) == 0 ? header : "_global_." + header;
  }

  bool is_deleted(const Node& node) {
    if (!node.is_group() || deletions_.empty()) return false;
    const auto deletion = deletions_.find(node.override_key());
    if (deletion == deletions_.end()) return false;
    if (deletion->second.option && *deletion->second.option != node.option()) return false;
    deletion->second.used = true;
    return true;
  }

  void note_choice(const Node& node) {
    if (!node.is_group()) return;
    const std::string key = node.override_key();
    const auto [known, is_new] = known_options_.emplace(key, node.option());
    if (!is_new && known->second != node.option()) {
      throw UserError(
          text("Multiple values for ", key, ". To override a value use 'override ", key, ": ", known->second, "'."));
    }
    known_keys_[node.group()].insert(key);
  }

  void note_overrides(const std::vector<DefaultsEntry>& entries, const Node& node, bool in_interpolated) {
    const DefaultsEntry* last_override = nullptr;
    for (const auto& entry : entries) {
      if (entry.kind == DefaultsEntry::Kind::kSelf) continue;
      if (!entry.override_other) {
        if (last_override == nullptr || entry.appended) continue;
        throw UserError(text("In '", node.config_path(), "': 'override ", last_override->path, "' stands before '",
                             entry.path, "'. Overrides must be at the end of the defaults list."));
      }
      if (in_interpolated) {
        throw UserError(text("In '", node.config_path(), "': 'override ", entry.path,
                             "' is not allowed in a config that was chosen by "
                             "an interpolation."));
      }
      last_override = &entry;
      choices_.try_emplace(child_of(node, entry).override_key(), Choice{entry, node.config_path()});
    }
  }

  /// Replaces `${group}` by the option chosen for that group.
  void resolve_choice(Node& node) const {
    std::string& written = node.is_group() ? node.entry.options[0] : node.entry.path;
    for (size_t start; (start = written.find("${")) != written.npos;) {
      const size_t end = written.find('}', start);
      const std::string key = written.substr(start + 2, end == written.npos ? end : end - start - 2);
      const auto known = known_options_.find(key);
      if (end == written.npos || known == known_options_.end()) {
        std::vector<std::string> keys;
        for (const auto& choice : known_options_) keys.push_back(choice.first);
        throw UserError(
            text("Error resolving interpolation '", written, "' in a defaults list, possible keys: ", join(keys), "."));
      }
      written.replace(start, end + 1 - start, known->second);
    }
  }

  std::string listed_options(const std::string& group) const { return "\n  " + join(files_.options(group), "\n  "); }

  [[noreturn]] void refuse_missing(const Node& node) const {
    if (!node.is_group()) throw UserError(text("'", node.config_path(), "' in a defaults list names no config."));
    throw UserError(text("You must specify '", node.override_key(), "', e.g. ", node.override_key(),
                         "=OPTION. Available options:", listed_options(node.group())));
  }

  [[noreturn]] void refuse_unknown(const Node& node, const Node* parent) const {
    if (node.is_primary) {
      throw UserError(text("Cannot find primary config '", node.config_path(), "'. ", files_.search_path()));
    }
    std::string message = parent == nullptr ? "" : "In '" + parent->config_path() + "': ";
    message += "Could not find '" + node.config_path() + "'.";
    const auto options = files_.options(node.group());
    if (!options.empty()) message += text(" Available options in '", node.group(), "':", listed_options(node.group()));
    throw UserError(text(message, "\n", files_.search_path()));
  }

  void check_all_used() const {
    for (const auto& [key, choice] : choices_) {
      if (choice.used) continue;
      std::string message = choice.set_by.empty() ? "" : "In '" + choice.set_by + "': ";
      message += "Could not override '" + key + "'.";
      const auto known = known_keys_.find(key.substr(0, key.find('@')));
      if (known == known_keys_.end()) {
        message += " No match in the defaults list.";
      } else {
        message += "\nDid you mean to override " + join({known->second.begin(), known->second.end()}, " or ") + "?";
      }
      const std::string options =
          choice.entry.is_list ? "[" + join(choice.entry.options, ",") + "]" : join(choice.entry.options);
      if (choice.set_by.empty()) message += "\nTo append to your default list use +" + key + "=" + options;
      throw UserError(message);
    }
    for (const auto& [key, deletion] : deletions_) {
      if (deletion.used) continue;
      throw UserError(text("Could not delete '", key, deletion.option ? "=" + *deletion.option : "",
                           "'. No match in the defaults list."));
    }
  }

  /// Flattens the tree; a node's own content stands where its `_self_` is.
  void collect(const Node& node) {
    if (node.is_deleted || node.entry.is_null) return;
    if (!node.has_children) {
      if (node.is_group() && !listed_.insert(node.override_key()).second) {
        throw UserError(text(node.override_key(), " appears more than once in the final defaults list."));
      }
      out_.layers.push_back({node.config_path(), node.package()});
      return;
    }
    for (const auto& child : node.children) {
      if (child.is_self())
        out_.layers.push_back({node.config_path(), node.package()});
      else
        collect(child);
    }
  }

  ConfigFiles& files_;
  DefaultsList out_;
  std::map<std::string, Choice> choices_;
  std::map<std::string, Deletion> deletions_;
  std::vector<DefaultsEntry> appended_;
  std::map<std::string, std::string> known_options_;
  std::map<std::string, std::set<std::string>> known_keys_;
  std::set<std::string> listed_;
  std::set<std::string> stack_;  // the configs being expanded
};

}  // namespace

DefaultsList expand_defaults(ConfigFiles& files, const std::string& primary, const std::vector<Override>& overrides) {
  return Expander(files, overrides).expand(primary);
}

}  // namespace dcmmm
