#include "launch/schema.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>
#include <sstream>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/scalar_text.hpp"

namespace dcmmm {
namespace {

using Type = KeySpec::Type;

std::vector<std::string> split(const std::string& words, char separator) {
  std::vector<std::string> out;
  std::istringstream in(words);
  for (std::string word; std::getline(in, word, separator);) out.push_back(word);
  return out;
}

/// One end of a range: "", "0", "above 0", "below 1".
struct Limit {
  std::optional<double> value;
  bool open = false;  // the limit itself is outside
};

Limit parse_limit(const std::string& written) {
  if (written.empty()) return {};
  const bool open = written.rfind("above ", 0) == 0 || written.rfind("below ", 0) == 0;
  return {std::strtod(written.c_str() + (open ? 6 : 0), nullptr), open};
}

bool is_within(double value, const std::string& range) {
  if (!std::isfinite(value)) return false;
  const size_t dots = range.find("..");
  const Limit low = parse_limit(range.substr(0, dots));
  const Limit high = dots == range.npos ? Limit() : parse_limit(range.substr(dots + 2));
  if (low.value && (low.open ? value <= *low.value : value < *low.value)) return false;
  return !high.value || (high.open ? value < *high.value : value <= *high.value);
}

/// "0.." as "of at least 0", "above 0..below 1" as "above 0 and below 1".
std::string range_in_words(const std::string& range) {
  const auto words = [](const std::string& limit, const char* closed) {
    return limit[0] == 'a' || limit[0] == 'b' ? limit : closed + limit;
  };
  const size_t dots = range.find("..");
  const std::string low = range.substr(0, dots), high = dots == range.npos ? "" : range.substr(dots + 2);
  std::string out;
  if (!low.empty()) out += text(" ", words(low, "of at least "));
  if (!low.empty() && !high.empty()) out += " and";
  if (!high.empty()) out += text(" ", words(high, "of at most "));
  return out;
}

std::string expected(const KeySpec& spec) {
  static const char* const kTypes[] = {"a whole number",
                                       "a number",
                                       "true or false",
                                       "a text",
                                       "a path",
                                       "one of ",
                                       "a list of texts",
                                       "a mapping of texts",
                                       "a mapping of numbers",
                                       "a list of whole numbers",
                                       "a mapping"};
  std::string out = kTypes[static_cast<int>(spec.type)];
  out += spec.type == Type::kChoice ? join(split(spec.range, '|')) : range_in_words(spec.range);
  return out + (spec.may_be_null ? ", or null" : "");
}

bool is_whole(double value) { return std::abs(value) < 0x1p63 && std::trunc(value) == value; }

bool is_scalar(const Value& value) { return !value.is_null() && !value.is_container(); }

/// A scalar as a text; a number as it would be written.
Value as_text(const Value& value) { return value.as<std::string>() != nullptr ? value : Value(show(value)); }

/// The value in the key's type, or nullopt when it isn't one.
std::optional<Value> converted(const Value& value, Type type) {
  const auto* string = value.as<std::string>();
  const auto literal = string != nullptr ? parse_literal(*string).value_or(value) : value;
  switch (type) {
    case Type::kInteger:
      if (literal.as<int64_t>() != nullptr) return literal;
      // 8.0 and 1e1 are whole numbers to OmegaConf as well.
      if (const auto* real = literal.as<double>(); real != nullptr && is_whole(*real))
        return Value(static_cast<int64_t>(*real));
      break;
    case Type::kNumber:
      if (const auto* integer = literal.as<int64_t>()) return Value(static_cast<double>(*integer));
      if (literal.as<double>() != nullptr) return literal;
      break;
    case Type::kBool:
      if (literal.as<bool>() != nullptr) return literal;
      break;
    case Type::kText:
    case Type::kPath:
    case Type::kChoice:
      if (is_scalar(value)) return as_text(value);
      break;
    case Type::kTextList: {
      if (is_scalar(value)) return Value(Value::List{as_text(value)});  // one column needs no brackets
      const auto* list = value.as<Value::List>();
      if (list == nullptr || !std::all_of(list->begin(), list->end(), is_scalar)) break;
      Value::List out;
      for (const auto& item : *list) out.push_back(as_text(item));
      return Value(out);
    }
    case Type::kIntegerList: {
      const auto* list = value.as<Value::List>();
      Value::List out;
      for (const auto& item : list != nullptr ? *list : Value::List{value}) {
        const auto number = converted(item, Type::kInteger);
        if (!number) return std::nullopt;
        out.push_back(*number);
      }
      return Value(out);
    }
    case Type::kTextMap: {
      const auto* map = value.as<Value::Map>();
      if (map == nullptr || !std::all_of(map->begin(), map->end(), [](const auto& e) { return is_scalar(e.second); }))
        break;
      Value::Map out;
      for (const auto& [key, item] : *map) out.emplace_back(key, as_text(item));
      return Value(out);
    }
    case Type::kMap:
      if (value.as<Value::Map>() != nullptr) return value;
      break;
    case Type::kNumberMap: {
      const auto* map = value.as<Value::Map>();
      if (map == nullptr) break;
      Value::Map out;
      for (const auto& [key, item] : *map) {
        const auto number = converted(item, Type::kNumber);
        if (!number) return std::nullopt;
        out.emplace_back(key, *number);
      }
      return Value(out);
    }
  }
  return std::nullopt;
}

bool is_allowed(const Value& value, const KeySpec& spec) {
  if (spec.range.empty()) return true;
  if (const auto* integer = value.as<int64_t>()) return is_within(static_cast<double>(*integer), spec.range);
  if (const auto* real = value.as<double>()) return is_within(*real, spec.range);
  const auto choices = split(spec.range, '|');
  return std::find(choices.begin(), choices.end(), *value.as<std::string>()) != choices.end();
}

class Checker {
 public:
  explicit Checker(Value& config) : config_(config) {
    for (const auto& spec : known_keys()) names_.push_back(spec.key);
  }

  void check() {
    for (const auto& spec : known_keys()) check_key(spec);
    find_unknown(config_, "");
    if (!problems_.empty()) throw UserError(join(problems_, "\n"));
  }

 private:
  void check_key(const KeySpec& spec) {
    Value* value = &config_;
    for (const auto& name : split_path(spec.key)) {
      if (value != nullptr) value = value->child(name);
    }
    if (value == nullptr) {
      problems_.push_back(
          text("The config has no key '", spec.key, "' (", spec.meaning, "). Expected ", expected(spec), "."));
      return;
    }
    if (value->is_missing() || (value->is_null() && spec.may_be_null)) return;
    auto typed = converted(*value, spec.type);
    if (typed && (spec.type != Type::kNumber || std::isfinite(*typed->as<double>())) && is_allowed(*typed, spec)) {
      *value = std::move(*typed);
      return;
    }
    const std::string nearest =
        typed && spec.type == Type::kChoice ? did_you_mean(*typed->as<std::string>(), split(spec.range, '|')) : "";
    problems_.push_back(text("'", spec.key, "' is ", show(*value), ", but expected ", expected(spec), " (",
                             spec.meaning, ").", nearest));
  }

  bool is_known(const std::string& key) const { return std::find(names_.begin(), names_.end(), key) != names_.end(); }

  bool is_known_section(const std::string& key) const {
    return std::any_of(names_.begin(), names_.end(),
                       [&](const std::string& name) { return name.rfind(key + ".", 0) == 0; });
  }

  void find_unknown(const Value& value, const std::string& path) {
    if (is_known(path)) return;
    if (!path.empty() && !is_known_section(path)) {
      problems_.push_back(text("Unknown key '", path, "' (value ", show(value), ").", did_you_mean(path, names_)));
      return;
    }
    const auto* map = value.as<Value::Map>();
    if (map == nullptr) return;  // its missing keys are reported already
    for (const auto& [key, item] : *map) find_unknown(item, path.empty() ? key : path + "." + key);
  }

  Value& config_;
  std::vector<std::string> names_;
  std::vector<std::string> problems_;
};

/// A number and the unit behind it, from `i` on.
bool take_quantity(const std::string& written, size_t& i, double& number, std::string& unit) {
  const auto result = std::from_chars(written.data() + i, written.data() + written.size(), number);
  if (result.ec != std::errc() || !std::isfinite(number) || number < 0) return false;
  i = static_cast<size_t>(result.ptr - written.data());
  while (i < written.size() && written[i] == ' ') ++i;
  unit.clear();
  while (i < written.size() && std::isalpha(static_cast<unsigned char>(written[i]))) unit += written[i++];
  return true;
}

}  // namespace

void check_config(Value& config) { Checker(config).check(); }

int64_t parse_bytes(const std::string& size, const std::string& key) {
  static const std::pair<const char*, double> kUnits[] = {
      {"", 1},      {"B", 1},        {"kB", 1e3},     {"KB", 1e3},     {"MB", 1e6},    {"GB", 1e9},
      {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
  size_t i = 0;
  double number = 0;
  std::string unit;
  if (take_quantity(size, i, number, unit) && i == size.size()) {
    for (const auto& [name, bytes] : kUnits) {
      if (unit == name && number * bytes >= 1 && number * bytes < 0x1p62) return static_cast<int64_t>(number * bytes);
    }
  }
  throw UserError(text("'", key, "' is '", size, "', but expected a size such as 4GiB, 512MB or a number of bytes."));
}

double parse_duration(const std::string& duration, const std::string& key) {
  static const std::pair<const char*, double> kUnits[] = {{"", 1},     {"s", 1},    {"m", 60},
                                                          {"min", 60}, {"h", 3600}, {"d", 86400}};
  double seconds = 0;
  size_t i = 0;
  bool good = !duration.empty();
  while (good && i < duration.size()) {
    double number = 0;
    std::string unit;
    good = take_quantity(duration, i, number, unit);
    const auto* known =
        std::find_if(std::begin(kUnits), std::end(kUnits), [&](const auto& u) { return unit == u.first; });
    good = good && known != std::end(kUnits);
    if (good) seconds += number * known->second;
  }
  if (good && seconds > 0) return seconds;
  throw UserError(text("'", key, "' is '", duration, "', but expected a time such as 90s, 30m or 1h30m."));
}

}  // namespace dcmmm
