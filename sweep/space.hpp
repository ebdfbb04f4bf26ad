// What a sweep searches: keys and the values that each may take.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dcmmm {

/// One key of the search and its values. A value is held as Optuna's journal holds it: a choice by its place in the
/// list, a number as it is.
struct Parameter {
  enum class Kind { kChoice, kInteger, kReal };
  std::string key;
  Kind kind = Kind::kChoice;
  std::vector<std::string> choices;  // as they stand on a command line
  double low = 0, high = 0;          // of numbers, both included
  bool log = false;                  // searched on the log scale
  std::string when_key;              // counts only in trials where this parameter, of choices,
  double when_choice = 0;            // has this value; "" for all trials

  bool operator==(const Parameter&) const = default;
};

using SearchSpace = std::vector<Parameter>;

/// Makes `key` count only where `condition`, OTHER=VALUE, holds: OTHER is a parameter of choices in the space, without
/// a condition of its own. Throws UserError.
void set_condition(SearchSpace& space, const std::string& key, const std::string& condition);

/// Whether parameter p counts in a trial with these values.
bool is_active(const SearchSpace& space, const std::vector<double>& values, size_t p);

/// NaN for the values of parameters that don't count.
void leave_out_inactive(const SearchSpace& space, std::vector<double>& values);

/// Whether the word `key=...` asks for several values: a comma outside of brackets and quotes, or one of the functions
/// below.
bool is_search_word(const std::string& word);

/// The values that `search` stands for, in the grammar of Hydra's sweeps: `a,b,c`, `choice(a,b,c)`,
/// `range([start,]stop[,step])` (without its stop, as in Python), `interval(low,high)` (whole numbers where both ends
/// are) and `tag(log, interval(low,high))`. Throws UserError that names the key and what to type.
Parameter parse_search(const std::string& key, const std::string& search);

/// `key=search` as parse_search takes it.
Parameter parse_search_word(const std::string& word);

/// The value at a place in [0, 1) of the parameter's range; every choice and whole number has an equal share (on the
/// log scale: whole numbers by the log of their width).
double from_unit(const Parameter& parameter, double place);

/// The middle of a value's share of [0, 1]: from_unit's inverse.
double to_unit(const Parameter& parameter, double value);

/// Whether the parameter has this value: a journal may come from elsewhere.
bool has_value(const Parameter& parameter, double value);

/// A value as it stands behind `key=` on a command line; one that the parameter doesn't have, as a number.
std::string value_text(const Parameter& parameter, double value);

}  // namespace dcmmm
