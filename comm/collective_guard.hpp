// Errors that all ranks share: when one rank fails, every rank throws the same error, and none waits for another
// forever.
#pragma once

#include <functional>

#include "comm/communicator.hpp"

namespace dcmmm {

/// Runs `work` on rank 0 only. Collective. When it throws, every rank throws the same error: the same kind of Error
/// with the same message, std::bad_alloc, or std::runtime_error for what is neither.
void on_rank_zero(Communicator& communicator, const std::function<void()>& work);

/// Runs `work` on every rank. Collective. When it throws on any rank, every rank throws the error of the lowest such
/// rank. REQUIRES: `work` itself calls no collective operation that a rank which fails would leave the others waiting
/// in (collective calls of HDF5 that fail on all ranks or none may stand in it).
void agree(Communicator& communicator, const std::function<void()>& work);

}  // namespace dcmmm
