// What the descent does between its steps: validation, early stopping, Huber's weights.
#pragma once

#include <functional>
#include <string>

#include "trainer/fit.hpp"

namespace dcmmm {

/// Judges the shadows on their validation weeks, and with early stopping remembers each member's best parameters, and
/// freezes one whose validation has been clearly worse for too long. Member 0's RMSE, KPI units. Collective.
double validate(Fit& fit);

/// Whether validations are wanted at all, and whether one is due after this many steps.
bool validates(const Fit& fit);
bool validation_is_due(const Fit& fit, int64_t step);

/// Whether any member that the user asked for isn't frozen.
bool any_active(const Fit& fit);

/// Steps from `step` to where a validation, Huber's weights, or the end, is due; 1 at least.
int64_t steps_until_due(const Fit& fit, int64_t step);

/// Huber's weights are taken anew before the next step, where that is a quarter, a half or three quarters through:
/// once, however often this is called before the step is done. Collective.
void refresh_cell_weights_when_due(Fit& fit);

/// At the end: members whose last validations were worse go back to their best parameters.
void take_best(Fit& fit, const std::function<void(const std::string&)>& log);

}  // namespace dcmmm
