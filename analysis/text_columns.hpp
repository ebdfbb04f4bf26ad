// Which columns of a run's and a plan's tables hold names.
#pragma once

#include <set>
#include <string>

namespace dcmmm {

/// Columns of names in any table; all others hold numbers.
const std::set<std::string>& text_columns();

}  // namespace dcmmm
