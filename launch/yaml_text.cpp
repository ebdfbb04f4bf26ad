#include "launch/yaml_text.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <regex>
#include <set>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/scalar_text.hpp"

namespace dcmmm {
namespace {

bool is_one_of(const std::string& word, std::initializer_list<const char*> lower_case) {
  // YAML 1.1 knows `yes`, `Yes` and `YES`, but not `yEs`.
  const std::string rest = word.substr(std::min<size_t>(1, word.size()));
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const bool rest_upper = std::all_of(rest.begin(), rest.end(), upper);
  const bool rest_lower = std::none_of(rest.begin(), rest.end(), upper);
  if (word.empty() || !(rest_lower || (rest_upper && upper(word[0])))) return false;
  return std::any_of(lower_case.begin(), lower_case.end(), [&](const char* w) { return equal_ignoring_case(word, w); });
}

/// The value of a plain (unquoted) scalar by the rules of YAML 1.1 as PyYAML and OmegaConf apply them.
Value plain_scalar(const std::string& word) {
  static const std::regex kBinary("[-+]?0b[0-1_]+"), kOctal("[-+]?0[0-7_]+"), kDecimal("[-+]?(0|[1-9][0-9_]*)"),
      kHexadecimal("[-+]?0x[0-9a-fA-F_]+"),
      kFloat(
          "[-+]?[0-9][0-9_]*\\.[0-9_]*([eE][-+]?[0-9]+)?|[-+]?[0-9]+(_[0-9]+)*[eE][-+]?[0-9]+"
          "|\\.[0-9]+(_[0-9]+)*([eE][-+][0-9]+)?");
  if (word.empty() || word == "~" || is_one_of(word, {"null"})) return {};
  if (is_one_of(word, {"yes", "true", "on"})) return true;
  if (is_one_of(word, {"no", "false", "off"})) return false;
  const std::string sign = word[0] == '-' ? "-" : "";
  const size_t unsigned_start = word[0] == '-' || word[0] == '+' ? 1 : 0;
  if (std::regex_match(word, kDecimal)) return parse_integer(word, 10);
  if (std::regex_match(word, kOctal)) return parse_integer(sign + word.substr(unsigned_start + 1), 8);
  if (std::regex_match(word, kHexadecimal)) return parse_integer(sign + word.substr(unsigned_start + 2), 16);
  if (std::regex_match(word, kBinary)) return parse_integer(sign + word.substr(unsigned_start + 2), 2);
  if (std::regex_match(word, kFloat)) {
    std::string digits = word;
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    return std::strtod(digits.c_str(), nullptr);
  }
  const std::string magnitude = word.substr(unsigned_start);
  if (magnitude == ".inf" || magnitude == ".Inf" || magnitude == ".INF") return sign.empty() ? HUGE_VAL : -HUGE_VAL;
  if (word == ".nan" || word == ".NaN" || word == ".NAN") return std::nan("");
  return word;
}

class YamlReader {
 public:
  explicit YamlReader(const std::string& name) : name_(name) {}

  Value read(const YAML::Node& node) const {
    if (node.IsScalar()) return read_scalar(node);
    if (node.IsSequence()) {
      Value::List list;
      for (const auto& item : node) list.push_back(read(item));
      return list;
    }
    if (node.IsMap()) return read_map(node);
    return {};
  }

 private:
  Value read_scalar(const YAML::Node& node) const {
    const std::string& word = node.Scalar();
    if (node.Tag() == "?") return plain_scalar(word);
    if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return word;
    throw UserError(text("In '", name_, "' line ", node.Mark().line + 1, ": the tag '", node.Tag(),
                         "' isn't supported. Only plain YAML values are."));
  }

  Value read_map(const YAML::Node& node) const {
    Value out = Value::Map();
    std::set<std::string> seen;
    for (const auto& entry : node) {  // first what `<<: *anchor` brings, which the mapping's own keys then replace
      if (!entry.first.IsScalar()) fail(entry.first, "a key must be a text");
      if (!is_merge_key(entry.first)) continue;
      if (!entry.second.IsMap()) fail(entry.first, "'<<' must name one mapping");
      merge(out, read(entry.second));
    }
    for (const auto& entry : node) {
      if (is_merge_key(entry.first)) continue;
      const std::string& key = entry.first.Scalar();
      if (!seen.insert(key).second) fail(entry.first, "duplicate key '" + key + "'");
      if (Value* inherited = out.child(key))
        *inherited = read(entry.second);
      else
        out.as<Value::Map>()->emplace_back(key, read(entry.second));
    }
    return out;
  }

  static bool is_merge_key(const YAML::Node& key) { return key.Scalar() == "<<" && key.Tag() == "?"; }

  [[noreturn]] void fail(const YAML::Node& node, const std::string& problem) const {
    throw UserError(text("In '", name_, "' line ", node.Mark().line + 1, ": ", problem, "."));
  }

  const std::string& name_;
};

bool is_plain_text(const std::string& word) {
  // Only letters, and digits, dots, slashes and dashes within: nothing that any YAML reader takes for something else.
  static const std::regex kPlain("[A-Za-z_/][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*");
  return std::regex_match(word, kPlain) && plain_scalar(word).as<std::string>() != nullptr && word != "y" &&
         word != "n" && word != "Y" && word != "N";
}

std::string yaml_scalar(const Value& value) {
  if (const auto* string = value.as<std::string>()) {
    if (is_plain_text(*string)) return *string;
    YAML::Emitter out;
    out << YAML::DoubleQuoted << *string;
    return out.c_str();
  }
  const auto* real = value.as<double>();
  if (real == nullptr) return show(value);
  if (std::isnan(*real)) return ".nan";
  if (std::isinf(*real)) return *real > 0 ? ".inf" : "-.inf";
  const std::string number = shortest(*real);
  return number.find_first_of(".e") == std::string::npos ? number + ".0" : number;
}

/// A key: numbers stay as they were written, so that Python reads back what it would have read first.
std::string yaml_key(const std::string& key) {
  const Value value = plain_scalar(key);
  return value.as<int64_t>() != nullptr || value.as<double>() != nullptr ? key : yaml_scalar(key);
}

/// A list or mapping that needs lines of its own.
bool is_filled(const Value& value) {
  const auto* map = value.as<Value::Map>();
  const auto* list = value.as<Value::List>();
  return (map != nullptr && !map->empty()) || (list != nullptr && !list->empty());
}

std::string flow_text(const Value& value) { return value.is_container() ? show(value) : yaml_scalar(value); }

void write(const Value& value, const std::string& indent, std::string& out) {
  const auto write_item = [&](const Value& item, const std::string& deeper) {
    if (is_filled(item)) {
      out += "\n";
      write(item, deeper, out);
    } else {
      out += text(" ", flow_text(item), "\n");
    }
  };
  if (const auto* map = value.as<Value::Map>()) {
    for (const auto& [key, item] : *map) {
      out += indent + yaml_key(key) + ":";
      write_item(item, indent + "  ");
    }
  } else {
    for (const auto& item : *value.as<Value::List>()) {
      out += indent + "-";
      write_item(item, indent + "  ");
    }
  }
}

}  // namespace

Value parse_yaml(const std::string& yaml, const std::string& name) {
  try {
    return YamlReader(name).read(YAML::Load(yaml));
  } catch (const YAML::Exception& error) {
    throw UserError(text("In '", name, "' line ", error.mark.line + 1, ": not valid YAML: ", error.msg, "."));
  }
}

Value read_yaml_file(const std::filesystem::path& path) { return parse_yaml(read_text_file(path), path.string()); }

std::string to_yaml(const Value& value) {
  if (!is_filled(value)) return flow_text(value) + "\n";
  std::string out;
  write(value, "", out);
  return out;
}

}  // namespace dcmmm
