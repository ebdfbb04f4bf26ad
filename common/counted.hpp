// "1 week", "2 weeks".
#pragma once

#include <cstdint>
#include <string>

namespace dcmmm {

/// The count and its noun; `plural` ends in the s that one of them hasn't: counted(1, "weeks") is "1 week".
inline std::string counted(int64_t count, std::string plural) {
  if (count == 1) plural.pop_back();
  return std::to_string(count) + " " + plural;
}

}  // namespace dcmmm
