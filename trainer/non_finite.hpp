// Where a loss stops being a number.
#pragma once

#include <string>

#include "trainer/fit.hpp"

namespace dcmmm {

/// The first region whose own loss or gradient isn't finite for the member, the week and the input that stand out
/// there, as words: "region 'Boston', at 2024-03-25, 'tv' is 1e+30". Collective.
std::string where_not_finite(const Fit& fit, int64_t member);

}  // namespace dcmmm
