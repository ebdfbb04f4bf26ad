// What a distributed test runs in. Every rank runs every test; a test's collective calls must be the same on all ranks.
#pragma once

#include "comm/environment.hpp"

namespace dcmmm::testing {

/// The process among its ranks, made by main.
const Environment& environment();

/// All ranks of the job.
Communicator& world();

}  // namespace dcmmm::testing
