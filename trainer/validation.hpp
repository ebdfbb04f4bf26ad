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

/// Huber's weights are taken anew before this step, a quarter, a half and three quarters through.
bool huber_is_due(int64_t step, int64_t steps);

/// Steps from `step` to where one of these, or the end, is due; 1 at least.
int64_t steps_until_due(const Fit& fit, int64_t step);

/// Collective.
void refresh_cell_weights(Fit& fit);

/// At the end: members whose last validations were worse go back to their best parameters.
void take_best(Fit& fit, const std::function<void(const std::string&)>& log);

}  // namespace dcmmm
