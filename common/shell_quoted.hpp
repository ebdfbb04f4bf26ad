// Words for people and scripts to paste into a shell.
#pragma once

#include <string>
#include <string_view>

namespace dcmmm {

/// A word for bash, in single quotes where it needs any.
inline std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == word.npos) return word;
  std::string out = "'";
  for (const char letter : word) {
    if (letter == '\'')
      out += "'\\''";
    else
      out += letter;
  }
  out += "'";
  return out;
}

}  // namespace dcmmm
