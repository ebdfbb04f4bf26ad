// What the likelihood leaves open beside its draws: how regions differ, and how coefficients drift.
#pragma once

#include <cstdint>
#include <vector>

namespace dcmmm {

/// Sds around fitted relative differences of each channel, between the rows of `coefficient_nC` (regions, or weeks;
/// those at 0 don't count). The true differences have the sd `sd`; fitted ones are shrunk towards 0, and what their
/// variance lacks is, on average, the variance around them: Var(u) = Var(E[u | data]) + E[Var(u | data)]. 0 where none
/// were fitted, that is where all rows are equal.
std::vector<double> open_differences(const std::vector<double>& coefficient_nC, int64_t channels, double sd);

}  // namespace dcmmm
