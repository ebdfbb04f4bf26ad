// The panel that all trials of a sweep read.
#pragma once

#include "comm/communicator.hpp"
#include "launch/sweep_settings.hpp"

namespace dcmmm {

/// Writes the sweep's panel.h5, the panel's weeks before the holdout, and warns of what `train` would warn of. Throws
/// UserError where trials couldn't be judged on it.
void write_training_panel(const Sweep& sweep, Communicator& alone);

}  // namespace dcmmm
