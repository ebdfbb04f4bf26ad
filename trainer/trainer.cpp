#include "trainer/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "comm/watchdog.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "trainer/device_descent.hpp"
#include "trainer/non_finite.hpp"
#include "trainer/retries.hpp"
#include "trainer/validation.hpp"

namespace dcmmm {
namespace {

using Clock = std::chrono::steady_clock;

// Steps that a GPU can take in a burst before the host has something to do.
int64_t steps_in_a_row(const Fit& fit) {
  const int64_t step = fit.state.step, copy_every = Retries::copy_every(fit.options);
  return std::min({steps_until_due(fit, step), copy_every - step % copy_every, DeviceDescent::kMostSteps});
}

// The fit's steps are on its GPU, where it has one, as long as this lives.
class OnDevice {
 public:
  OnDevice(Fit& fit, const TrainerCallbacks& callbacks, const GraphTerm* graph) : fit_(fit) {
    if (fit.state.step >= fit.options.steps) return;
    fit.device = make_device_descent({fit.model, fit.data, fit.anchor, fit.options, fit.loop}, graph);
    if (!fit.device) return;
    fit.device_name = fit.device->device_name();
    if (callbacks.log) callbacks.log(text("The descent's steps are on the GPU: ", fit.device_name, "."));
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() { fit_.device.reset(); }

 private:
  Fit& fit_;
};

}  // namespace

Outcome train(Fit& fit, const TrainerCallbacks& callbacks, GraphTerm* graph) {
  const TrainerOptions& options = fit.options;
  const auto start = Clock::now();
  const int64_t first_step = fit.state.step;
  Retries retries;
  double validation = std::numeric_limits<double>::quiet_NaN();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  double checkpoint_seconds = 0, last_checkpoint_seconds = 0;
  const auto write_checkpoint = [&] {
    const auto begin = Clock::now();
    callbacks.checkpoint(fit);
    last_checkpoint_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    checkpoint_seconds += last_checkpoint_seconds;
  };
  // With another one, and the one at the end.
  const auto may_write = [&] {
    return checkpoint_seconds + 2 * last_checkpoint_seconds <= options.checkpoint_share * elapsed() ||
           options.checkpoint_share >= 1;
  };

  const OnDevice on_device(fit, callbacks, graph);
  if (validates(fit) && first_step == 0) validation = validate(fit);
  // A resumed run's: the steps depend on nothing else, so they are taken again.
  if (graph != nullptr) advance(*graph, first_step, fit.loop);
  while (fit.state.step < options.steps && any_active(fit)) {
    refresh_cell_weights_when_due(fit);
    Request request = callbacks.request ? callbacks.request() : Request::kNone;
    if (options.time_limit > 0 && elapsed() > options.time_limit) request = Request::kStop;
    // A checkpoint that is due is asked for like a signal's, so that the ranks' clocks needn't agree.
    const int64_t burst = fit.device ? steps_in_a_row(fit) : 1;
    const bool due = options.checkpoint_every > 0 && (fit.state.step + burst) % options.checkpoint_every == 0;
    if (due && request == Request::kNone && may_write()) request = Request::kCheckpoint;
    const auto step_start = Clock::now();
    set_activity(text("step ", fit.state.step + 1));
    retries.before_step(fit);
    const int64_t before = fit.state.step;
    const std::vector<StepReport> reports =
        fit.device ? fit.device->run(fit.state, burst, static_cast<double>(request))
                   : std::vector{train_step(fit.model, fit.data, fit.anchor, options, fit.loop, fit.state,
                                            static_cast<double>(request), graph)};
    for (const StepReport& report : reports) {
      if (retries.after_step(report, fit, callbacks.log) == Retries::Result::kAllLost) {
        throw NumericalError(
            text("The loss or its gradient is not finite at step ", fit.state.step, " (loss ",
                 shortest(report.loss_E[0]), "), and no lower learning rate helped; ", where_not_finite(fit, 0),
                 ". Check these values, or lower trainer.learning_rate (now ", shortest(options.learning_rate), ")."));
      }
    }
    const bool measure = validation_is_due(fit, fit.state.step);
    if (measure) validation = validate(fit);
    const double seconds = std::chrono::duration<double>(Clock::now() - step_start).count();
    for (size_t i = 0; i < reports.size(); ++i) {
      const StepReport& report = reports[i];
      fit.history.push_back({before + static_cast<int64_t>(i) + 1, report.loss_E[0] + report.graph, report.data_E[0],
                             report.deviation_E[0], report.region_E[0], report.penalty_E[0], report.learning_rate,
                             report.gradient_norm_E[0],
                             measure && i + 1 == reports.size() ? validation : std::numeric_limits<double>::quiet_NaN(),
                             seconds / static_cast<double>(reports.size()), report.graph});
    }
    const StepReport& report = reports.back();
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
