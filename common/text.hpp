// Small helpers for messages: joining values, and the nearest known name to a misspelt one.
#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace dcmmm {

/// Joins values into one string, each as `operator<<` prints it.
template <class... Values>
std::string text(const Values&... values) {
  std::ostringstream out;
  (out << ... << values);
  return out.str();
}

/// Joins names with a separator: `a, b, c`.
std::string join(const std::vector<std::string>& names, std::string_view separator = ", ");

/// The candidate with the smallest edit distance to `name` (Levenshtein 1966), or "" when none is within half its
/// length, or within 2 of a short one.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

/// " Did you mean 'x'?" for the nearest candidate, or "".
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

/// A double with the fewest digits that read back as the same value ("0.1", "12", "1e-07").
std::string shortest(double value);

}  // namespace dcmmm
