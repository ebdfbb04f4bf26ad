// The median over all ranks.
#pragma once

#include <vector>

#include "comm/communicator.hpp"

namespace dcmmm {

/// The median of |values| over all ranks (the lower one of an even number), exact and with the same bits on any ranks:
/// radix selection on counts of the doubles' bits. 0 without values. Collective.
double global_median_magnitude(const std::vector<double>& values, Communicator& communicator);

}  // namespace dcmmm
