// train: from a panel to a run folder.
#include <sys/resource.h>

#include <cmath>
#include <iostream>
#include <limits>
#include <memory>

#include "analysis/channel_moves.hpp"
#include "analysis/metrics_report.hpp"
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
#include "launch/earlier_folder.hpp"
#include "launch/folder_mark.hpp"
#include "launch/logging.hpp"
#include "launch/panel_source.hpp"
#include "launch/panel_warnings.hpp"
#include "launch/resumed_run.hpp"
#include "launch/run_folder.hpp"
#include "launch/settings.hpp"
#include "launch/signals.hpp"
#include "launch/train_messages.hpp"
#include "launch/training_run.hpp"
#include "launch/yaml_text.hpp"
#include "trainer/device_descent.hpp"
#include "trainer/estimate.hpp"
#include "trainer/fit_checkpoint.hpp"
#include "trainer/threads.hpp"
#include "trainer/trainer.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

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

int64_t peak_memory(Communicator& world) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  double bytes[] = {static_cast<double>(usage.ru_maxrss) * 1024.0};
  world.all_reduce_max(std::span<double>(bytes));
  return static_cast<int64_t>(bytes[0]);
}

// run.overwrite=true would take away what the run is to start from.
void refuse_itself_as_start(const Value& config) {
  const auto start = get<std::optional<fs::path>>(config, "run.init"),
             folder = get<std::optional<fs::path>>(config, "run.dir");
  std::error_code none;
  if (start && folder && fs::equivalent(*start, *folder, none))
    throw UserError(text("run.init is '", start->string(),
                         "', and run.dir is the same folder: a run can't replace the "
                         "one that it starts from. Choose another run.dir."));
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
  on_rank_zero(world, [&] { refuse_itself_as_start(context.config); });
  const std::optional<Earlier> earlier = open_earlier(context);
  const Value& config = context.config;
  const TrainerOptions trainer = trainer_options(config);
  const bool resume = get<bool>(config, "run.resume");
  Mesh mesh = make_mesh(world, get<int>(config, "mesh.members"), get<int>(config, "mesh.regions"),
                        get<int64_t>(config, "ensemble.members"));
  EstimateOptions options = estimate_options(config, context.overrides);
  options.members = members_of_row(config, mesh);
  options.trainer.local_rank = context.environment.local_rank();
  warm_up_device(options.trainer);
  RunFolder folder = open_run_folder(run_folder_options(config), "train", world);
  if (resume) on_rank_zero(world, [&] { refuse_other_settings(folder, config, context.overrides); });
  if (folder.is_finished) {
    log_info(text("The run in ", folder.path.string(), " is finished: nothing to do."));
    return 0;
  }
  const auto keep_config = [&] {
    on_rank_zero(world, [&] {
      // In this order: a run can be resumed once its config is there, and then its words must be.
      write_words(folder.path, "train", context.overrides, context.own_config_dir());
      write_text_file(folder.config(), to_yaml(config));
    });
  };
  if (!resume) keep_config();
  on_rank_zero(world, [&] { log_to_file(folder.path / "train.log"); });

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
  const RegionPlan plan =
      plan_fit(trainer, options.model, file->coordinates(), file->observed_cells(),
               static_cast<int64_t>(options.members.size()) + 1, mesh.column, mesh.regions, ranks_here);
  Panel panel;
  agree(world, [&] {
    panel = read_regions(*file, panel_path, plan.first_region, plan.regions, memory_of_rank(trainer, ranks_here),
                         folder.home());
  });
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
  replace_earlier_run(folder, world);
  if (!resume) keep_config();
  say_what_runs(*fit, *file, mesh, threads);
  for (const std::string& note : fit->notes) log_warning(note);
  for (const std::string& warning :
       panel_warnings(panel, estimate.identification, fit->model.options(), split.origin, *mesh.region_axis))
    log_warning(warning);
  const int64_t first_step = fit->state.step;
  double earlier_seconds = 0;  // of the steps that other processes took
  if (resume && !fit->likelihood) {
    CheckpointStore store(folder.checkpoints(mesh.row), trainer.checkpoint_keep, log_warning);
    if (const auto newest = store.newest(*mesh.region_axis)) {
      agree(*mesh.region_axis, [&] {
        const Checkpoint checkpoint = read_checkpoint(*newest, plan.first_region, plan.regions);
        if (checkpoint.panel_checksum != file->checksum())
          throw UserError(text("The checkpoint ", newest->string(), " belongs to another panel than ",
                               panel_path.string(), ". Resume with the panel that the run was started with."));
        refuse_fewer_steps(checkpoint.step, trainer.steps, config);
        restore_fit(checkpoint, *fit);
      });
      for (const HistoryRow& row : fit->history) earlier_seconds += row.seconds;
      log_info(text("Going on from step ", fit->state.step, " (", newest->string(), ")"));
    } else {
      log_info("No checkpoint yet: starting from the beginning.");
    }
  }
  if (resume) keep_config();  // not before: a resume that is refused leaves the run as it was
  install_signal_handlers();
  const TrainingRun run{context, folder, *file, mesh, *fit, estimate.identification, graph, joint ? &*joint : nullptr};
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
  RunFacts facts;
  const FitFigures figures = run.write_results(holdout, facts);
  facts.import_seconds = import_seconds;
  facts.graph = graph;
  facts.graph_seconds = graph_seconds;
  facts.checkpoint_seconds = checkpoint_seconds;
  facts.fit_seconds = earlier_seconds + fit_seconds;
  facts.evaluate_seconds = stage.lap();
  facts.total_seconds = earlier_seconds + total.lap();
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
               moves_table(earlier->channels, channel_totals(folder.results(), folder.metrics())));
    log_info(text("Fit in ", std::round(fit_seconds * 10) / 10, " s; run folder: ", folder.path.string()));
  });
  return 0;
}

}  // namespace dcmmm
