// Signals that ask the training loop for something at its next step.
#pragma once

namespace dcmmm {

/// From now on USR1 asks for a checkpoint, and doesn't end the process where there is nothing to keep yet.
void await_checkpoint_request();

/// From now on TERM, INT and USR2 ask for a checkpoint and the end, USR1 for a checkpoint. A second INT ends the
/// process at once. (USR2 is for mpirun and srun, which pass it on and wait; on TERM they kill their ranks.)
void install_signal_handlers();

/// The number of the TERM, INT or USR2 signal that came, or 0.
int stop_signal();

/// Whether USR1 came since the last call.
bool take_checkpoint_request();

}  // namespace dcmmm
