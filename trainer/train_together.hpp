// Several fits side by side in the member axis: one forward and backward for all of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "trainer/fit.hpp"

namespace dcmmm {

/// Trains fits from where they stand to their ends, as train() does each alone, to rounding; a fit that stops early
/// makes room for the others. One whose loss isn't finite goes on alone, by train(). Fits that measured lifts pull at
/// are trained alone as well.
/// REQUIRES: fits of the same plan that may_go_together and stand at the same step, and whose options differ in what a
/// Member holds and in the learning rate, nothing else.
/// Looks at `stop` every few steps: true, which it says to all ranks or none, leaves the fits where they stand. `log`:
/// a line for people about the fit of that place. Returns a problem for each fit, "" where it is trained (or left).
/// Collective.
std::vector<std::string> train_together(const std::vector<Fit*>& fits, const std::function<bool()>& stop,
                                        const std::function<void(size_t, const std::string&)>& log);

/// Whether the fits have the same parameters and freedom of the GRU, and panels of which one is the other's first
/// weeks. Collective.
bool may_go_together(const Fit& one, const Fit& other);

}  // namespace dcmmm
