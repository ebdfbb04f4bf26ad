#include "sweep/space.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

constexpr double kMostChoices = 100000;  // of a range; more are a slip of the pen

const std::string kForms =
    "a,b,c, choice(a,b,c), range(start,stop,step), interval(low,high) or tag(log, interval(low,high))";

[[noreturn]] void refuse(const std::string& key, const std::string& search, const std::string& problem) {
  throw UserError(text("Can't search '", key, "=", search, "': ", problem, "."));
}

std::string trimmed(std::string_view value) {
  const size_t first = value.find_first_not_of(" \t"), last = value.find_last_not_of(" \t");
  return first == value.npos ? "" : std::string(value.substr(first, last - first + 1));
}

// The parts between commas that stand outside of brackets and quotes.
std::vector<std::string> split_top(std::string_view value) {
  std::vector<std::string> parts = {""};
  int depth = 0;
  char quote = 0;
  for (const char letter : value) {
    if (quote != 0)
      quote = letter == quote ? 0 : quote;
    else if (letter == '\'' || letter == '"')
      quote = letter;
    else if (letter == '(' || letter == '[' || letter == '{')
      ++depth;
    else if (letter == ')' || letter == ']' || letter == '}')
      --depth;
    if (letter == ',' && depth == 0 && quote == 0)
      parts.emplace_back();
    else
      parts.back() += letter;
  }
  for (std::string& part : parts) part = trimmed(part);
  return parts;
}

// The arguments of `name(...)`, or none where the text is something else.
std::optional<std::vector<std::string>> arguments_of(const std::string& search, const std::string& name) {
  if (!search.starts_with(name + "(") || !search.ends_with(")")) return std::nullopt;
  return split_top(std::string_view(search).substr(name.size() + 1, search.size() - name.size() - 2));
}

std::optional<double> number_in(const std::string& value) {
  double out = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, out);
  return error == std::errc() && stop == end && std::isfinite(out) ? std::optional(out) : std::nullopt;
}

bool is_whole(const std::string& value) { return value.find_first_not_of("-0123456789") == value.npos; }

std::vector<double> numbers_in(const std::string& key, const std::string& search,
                               const std::vector<std::string>& words) {
  std::vector<double> out;
  for (const std::string& word : words) {
    const auto number = number_in(word);
    if (!number) refuse(key, search, text("'", word, "' is not a number"));
    out.push_back(*number);
  }
  return out;
}

std::vector<std::string> range_choices(const std::string& key, const std::string& search,
                                       const std::vector<std::string>& arguments) {
  std::vector<double> numbers = numbers_in(key, search, arguments);
  if (numbers.size() > 3) refuse(key, search, "expected range(stop), range(start,stop) or range(start,stop,step)");
  if (numbers.size() == 1) numbers.insert(numbers.begin(), 0);
  if (numbers.size() == 2) numbers.push_back(1);
  const double steps = (numbers[1] - numbers[0]) / numbers[2];
  if (!(steps > 0) || steps > kMostChoices)
    refuse(key, search, text("this range has no values, or more than ", kMostChoices));
  std::vector<std::string> out;
  for (int64_t i = 0; static_cast<double>(i) < steps; ++i)
    out.push_back(shortest(numbers[0] + static_cast<double>(i) * numbers[2]));
  return out;
}

void set_interval(Parameter& parameter, const std::string& search, const std::vector<std::string>& arguments) {
  const std::string& key = parameter.key;
  if (arguments.size() != 2) refuse(key, search, "expected interval(low,high)");
  const std::vector<double> ends = numbers_in(key, search, arguments);
  parameter.low = ends[0];
  parameter.high = ends[1];
  constexpr double kWhole = 9007199254740992.0;  // 2^53: beyond it not every whole number is a double
  if (std::abs(ends[0]) > kWhole || std::abs(ends[1]) > kWhole)
    refuse(key, search, "the interval's ends must lie within 2^53 = 9007199254740992 of 0");
  if (parameter.low >= parameter.high) refuse(key, search, "the interval's low must be below its high");
  if (parameter.log && parameter.low <= 0) refuse(key, search, "on the log scale the interval must lie above 0");
  const bool whole = is_whole(arguments[0]) && is_whole(arguments[1]);
  parameter.kind = whole ? Parameter::Kind::kInteger : Parameter::Kind::kReal;
}

// Where the parameter's numbers begin and end on the axis that they are drawn from. A whole number n stands for
// [n - 0.5, n + 0.5].
std::pair<double, double> axis(const Parameter& parameter) {
  const double half = parameter.kind == Parameter::Kind::kInteger ? 0.5 : 0.0;
  const double low = parameter.low - half, high = parameter.high + half;
  return parameter.log ? std::pair(std::log(low), std::log(high)) : std::pair(low, high);
}

}  // namespace

void set_condition(SearchSpace& space, const std::string& key, const std::string& condition) {
  const auto find = [&](const std::string& name) {
    return std::find_if(space.begin(), space.end(), [&](const Parameter& parameter) { return parameter.key == name; });
  };
  const std::string problem = text("sweep.when has '", key, ": ", condition, "'");
  const auto own = find(key);
  if (own == space.end()) throw UserError(text(problem, ", but '", key, "' isn't searched."));
  const size_t equal = condition.find('=');
  const auto other = find(condition.substr(0, equal));
  if (equal == condition.npos || other == space.end() || other == own || other->kind != Parameter::Kind::kChoice ||
      !other->when_key.empty())
    throw UserError(text(problem,
                         ". Expected OTHER=VALUE with another searched key that has choices (a,b,c) and no "
                         "condition of its own."));
  const auto choice = std::find(other->choices.begin(), other->choices.end(), condition.substr(equal + 1));
  if (choice == other->choices.end())
    throw UserError(text(problem, ", but the choices of '", other->key, "' are ", join(other->choices), "."));
  own->when_key = other->key;
  own->when_choice = static_cast<double>(choice - other->choices.begin());
}

bool is_active(const SearchSpace& space, const std::vector<double>& values, size_t p) {
  if (space[p].when_key.empty()) return true;
  for (size_t other = 0; other < space.size(); ++other)
    if (space[other].key == space[p].when_key) return values[other] == space[p].when_choice;
  return true;
}

void leave_out_inactive(const SearchSpace& space, std::vector<double>& values) {
  for (size_t p = 0; p < space.size(); ++p)
    if (!is_active(space, values, p)) values[p] = std::numeric_limits<double>::quiet_NaN();
}

bool is_search_word(const std::string& word) {
  const size_t equal = word.find('=');
  if (equal == word.npos || word.starts_with('~')) return false;
  const std::string search = trimmed(std::string_view(word).substr(equal + 1));
  // Any function, so that one that isn't known is told what there is: uniform(0,1).
  const size_t bracket = search.find('(');
  const std::string name = search.substr(0, bracket);
  const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char letter) {
    return std::isalpha(letter) != 0 || letter == '_';
  });
  if (bracket != search.npos && is_name && search.ends_with(')')) return true;
  return split_top(search).size() > 1;
}

Parameter parse_search(const std::string& key, const std::string& given) {
  Parameter out;
  out.key = key;
  const std::string search = trimmed(given);
  if (key.empty() || key.find_first_of("+~@ ") != key.npos)
    refuse(key, search, "a sweep sets keys that are there: write key=values");
  if (const auto tag = arguments_of(search, "tag")) {
    const auto interval = tag->size() == 2 ? arguments_of(tag->back(), "interval") : std::nullopt;
    if (!interval || tag->front() != "log") refuse(key, search, "expected tag(log, interval(low,high))");
    out.log = true;
    set_interval(out, search, *interval);
    return out;
  }
  if (const auto interval = arguments_of(search, "interval")) {
    set_interval(out, search, *interval);
    return out;
  }
  if (const auto range = arguments_of(search, "range")) {
    out.choices = range_choices(key, search, *range);
    return out;
  }
  const auto choices = arguments_of(search, "choice");
  out.choices = choices ? *choices : split_top(search);
  for (const std::string& choice : out.choices) {
    if (choice.empty()) refuse(key, search, "one of its values is empty");
    const bool is_quoted = choice.front() == '\'' || choice.front() == '"';
    if (choice.find('(') != choice.npos && !is_quoted) refuse(key, search, "expected " + kForms + "; a text in quotes");
    if (std::count(out.choices.begin(), out.choices.end(), choice) > 1)
      refuse(key, search, text("'", choice, "' is there twice"));
  }
  return out;
}

Parameter parse_search_word(const std::string& word) {
  const size_t equal = word.find('=');
  if (equal == word.npos) throw UserError(text("'", word, "' has no '='. Write key=values, such as ", kForms, "."));
  return parse_search(word.substr(0, equal), word.substr(equal + 1));
}

double from_unit(const Parameter& parameter, double place) {
  if (parameter.kind == Parameter::Kind::kChoice) {
    const auto count = static_cast<double>(parameter.choices.size());
    return std::min(std::floor(place * count), count - 1);
  }
  const auto [low, high] = axis(parameter);
  double value = low + (high - low) * place;
  if (parameter.log) value = std::exp(value);
  if (parameter.kind == Parameter::Kind::kInteger) value = std::round(value);
  return std::clamp(value, parameter.low, parameter.high);
}

double to_unit(const Parameter& parameter, double value) {
  if (parameter.kind == Parameter::Kind::kChoice) return (value + 0.5) / static_cast<double>(parameter.choices.size());
  const auto [low, high] = axis(parameter);
  return ((parameter.log ? std::log(value) : value) - low) / (high - low);
}

bool has_value(const Parameter& parameter, double value) {
  if (parameter.kind == Parameter::Kind::kReal) return value >= parameter.low && value <= parameter.high;
  const bool is_choice = parameter.kind == Parameter::Kind::kChoice;
  const double low = is_choice ? 0 : parameter.low;
  const double high = is_choice ? static_cast<double>(parameter.choices.size()) - 1 : parameter.high;
  return value >= low && value <= high && value == std::floor(value);
}

std::string value_text(const Parameter& parameter, double value) {
  if (!has_value(parameter, value)) return shortest(value);
  if (parameter.kind == Parameter::Kind::kChoice) return parameter.choices.at(static_cast<size_t>(value));
  return parameter.kind == Parameter::Kind::kInteger ? std::to_string(std::llround(value)) : shortest(value);
}

}  // namespace dcmmm
