// A sweep's trials before any runs.
#pragma once

#include "launch/sweep_settings.hpp"

namespace dcmmm {

/// Composes trials with each choice and with both ends of each interval: what none can be run with is told before
/// anything runs, not by every trial; so are choices that are one value. Throws UserError. Warns where
/// trials must be the same.
void check_trials(const SweepLine& line, const Sweep& sweep);

}  // namespace dcmmm
