// The loop: steps, Huber refreshes, validation, early stopping, checkpoints and signals.
#pragma once

#include <functional>

#include "trainer/fit.hpp"

namespace dcmmm {

/// What a signal asks for. Sums over ranks keep the meaning: any kStop wins.
enum class Request : int { kNone = 0, kCheckpoint = 1, kStop = 1000000 };

/// What people see while it runs.
struct Progress {
  int64_t step = 0, steps = 0;
  double loss = 0;
  double validation_skill = 0;  // best naive RMSE / validation RMSE of member 0; NaN without
  double steps_per_second = 0, seconds_left = 0;
};

struct TrainerCallbacks {
  std::function<void(const Progress&)> progress;  // after each step, rank 0 shows it
  std::function<void(const std::string&)> log;    // one line for people
  std::function<void(const Fit&)> checkpoint;     // collective; called every checkpoint_every steps and when asked for
  std::function<Request()> request;               // this rank's signal since the last call
};

enum class Outcome { kDone, kStopped };  // kStopped: by a signal or the time limit, after a checkpoint

/// Runs the fit from its current step to options.steps; `graph` goes along, from where so many steps have brought it.
/// Collective. Throws NumericalError when every member the user
/// asked for has a loss that isn't finite.
Outcome train(Fit& fit, const TrainerCallbacks& callbacks, GraphTerm* graph = nullptr);

}  // namespace dcmmm
