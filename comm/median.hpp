// The median over all ranks.
#pragma once

#include <functional>
#include <span>

#include "comm/communicator.hpp"

namespace dcmmm {

/// Takes some of a rank's values.
using ValueVisitor = std::function<void(std::span<const double>)>;

/// The median of |values| over all ranks (the lower one of an even number), exact and with the same bits on any ranks:
/// radix selection on counts of the doubles' bits. `each` shows a rank's values to the visitor, in any parts; it is
/// called several times, so that nobody need hold them. 0 without values. Collective.
double global_median_magnitude(const std::function<void(const ValueVisitor&)>& each, Communicator& communicator);

}  // namespace dcmmm
