#include "trainer/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "comm/watchdog.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "trainer/non_finite.hpp"
#include "trainer/retries.hpp"
#include "trainer/validation.hpp"

namespace dcmmm {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Outcome train(Fit& fit, const TrainerCallbacks& callbacks, GraphTerm* graph) {
  const TrainerOptions& options = fit.options;
  const auto start = Clock::now();
  const int64_t first_step = fit.state.step;
  Retries retries;
  double validation = std::numeric_limits<double>::quiet_NaN();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  double checkpoint_seconds = 0;
  const auto write_checkpoint = [&] {
    const auto begin = Clock::now();
    callbacks.checkpoint(fit);
    checkpoint_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  };

  if (validates(fit) && first_step == 0) validation = validate(fit);
  // A resumed run's: the steps depend on nothing else, so they are taken again.
  if (graph != nullptr) advance(*graph, first_step, fit.loop);
  while (fit.state.step < options.steps && any_active(fit)) {
    if (huber_is_due(fit.state.step, options.steps)) refresh_cell_weights(fit);
    Request request = callbacks.request ? callbacks.request() : Request::kNone;
    if (options.time_limit > 0 && elapsed() > options.time_limit) request = Request::kStop;
    // A checkpoint that is due is asked for like a signal's, so that the ranks' clocks needn't agree.
    const bool due = options.checkpoint_every > 0 && (fit.state.step + 1) % options.checkpoint_every == 0;
    if (due && request == Request::kNone &&
        checkpoint_seconds <= std::max(callbacks.checkpoint_seconds, callbacks.checkpoint_share * elapsed())) {
      request = Request::kCheckpoint;
    }
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
    const bool measure = validation_is_due(fit, fit.state.step);
    if (measure) validation = validate(fit);
    fit.history.push_back({fit.state.step, report.loss_E[0] + report.graph, report.data_E[0], report.deviation_E[0],
                           report.region_E[0], report.penalty_E[0], report.learning_rate, report.gradient_norm_E[0],
                           measure ? validation : std::numeric_limits<double>::quiet_NaN(),
                           std::chrono::duration<double>(Clock::now() - step_start).count(), report.graph});
    const bool last = fit.state.step == options.steps;
    const bool stop = report.signals >= static_cast<double>(Request::kStop);
    if (callbacks.checkpoint && !last && report.signals > 0) write_checkpoint();
    if (callbacks.progress) {
      const double rate = static_cast<double>(fit.state.step - first_step) / elapsed();
      callbacks.progress({fit.state.step, options.steps, report.loss_E[0],
                          validates(fit) ? fit.naive_rmse_E[0] / validation : std::numeric_limits<double>::quiet_NaN(),
                          rate, static_cast<double>(options.steps - fit.state.step) / rate});
    }
    if (stop && !last) return Outcome::kStopped;
  }
  if (validates(fit)) take_best(fit, callbacks.log);
  if (callbacks.checkpoint) callbacks.checkpoint(fit);
  return Outcome::kDone;
}

}  // namespace dcmmm
