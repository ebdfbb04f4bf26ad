#include "launch/signals.hpp"

#include <csignal>

namespace dcmmm {
namespace {

volatile std::sig_atomic_t stop_signal_seen = 0;
volatile std::sig_atomic_t checkpoint_wanted = 0;

extern "C" void note_signal(int signal) {
  if (signal == SIGUSR1)
    checkpoint_wanted = 1;
  else
    stop_signal_seen = signal;
}

void handle(int signal, int flags) {
  struct sigaction action = {};
  action.sa_handler = note_signal;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void await_checkpoint_request() { handle(SIGUSR1, SA_RESTART); }

void install_signal_handlers() {
  // Interrupted reads and writes go on: a checkpoint that is being written must not fail.
  handle(SIGTERM, SA_RESTART);
  handle(SIGINT, SA_RESTART | SA_RESETHAND);
  handle(SIGUSR2, SA_RESTART);
  handle(SIGUSR1, SA_RESTART);
}

int stop_signal() { return stop_signal_seen; }

bool take_checkpoint_request() {
  if (checkpoint_wanted == 0) return false;
  checkpoint_wanted = 0;
  return true;
}

}  // namespace dcmmm
