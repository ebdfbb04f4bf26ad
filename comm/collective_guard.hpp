// Errors that every rank sees: work that may fail on some ranks only, and then must stop all of them.
#pragma once

#include <functional>

#include "comm/communicator.hpp"

namespace dcmmm {

/// Collective. Runs `work` on every rank, then agrees: when it threw anywhere, every rank throws the error (code and
/// message) of the lowest rank that failed. `work` may hold collective calls only if they can't be skipped by its errors.
void on_every_rank(Communicator& communicator, const std::function<void()>& work);

/// Collective. The same for `work` that only rank 0 does.
void on_rank_zero(Communicator& communicator, const std::function<void()>& work);

}  // namespace dcmmm
