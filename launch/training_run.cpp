#include "launch/training_run.hpp"

#include <cmath>
#include <numeric>

#include "analysis/decompose.hpp"
#include "analysis/intervals.hpp"
#include "analysis/prediction_intervals.hpp"
#include "analysis/results_file.hpp"
#include "checkpoints/checkpoint_store.hpp"
#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/logging.hpp"
#include "launch/progress_bar.hpp"
#include "launch/signals.hpp"
#include "launch/yaml_text.hpp"
#include "model/missing_media.hpp"
#include "trainer/fit_checkpoint.hpp"

namespace dcmmm {
namespace {

// The draws of all mesh rows, in their order; every column holds its row's.
ChannelDraws all_draws(const Fit& fit, const Mesh& mesh) {
  ChannelDraws draws = channel_draws(fit);
  if (mesh.members == 1) return draws;
  mesh.member_axis->all_reduce_sum(std::span(&draws.count, 1));
  for (auto* values :
       {&draws.contribution_DC, &draws.coefficient_DC, &draws.decay_DC, &draws.exponent_DC, &draws.half_saturation_DC})
    *values = mesh.member_axis->all_gather(*values);
  return draws;
}

Request take_request() {
  if (stop_signal() != 0) return Request::kStop;
  return take_checkpoint_request() ? Request::kCheckpoint : Request::kNone;
}

}  // namespace

void TrainingRun::write_history() const {
  on_rank_zero(context.world, [&] { write_text_file(folder.path / "history.csv", history_csv(fit.history)); });
}

void TrainingRun::try_history() const {
  try {
    write_text_file(folder.path / "history.csv", history_csv(fit.history));
  } catch (const UserError& error) {
    log_warning(error.what());
  }
}

Outcome TrainingRun::descend(double& checkpoint_seconds) const {
  CheckpointStore store(folder.checkpoints(mesh.row), fit.options.checkpoint_keep, log_warning);
  ProgressBarOptions bar_options;
  bar_options.quiet = !writes_text();
  ProgressBar bar(fit.state.step, fit.options.steps, bar_options);
  set_before_console_line([&bar] { bar.erase(); });
  const std::string config = to_yaml(context.config);
  TrainerCallbacks callbacks;
  callbacks.progress = [&](const Progress& progress) {
    bar.update(
        progress.step, progress.loss,
        std::isfinite(progress.validation_skill) ? std::optional<double>(progress.validation_skill) : std::nullopt);
    // Who waits for this run, a sweep for one, sees how it does. By rank 0 alone, since other rows of the mesh have
    // no shadow to validate; what can't be written now will be said at the end.
    if (writes_text() && std::isfinite(fit.history.back().validation_rmse)) try_history();
  };
  callbacks.log = log_info;
  callbacks.checkpoint = [&](const Fit& current) {
    Stopwatch watch;
    store.save(make_checkpoint(current, config, file.checksum()), *mesh.region_axis);
    checkpoint_seconds += watch.lap();
  };
  callbacks.request = take_request;
  const Outcome outcome = train(fit, callbacks, joint != nullptr && !fit.likelihood ? joint->term() : nullptr);
  set_before_console_line({});
  write_history();
  return outcome;
}

FitFigures TrainingRun::write_results(OriginForecasts& holdout, RunFacts& facts) const {
  SharedResults shared = shared_results(fit);
  shared.panel_checksum = file.checksum();
  for (const ChannelIdentification& channel : identification) {
    shared.follows_demand_C.push_back(channel.is_identified() ? 0 : 1);
    shared.local_slope_C.push_back(std::isfinite(channel.local_slope) ? channel.local_slope : 0.0);
  }
  shared.draws = all_draws(fit, mesh);
  shared.graph = graph;
  EffectSums effects(fit.panel.channels());
  double predicted = 0;
  FitEvaluation evaluation(shared.origin, shared.holdout_weeks);
  ForecastRows forecasts(fit.panel, shared.origin, shared.origin, 1);
  std::unique_ptr<ResultsWriter> writer;
  if (mesh.row == 0)
    writer = std::make_unique<ResultsWriter>(folder.results(), fit.panel.coordinates, shared, *mesh.region_axis);
  fit.loop.each([&](Chunk chunk) {
    ResultBlock block = result_block(fit, chunk);
    const Panel regions = slice_regions(fit.panel, chunk.first, chunk.count);
    add_intervals(regions, shared, *fit.intervals, block);
    if (writer) writer->append(block);
    const std::vector<uint8_t> counted_RT = cells_with_rows(regions, 0, regions.regions);
    effects.add(counted_RT, block.media_RTC, block.coefficient_RTC, shared);
    predicted = std::inner_product(block.predicted_RT.begin(), block.predicted_RT.end(), counted_RT.begin(), predicted);
    evaluation.add(regions, block.predicted_RT);
    for (int64_t r = 0; r < block.regions; ++r)
      forecasts.set_prediction(0, block.first_region + r, block.predicted_RT.data() + r * fit.data.weeks);
    forecasts.set_intervals(block, shared, 0.9);
  });
  if (writer) writer->finish();
  // Not before: ranks with fewer blocks wait in finish() for the others' collective writes.
  holdout = forecasts.gather(*mesh.region_axis, *fit.intervals, 0.9);
  mesh.region_axis->all_reduce_sum(std::span(effects.contribution_C));
  mesh.region_axis->all_reduce_sum(std::span(effects.slope_C));
  mesh.region_axis->all_reduce_sum(std::span(&predicted, 1));
  facts.contribution_C = effects.contribution_C;
  facts.predicted = predicted;
  say_what_channels_bring(shared, effects, predicted);
  return evaluation.figures(*mesh.region_axis);
}

// Direct and indirect effects, where the graph says that channels move each other.
void TrainingRun::say_what_channels_bring(const SharedResults& shared, const EffectSums& effects,
                                          double predicted) const {
  if (graph.empty()) return;
  const std::string table =
      effects_table(channel_effects(shared, effects, 0.9), fit.panel.coordinates.channels, predicted);
  if (!table.empty()) log_info("Effects through other channels, of the predicted total (docs/graph.md):\n" + table);
}

}  // namespace dcmmm
