// train: from a panel to a run folder.
#include <sys/resource.h>

#include <cmath>
#include <iostream>
#include <limits>
#include <memory>
#include <numeric>

#include "analysis/channel_effects.hpp"
#include "analysis/channel_moves.hpp"
#include "analysis/decompose.hpp"
#include "analysis/forecast_rows.hpp"
#include "analysis/intervals.hpp"
#include "analysis/metrics_report.hpp"
#include "analysis/prediction_intervals.hpp"
#include "analysis/results_file.hpp"
#include "checkpoints/checkpoint_store.hpp"
#include "comm/collective_guard.hpp"
#include "comm/mesh.hpp"
#include "comm/threads.hpp"
#include "comm/watchdog.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "data/split.hpp"
#include "graph/learn_graph.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/panel_source.hpp"
#include "launch/panel_warnings.hpp"
#include "launch/progress_bar.hpp"
#include "launch/run_folder.hpp"
#include "launch/settings.hpp"
#include "launch/signals.hpp"
#include "launch/yaml_text.hpp"
#include "model/missing_media.hpp"
#include "trainer/device_descent.hpp"
#include "trainer/estimate.hpp"
#include "trainer/fit_checkpoint.hpp"
#include "trainer/inner_residuals.hpp"
#include "trainer/threads.hpp"
#include "trainer/trainer.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// Names of the run's stages and how long each took.
class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// Numbers of this row's members of the ensemble, the same whatever the mesh.
std::vector<int64_t> members_of_row(const Value& config, const Mesh& mesh) {
  const int64_t members = get<int64_t>(config, "ensemble.members");
  if (members < mesh.members) {
    throw UserError(text("mesh.members is ", mesh.members, ", but ensemble.members is only ", members,
                         ": every row of the mesh needs a member of its own."));
  }
  std::vector<int64_t> of_row;
  for (int64_t number = members * mesh.row / mesh.members; number < members * (mesh.row + 1) / mesh.members; ++number)
    of_row.push_back(number);
  return of_row;
}

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

// A rank's regions. Media, controls and spend stay in the file where they would take more than a quarter of its memory.
Panel read_regions(const PanelFile& file, const fs::path& path, const RegionPlan& plan, int64_t memory) {
  const PanelCoordinates& names = file.coordinates();
  const size_t columns = names.channels.size() * (names.has_spend ? 2 : 1) + names.controls.size();
  const auto bytes =
      static_cast<int64_t>(sizeof(double) * columns * names.weeks.size()) * std::max<int64_t>(plan.regions, 1);
  if (bytes <= memory / 4) return file.read(plan.first_region, plan.regions);
  log_info(text("The panel's media and controls are read as they are needed: ", bytes >> 20,
                " MiB a rank are more than a quarter of its memory (trainer.memory_limit)."));
  return PanelFile::read_in_blocks(path, plan.first_region, plan.regions);
}

int64_t peak_memory(Communicator& world) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  double bytes[] = {static_cast<double>(usage.ru_maxrss) * 1024.0};
  world.all_reduce_max(std::span<double>(bytes));
  return static_cast<int64_t>(bytes[0]);
}

Request take_request() {
  if (stop_signal() != 0) return Request::kStop;
  return take_checkpoint_request() ? Request::kCheckpoint : Request::kNone;
}

// The run that this one starts from (run.init): its folder, and its results as they were when this one began.
struct Earlier {
  RunFolder folder;
  ChannelTotals channels;  // on rank 0
};

// Opens the folder of run.init and takes over its settings; empty without run.init. Collective.
std::optional<Earlier> open_earlier(CommandContext& context) {
  const auto directory = get<std::optional<std::string>>(context.config, "run.init");
  if (!directory) return std::nullopt;
  Earlier out{find_run_folder(*directory), {}};
  if (!out.folder.is_finished)
    throw UserError(text("run.init is '", *directory,
                         "', whose run isn't finished: go on with it first, dcmmm train run.dir=", *directory,
                         " run.resume=true."));
  on_rank_zero(context.world, [&] { out.channels = channel_totals(out.folder.results()); });
  take_over_settings(read_yaml_file(out.folder.config()), context.overrides, context.config);
  return out;
}

// What its checkpoint says about this rank's regions. Collective.
std::shared_ptr<const EarlierRun> read_earlier(const Earlier& earlier, const Panel& panel, int64_t origin,
                                               const Mesh& mesh) {
  const auto read_row = [&](int row) {
    CheckpointStore store(earlier.folder.checkpoints(row), 1, log_warning);
    const auto newest = store.newest(*mesh.region_axis);
    if (!newest) throw UserError(text("'", earlier.folder.path.string(), "' holds no checkpoint to start from."));
    std::shared_ptr<EarlierRun> out;
    agree(*mesh.region_axis, [&] { out = std::make_shared<EarlierRun>(read_earlier_run(*newest, panel, origin)); });
    return out;
  };
  std::shared_ptr<EarlierRun> out = read_row(0);
  // The likelihood's one mode is the first row's; the other rows' members are draws around it. Members of a descent go
  // on from those of their own row, where the earlier run had one.
  if (mesh.row > 0 && !out->is_likelihood() && fs::exists(earlier.folder.checkpoints(mesh.row)))
    out = read_row(mesh.row);
  log_info(text("Starting from the run in ", earlier.folder.path.string(), ": ", describe(*out, panel)));
  return out;
}

// Everything of one training run, between its panel and its files.
struct Run {
  CommandContext& context;
  RunFolder folder;
  const PanelFile& file;
  Mesh& mesh;
  Fit& fit;
  const std::vector<ChannelIdentification>& identification;
  Graph& graph;
  JointGraph* joint;  // null: the graph is there

  bool writes_text() const { return context.world.rank() == 0; }

  void write_history() const {
    on_rank_zero(context.world, [&] { write_text_file(folder.path / "history.csv", history_csv(fit.history)); });
  }

  void try_history() const {
    try {
      write_text_file(folder.path / "history.csv", history_csv(fit.history));
    } catch (const UserError& error) {
      log_warning(error.what());
    }
  }

  // `checkpoint_seconds`: how long this process wrote checkpoints.
  Outcome descend(double& checkpoint_seconds) const {
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

  // results.h5, and the figures of train and holdout: the first row's first member, and the draws of all; `holdout`
  // gets its forecasts with intervals.
  FitFigures write_results(OriginForecasts& holdout) const {
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
      predicted =
          std::inner_product(block.predicted_RT.begin(), block.predicted_RT.end(), counted_RT.begin(), predicted);
      evaluation.add(regions, block.predicted_RT);
      for (int64_t r = 0; r < block.regions; ++r)
        forecasts.set_prediction(0, block.first_region + r, block.predicted_RT.data() + r * fit.data.weeks);
      forecasts.set_intervals(block, shared, 0.9);
    });
    if (writer) writer->finish();
    // Not before: ranks with fewer blocks wait in finish() for the others' collective writes.
    holdout = forecasts.gather(*mesh.region_axis, *fit.intervals, 0.9);
    say_what_channels_bring(shared, effects, predicted);
    return evaluation.figures(*mesh.region_axis);
  }

 private:
  // Direct and indirect effects, where the graph says that channels move each other. Collective.
  void say_what_channels_bring(const SharedResults& shared, EffectSums& effects, double predicted) const {
    if (graph.empty()) return;
    mesh.region_axis->all_reduce_sum(std::span(effects.contribution_C));
    mesh.region_axis->all_reduce_sum(std::span(effects.slope_C));
    mesh.region_axis->all_reduce_sum(std::span(&predicted, 1));
    const std::string table =
        effects_table(channel_effects(shared, effects, 0.9), fit.panel.coordinates.channels, predicted);
    if (!table.empty()) log_info("Effects through other channels, of the predicted total (docs/graph.md):\n" + table);
  }
};

void say_what_runs(const Fit& fit, const PanelFile& file, const Mesh& mesh, int threads) {
  const PanelCoordinates& names = file.coordinates();
  log_info(text("Panel: ", names.regions.size(), " regions x ", names.weeks.size(), " ", steps_name(names.step), " (",
                names.weeks.front(), " to ", names.weeks.back(), "), ", names.channels.size(), " channels, ",
                static_cast<int64_t>(names.controls.size()) - names.events(), " controls, ", names.events(),
                " events; training on the first ", fit.data.members[0].origin, ", holdout of ",
                fit.data.weeks - fit.data.members[0].origin));
  log_info(text("Model: ", fit.model.layout().shared_count(), " shared parameters, ", fit.model.layout().local_count(),
                " a region; ", mesh.members, " x ", mesh.regions, " ranks (members x regions), ", threads,
                " thread(s) each, at most ", fit.loop.plan().chunk, " regions at once, ",
                fit.options.float64 ? "float64" : "float32", fit.options.deterministic ? ", deterministic" : ""));
}

// The gate's verdict, for people: the whole table in the log, and a warning for each channel without an identified
// effect.
void say_what_is_identified(const std::vector<ChannelIdentification>& channels, const std::vector<std::string>& names) {
  log_info("What the training weeks identify:\n" + identification_table(channels, names));
  for (size_t c = 0; c < channels.size(); ++c)
    if (!channels[c].is_identified())
      log_warning(text("The effect of channel ", names[c], " isn't identified: ", channels[c].reason,
                       ". Its contribution may be anything within its interval."));
}

// Experiments beside the panel, and a warning for each that can't be right together with it.
void say_what_experiments_did(const std::vector<ExperimentReport>& experiments,
                              const std::vector<std::string>& channels) {
  if (experiments.empty()) return;
  log_info("Experiments (lifts in the target's units):\n" + experiment_table(experiments, channels));
  for (const ExperimentReport& report : experiments)
    if (report.is_doubtful())
      log_warning(text("Experiment '", report.test.name, "' on ", channels[static_cast<size_t>(report.test.channel)],
                       " measured a lift of ", shortest(report.test.lift), ", but the panel alone says ",
                       shortest(std::round(report.panel)), ": ", std::round(10 * std::abs(report.surprise())) / 10,
                       " standard deviations apart (", std::round(10 * std::abs(report.residual())) / 10,
                       " s left after the fit). One of them is wrong: check the table's units, weeks and regions, or "
                       "leave the experiment out."));
}

void say_how_channels_move(const Graph& graph, const std::vector<std::string>& channels) {
  log_info("How spend on channels moves spend on others (->; --: undirected):\n" + graph_table(graph, channels));
}

// The steps that the descent left to the graph's term.
void finish_graph(JointGraph& joint, const Fit& fit, Graph& graph) {
  const int64_t along = joint.term() != nullptr ? joint.term()->descent().evaluations() : 0;
  graph = joint.finish();
  if (joint.term() != nullptr && !fit.likelihood)
    log_info(text("The graph's term: ", along, " of its ", joint.term()->descent().evaluations(),
                  " steps along with the descent, the others after it on the same objective (h ", graph.h, ")."));
}

}  // namespace

int train_command(CommandContext& context) {
  Stopwatch total, stage;
  Communicator& world = context.world;
  const std::optional<Earlier> earlier = open_earlier(context);
  const Value& config = context.config;
  const TrainerOptions trainer = trainer_options(config);
  const bool resume = get<bool>(config, "run.resume");
  const auto directory = get<std::optional<std::string>>(config, "run.dir");
  Mesh mesh = make_mesh(world, get<int>(config, "mesh.members"), get<int>(config, "mesh.regions"));
  EstimateOptions options = estimate_options(config, context.overrides);
  options.members = members_of_row(config, mesh);
  options.trainer.local_rank = context.environment.local_rank();
  warm_up_device(options.trainer);
  const RunFolder folder =
      open_run_folder({directory.value_or(""), resume, get<bool>(config, "run.overwrite")}, "train", world);
  if (folder.is_finished) {
    log_info(text("The run in ", folder.path.string(), " is finished: nothing to do."));
    return 0;
  }
  const auto keep_config = [&] {
    on_rank_zero(world, [&] {
      Value::List words(context.overrides.begin(), context.overrides.end());
      // In this order: a run can be resumed once its config is there, and then its words must be.
      write_text_file(folder.path / "overrides.yaml", to_yaml(Value(words)));
      write_text_file(folder.config(), to_yaml(config));
    });
  };
  on_rank_zero(world, [&] { log_to_file(folder.path / "train.log"); });
  if (!resume) keep_config();

  // The panel: each rank reads its own regions.
  set_activity("the panel");
  const fs::path panel_path = locate_panel(config, folder.panel(), resume, world);
  std::unique_ptr<PanelFile> file;
  agree(world, [&] { file = std::make_unique<PanelFile>(panel_path); });
  const Split split =
      split_by_time(static_cast<int64_t>(file->coordinates().weeks.size()), get<int64_t>(config, "data.holdout_weeks"));
  const int threads = trainer.threads > 0 ? trainer.threads : threads_for_this_rank(context.environment);
  use_threads(threads);
  const int ranks_here = context.environment.machine()->size();
  const int64_t chunk = chunk_regions(trainer, options.model, file->coordinates(),
                                      static_cast<int64_t>(options.members.size()) + 1, ranks_here);
  const RegionPlan plan = plan_regions(file->observed_cells(), mesh.column, mesh.regions, chunk, trainer.deterministic);
  Panel panel;
  agree(world, [&] { panel = read_regions(*file, panel_path, plan, memory_of_rank(trainer, ranks_here)); });
  const double import_seconds = stage.lap();

  set_activity("the start of the fit");
  if (earlier) options.earlier = read_earlier(*earlier, panel, split.origin, mesh);
  options.likelihood.experiments =
      locate_experiments(config, folder.path, resume, file->coordinates(), split.origin, world);
  const GraphOptions graph_settings = graph_options(config);
  Graph graph;
  std::optional<JointGraph> joint;
  const RegionLoop graph_loop(plan, *mesh.region_axis);
  if (graph_settings.enabled && graph_settings.mode == GraphMode::kJoint) {
    joint.emplace(panel, graph_settings, split.origin, options.seed, graph_loop);
  } else if (graph_settings.enabled) {
    graph = learn_graph(panel, graph_settings, split.origin, options.seed, graph_loop);
    say_how_channels_move(graph, file->coordinates().channels);
  }
  double graph_seconds = stage.lap();

  // Phase one, or where an earlier run stood; then the descent.
  Estimate estimate = prepare_estimate(panel, options, split.origin, plan, *mesh.region_axis, log_info);
  const std::unique_ptr<Fit>& fit = estimate.fit;
  say_what_is_identified(estimate.identification, file->coordinates().channels);
  if (fit->likelihood) say_what_experiments_did(fit->likelihood->experiments, file->coordinates().channels);
  if (joint && fit->likelihood)
    log_info(
        "model.dag.mode is joint, but the likelihood has no descent to go along with: the graph is learned by itself.");
  keep_chosen(estimate.settings.options, fit->likelihood != nullptr, context.config);
  if (!resume) keep_config();
  say_what_runs(*fit, *file, mesh, threads);
  for (const std::string& note : fit->data.notes) log_warning(note);
  for (const std::string& warning :
       panel_warnings(panel, estimate.identification, fit->model.options(), split.origin, *mesh.region_axis))
    log_warning(warning);
  if (resume && !fit->likelihood) {
    CheckpointStore store(folder.checkpoints(mesh.row), trainer.checkpoint_keep, log_warning);
    if (const auto newest = store.newest(*mesh.region_axis)) {
      agree(*mesh.region_axis, [&] {
        const Checkpoint checkpoint = read_checkpoint(*newest, plan.first_region, plan.regions);
        if (checkpoint.panel_checksum != file->checksum())
          throw UserError(text("The checkpoint ", newest->string(), " belongs to another panel than ",
                               panel_path.string(), ". Resume with the panel that the run was started with."));
        restore_fit(checkpoint, *fit);
      });
      log_info(text("Going on from step ", fit->state.step, " (", newest->string(), ")"));
    } else {
      log_info("No checkpoint yet: starting from the beginning.");
    }
  }
  if (resume) keep_config();  // not before: a resume that is refused leaves the run as it was
  install_signal_handlers();
  const Run run{context, folder, *file, mesh, *fit, estimate.identification, graph, joint ? &*joint : nullptr};
  const int64_t first_step = fit->state.step;
  double checkpoint_seconds = 0;
  if (run.descend(checkpoint_seconds) == Outcome::kStopped) {
    log_warning(text("Stopped at step ", fit->state.step, " of ", trainer.steps,
                     " after writing a checkpoint. Go on with: dcmmm train run.dir=", folder.path.string(),
                     " run.resume=true"));
    return static_cast<int>(ExitCode::kStopped);
  }
  const double fit_seconds = stage.lap();
  if (joint) {
    finish_graph(*joint, *fit, graph);
    say_how_channels_move(graph, file->coordinates().channels);
    graph_seconds += stage.lap();
  }
  std::vector<ExperimentReport> experiments;
  if (fit->likelihood) {
    experiments = fit->likelihood->experiments;
  } else {
    experiments = experiment_reports(*fit);
    say_what_experiments_did(experiments, file->coordinates().channels);
  }
  set_activity("the results");

  OriginForecasts holdout;
  const FitFigures figures = run.write_results(holdout);
  RunFacts facts;
  facts.import_seconds = import_seconds;
  facts.graph = graph;
  facts.graph_seconds = graph_seconds;
  facts.checkpoint_seconds = checkpoint_seconds;
  facts.fit_seconds = fit_seconds;
  facts.evaluate_seconds = stage.lap();
  facts.total_seconds = total.lap();
  facts.steps = fit->state.step - first_step;
  facts.peak_memory_bytes = peak_memory(world);
  facts.ranks = world.size();
  facts.device = fit->device_name;
  facts.shared_parameters = fit->model.layout().shared_count();
  facts.local_parameters = fit->model.layout().local_count() * static_cast<int64_t>(file->coordinates().regions.size());
  facts.version = DCMMM_VERSION;
  facts.settings = estimate.settings;
  facts.channels = file->coordinates().channels;
  facts.identification = estimate.identification;
  // Where the closed form is the fit there is none.
  facts.loss = fit->likelihood        ? fit->likelihood->estimate.negative_log
               : fit->history.empty() ? std::numeric_limits<double>::quiet_NaN()
                                      : fit->history.back().loss - fit->history.back().graph;
  if (fit->likelihood) facts.components = fit->likelihood->estimate.components;
  facts.experiments = experiments;
  on_rank_zero(world, [&] {
    facts.results_sha256 = sha256_of_file(folder.results());
    write_text_file(folder.metrics(), metrics_json(figures, holdout, file->coordinates().weeks, facts));
    std::cout << end_table(figures) << std::flush;
    if (earlier)
      log_info("Since the run in " + earlier->folder.path.string() + ":\n" +
               moves_table(earlier->channels, channel_totals(folder.results())));
    log_info(text("Fit in ", std::round(fit_seconds * 10) / 10, " s; run folder: ", folder.path.string()));
  });
  return 0;
}

}  // namespace dcmmm
