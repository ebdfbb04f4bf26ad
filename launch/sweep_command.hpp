// sweep: a search over settings, judged on training weeks.
#pragma once

#include "comm/environment.hpp"
#include "launch/sweep_line.hpp"

namespace dcmmm {

/// Under mpirun every rank is a worker of one sweep: rank 0 makes it, and all of them pull its trials.
int sweep_command(const SweepLine& line, const Environment& environment, Communicator& world);

}  // namespace dcmmm
