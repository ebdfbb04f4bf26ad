// What the `plan` group of a checked config asks for.
#pragma once

#include "launch/value.hpp"
#include "planning/options.hpp"

namespace dcmmm {

/// Throws UserError that names the key of a limit that isn't one. Threads are the caller's.
PlanOptions plan_options(const Value& config);

}  // namespace dcmmm
