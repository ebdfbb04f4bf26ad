#include "trainer/trainer.hpp"

#include <chrono>
#include <cmath>
#include <limits>

#include "comm/watchdog.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "trainer/non_finite.hpp"
#include "trainer/retries.hpp"

namespace dcmmm {
namespace {

using Clock = std::chrono::steady_clock;

// A validation counts as worse when its RMSE is this much above the best: one origin's national shocks move it by a few
// per cent.
constexpr double kClearlyWorse = 1.05;

// RMSE of the shadows on the weeks between their origin and their member's, KPI units, over all ranks. One value a
// shadow: NaN without an observed cell, infinite when a forecast isn't finite.
std::vector<double> validation_rmse(const Fit& fit) {
  const FitData& data = fit.data;
  const int64_t M = fit.members, S = fit.shadows(), end = data.members[0].origin, begin = data.members[M].origin;
  const std::vector<double> sums = fit.loop.sum(2 * S, [&](Chunk chunk, std::span<double> total) {
    const at::Tensor prediction = (scaled_prediction(fit, chunk, end).to(at::kDouble) *
                                   data.target_scale_ER.narrow(1, chunk.first, chunk.count).unsqueeze(-1))
                                      .narrow(0, M, S)
                                      .contiguous();
    const auto predicted = prediction.accessor<double, 3>();
    const at::Tensor weight = data.region_weight_ER.to(at::kDouble);
    const auto weight_ER = weight.accessor<double, 2>();
    for (int64_t m = 0; m < S; ++m)
      for (int64_t r = 0; r < chunk.count; ++r) {
        if (weight_ER[M + m][chunk.first + r] == 0) continue;
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

bool any_active(const Fit& fit) {
  for (int64_t m = 0; m < fit.members; ++m)
    if (fit.state.active_E[m] != 0) return true;
  return false;
}

// Where a forecast isn't finite now, the weights stay: they would be lost for good.
void refresh_cell_weights(Fit& fit) {
  const at::Tensor before = fit.data.cell_weight_ERT.clone();
  fit.model.refresh_cell_weights(fit.data, fit.state.shared_EP, fit.state.local_ERL, fit.loop);
  fit.data.cell_weight_ERT.copy_(at::where(fit.data.cell_weight_ERT.isfinite(), fit.data.cell_weight_ERT, before));
}

bool huber_is_due(int64_t step, int64_t steps) {
  return steps >= 4 && (step == steps / 4 || step == steps / 2 || step == 3 * steps / 4);
}

}  // namespace

Outcome train(Fit& fit, const TrainerCallbacks& callbacks, GraphTerm* graph) {
  const TrainerOptions& options = fit.options;
  const auto start = Clock::now();
  const int64_t first_step = fit.state.step;
  const bool validates = fit.has_shadows() && options.validate_every > 0;
  Retries retries;
  double validation = std::numeric_limits<double>::quiet_NaN();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };

  const auto validate = [&] {
    const std::vector<double> rmse = validation_rmse(fit);
    validation = rmse[0];
    if (options.early_stopping) judge(fit, rmse);
  };
  if (validates && first_step == 0) validate();
  // A resumed run's: the steps depend on nothing else, so they are taken again.
  if (graph != nullptr) advance(*graph, first_step, fit.loop);
  while (fit.state.step < options.steps && any_active(fit)) {
    if (huber_is_due(fit.state.step, options.steps)) refresh_cell_weights(fit);
    Request request = callbacks.request ? callbacks.request() : Request::kNone;
    if (options.time_limit > 0 && elapsed() > options.time_limit) request = Request::kStop;
    const auto step_start = Clock::now();
    set_activity(text("step ", fit.state.step + 1));
    retries.before_step(fit);
    const StepReport report =
        train_step(fit.model, fit.data, fit.anchor, options, fit.loop, fit.state, static_cast<double>(request), graph);
    if (retries.after_step(report, fit, callbacks.log) == Retries::Result::kAllLost) {
      throw NumericalError(text("The loss or its gradient is not finite at step ", fit.state.step, " (loss ",
                                shortest(report.loss_E[0]), "), and no lower learning rate helped; ",
                                where_not_finite(fit, 0), ". Check these values, or lower trainer.learning_rate (now ",
                                shortest(options.learning_rate), ")."));
    }
    const bool measure = validates && (fit.state.step % options.validate_every == 0 || fit.state.step == options.steps);
    if (measure) validate();
    fit.history.push_back({fit.state.step, report.loss_E[0] + report.graph, report.data_E[0], report.deviation_E[0],
                           report.region_E[0], report.penalty_E[0], report.learning_rate, report.gradient_norm_E[0],
                           measure ? validation : std::numeric_limits<double>::quiet_NaN(),
                           std::chrono::duration<double>(Clock::now() - step_start).count(), report.graph});
    const bool last = fit.state.step == options.steps;
    const bool stop = report.signals >= static_cast<double>(Request::kStop);
    const bool due = options.checkpoint_every > 0 && fit.state.step % options.checkpoint_every == 0;
    if (callbacks.checkpoint && !last && (due || report.signals > 0)) callbacks.checkpoint(fit);
    if (callbacks.progress) {
      const double rate = static_cast<double>(fit.state.step - first_step) / elapsed();
      callbacks.progress({fit.state.step, options.steps, report.loss_E[0],
                          validates ? fit.naive_rmse_E[0] / validation : std::numeric_limits<double>::quiet_NaN(), rate,
                          static_cast<double>(options.steps - fit.state.step) / rate});
    }
    if (stop && !last) return Outcome::kStopped;
  }
  for (int64_t m = 0; validates && options.early_stopping && m < fit.shadows(); ++m) {
    if (fit.stopping.worse_E[m] == 0 || fit.stopping.best_step_E[m] == fit.state.step) continue;
    copy_member(fit.stopping.best_shared_EP, fit.state.shared_EP, m);
    copy_member(fit.stopping.best_local_ERL, fit.state.local_ERL, m);
    if (callbacks.log)
      callbacks.log(text("Member ", m, " goes back to step ", fit.stopping.best_step_E[m],
                         ": its validation forecast got clearly worse after it."));
  }
  if (callbacks.checkpoint) callbacks.checkpoint(fit);
  return Outcome::kDone;
}

}  // namespace dcmmm
