#include "trainer/validation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/text.hpp"

namespace dcmmm {
namespace {

// A validation counts as worse when its RMSE is this much above the best: one origin's national shocks move it by a few
// per cent.
constexpr double kClearlyWorse = 1.05;

// RMSE of the shadows on the weeks between their origin and their member's, KPI units, over all ranks. One value a
// shadow: NaN without an observed cell, infinite when a forecast isn't finite.
std::vector<double> validation_rmse(const Fit& fit) {
  const FitData& data = fit.data;
  const int64_t M = fit.members, S = fit.shadows(), end = data.members[0].origin, begin = data.members[M].origin;
  const at::Tensor on_device = fit.device ? fit.device->predict(fit.state).narrow(2, 0, end) : at::Tensor();
  const std::vector<double> sums = fit.loop.sum(2 * S, [&](Chunk chunk, std::span<double> total) {
    const at::Tensor scaled =
        fit.device ? on_device.narrow(1, chunk.first, chunk.count) : scaled_prediction(fit, chunk, end);
    const at::Tensor prediction =
        (scaled.to(at::kDouble) * data.target_scale_ER.narrow(1, chunk.first, chunk.count).unsqueeze(-1))
            .narrow(0, M, S)
            .contiguous();
    const auto predicted = prediction.accessor<double, 3>();
    const at::Tensor usable = data.region_weight_ER.narrow(0, M, S).narrow(1, chunk.first, chunk.count) > 0;
    const auto usable_ER = usable.accessor<bool, 2>();
    for (int64_t m = 0; m < S; ++m)
      for (int64_t r = 0; r < chunk.count; ++r) {
        if (!usable_ER[m][r]) continue;
        for (int64_t t = begin; t < end; ++t) {
          const int64_t cell = (chunk.first + r) * data.weeks + t;
          if (fit.panel.observed_RT[cell] == 0) continue;
          const double error = fit.panel.target_RT[cell] - predicted[m][r][t];
          total[m] += error * error;
          total[S + m] += 1;
        }
      }
  });
  std::vector<double> rmse;
  for (int64_t m = 0; m < S; ++m) {
    const double mean_square = std::isfinite(sums[m]) ? sums[m] / sums[S + m] : std::numeric_limits<double>::infinity();
    rmse.push_back(std::sqrt(mean_square));
  }
  return rmse;
}

void copy_member(const at::Tensor& from, at::Tensor& to, int64_t member) { to[member].copy_(from[member]); }

// Remembers each member's best parameters, and freezes a member whose validation has been clearly worse for too long.
void judge(Fit& fit, const std::vector<double>& rmse) {
  Stopping& stopping = fit.stopping;
  for (int64_t m = 0; m < fit.shadows(); ++m) {
    if (fit.state.active_E[m] == 0 || std::isnan(rmse[m])) continue;
    if (rmse[m] < stopping.best_rmse_E[m]) {
      stopping.best_rmse_E[m] = rmse[m];
      stopping.best_step_E[m] = fit.state.step;
      copy_member(fit.state.shared_EP, stopping.best_shared_EP, m);
      copy_member(fit.state.local_ERL, stopping.best_local_ERL, m);
    }
    const bool worse = rmse[m] > kClearlyWorse * stopping.best_rmse_E[m];
    stopping.worse_E[m] = worse ? stopping.worse_E[m] + 1 : 0;
    if (stopping.worse_E[m] < fit.options.patience) continue;
    copy_member(stopping.best_shared_EP, fit.state.shared_EP, m);
    copy_member(stopping.best_local_ERL, fit.state.local_ERL, m);
    fit.state.active_E[m] = fit.state.active_E[fit.members + m] = 0;
  }
}

bool huber_is_due(int64_t step, int64_t steps) {
  return steps >= 4 && (step == steps / 4 || step == steps / 2 || step == 3 * steps / 4);
}

}  // namespace

bool any_active(const Fit& fit) {
  for (int64_t m = 0; m < fit.members; ++m)
    if (fit.state.active_E[m] != 0) return true;
  return false;
}

void refresh_cell_weights_when_due(Fit& fit) {
  if (!huber_is_due(fit.state.step, fit.options.steps) || fit.weights_taken_at == fit.state.step) return;
  fit.weights_taken_at = fit.state.step;
  const auto& members = fit.data.members;
  if (std::none_of(members.begin(), members.end(), [](const Member& member) { return member.huber_delta > 0; }))
    return;  // saves the pass over the panel
  const at::Tensor residual_ERT =
      fit.device
          ? fit.data.scaled_target({0, fit.data.regions}, fit.data.last_origin()) - fit.device->predict(fit.state)
          : fit.model.residuals(fit.data, fit.state.shared_EP, fit.state.local_ERL, fit.loop);
  fit.model.refresh_cell_weights(fit.data, residual_ERT, fit.loop);
  if (fit.device) fit.device->take_cell_weights();
}

double validate(Fit& fit) {
  const std::vector<double> rmse = validation_rmse(fit);
  if (fit.options.early_stopping) judge(fit, rmse);
  return rmse[0];
}

bool validates(const Fit& fit) { return fit.has_shadows() && fit.options.validate_every > 0; }

bool validation_is_due(const Fit& fit, int64_t step) {
  return validates(fit) && (step % fit.options.validate_every == 0 || step == fit.options.steps);
}

int64_t steps_until_due(const Fit& fit, int64_t step) {
  int64_t steps = 1;
  while (step + steps < fit.options.steps && !huber_is_due(step + steps, fit.options.steps) &&
         !validation_is_due(fit, step + steps))
    ++steps;
  return steps;
}

void take_best(Fit& fit, const std::function<void(const std::string&)>& log) {
  for (int64_t m = 0; fit.options.early_stopping && m < fit.shadows(); ++m) {
    if (fit.stopping.worse_E[m] == 0 || fit.stopping.best_step_E[m] == fit.state.step) continue;
    copy_member(fit.stopping.best_shared_EP, fit.state.shared_EP, m);
    copy_member(fit.stopping.best_local_ERL, fit.state.local_ERL, m);
    if (log)
      log(text("Member ", m, " goes back to step ", fit.stopping.best_step_E[m],
               ": its validation forecast got clearly worse after it."));
  }
}

}  // namespace dcmmm
