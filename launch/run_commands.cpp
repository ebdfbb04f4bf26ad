// predict, export and plan: from a finished run's folder, without fitting anything again.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/export.hpp"
#include "analysis/forecast.hpp"
#include "checkpoints/checkpoint_store.hpp"
#include "comm/collective_guard.hpp"
#include "comm/threads.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/plan_options.hpp"
#include "launch/run_folder.hpp"
#include "launch/schema.hpp"
#include "launch/settings.hpp"
#include "launch/yaml_text.hpp"
#include "planning/plan_files.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

RunFolder run_of(const CommandContext& context) {
  const auto directory = get<std::optional<std::string>>(context.config, "run.dir");
  if (!directory) throw UserError("This command needs run=DIR, the folder that `dcmmm train` wrote.");
  return find_run_folder(*directory);
}

fs::path output_of(const CommandContext& context, const char* example) {
  const auto output = get<std::optional<fs::path>>(context.config, "output");
  if (!output) throw UserError(text("This command needs output=..., for example ", example, "."));
  return *output;
}

// The digest that the run wrote of its results, checked: a flipped byte must not become a wrong figure.
void check_results(const RunFolder& folder) {
  if (!folder.is_finished)
    throw UserError(text("The run in '", folder.path.string(), "' isn't finished: go on with dcmmm train run.dir=",
                         folder.path.string(), " run.resume=true."));
  const auto metrics = nlohmann::json::parse(read_text_file(folder.metrics()), nullptr, /*allow_exceptions=*/false);
  const std::string digest = metrics.is_object() ? metrics.value("results_sha256", "") : "";
  if (digest != sha256_of_file(folder.results()))
    throw DamagedFileError(
        text("'", folder.results().string(),
             "' isn't what the run wrote (its SHA-256 differs from metrics.json): the file is damaged. "
             "Restore it from a copy, or train again with run.overwrite=true."));
}

Value config_of(const RunFolder& folder) {
  Value config = read_yaml_file(folder.config());
  check_config(config);
  return config;
}

}  // namespace

int export_command(CommandContext& context) {
  const RunFolder folder = run_of(context);
  const fs::path output = output_of(context, "output=csv");
  on_rank_zero(context.world, [&] {
    check_results(folder);
    const Value config = config_of(folder);
    const auto panel = get<std::optional<fs::path>>(config, "data.panel");
    const PanelFile file(panel.value_or(folder.panel()));
    ExportOptions options;
    options.note = log_info;
    options.interval = get<double>(context.config, "export.interval");
    export_results(folder.results(), file, output, options);
    log_info(text("Wrote the CSV files to ", output.string()));
  });
  return 0;
}

int predict_command(CommandContext& context) {
  const RunFolder folder = run_of(context);
  const fs::path output = output_of(context, "output=forecast.csv");
  const auto source = get<std::optional<fs::path>>(context.config, "data.source");
  if (!source)
    throw UserError("predict needs data.source=FUTURE.csv: the media and controls of the weeks to forecast.");
  on_rank_zero(context.world, [&] {
    const Value config = config_of(folder);
    ImportOptions options = import_options(config);
    options.source = *source;
    if (const auto events = get<std::optional<fs::path>>(context.config, "data.events")) options.events = events;
    // The plain fit is the first member, in the first row's checkpoints.
    const std::string csv = forecast_csv(folder.path / "checkpoints", model_options(config), options,
                                         get<double>(context.config, "export.interval"), log_warning);
    write_text_file(output, csv);
    log_info(text("Wrote ", output.string()));
  });
  return 0;
}

int plan_command(CommandContext& context) {
  const auto begin = std::chrono::steady_clock::now();
  const RunFolder folder = run_of(context);
  const fs::path output = get<std::optional<fs::path>>(context.config, "output").value_or(folder.path / "plan");
  PlanOptions options = plan_options(context.config);
  const int threads = get<int>(context.config, "trainer.threads");
  options.threads = threads > 0 ? threads : threads_for_this_rank(context.environment);
  on_rank_zero(context.world, [&] {
    check_results(folder);
    const Value config = config_of(folder);
    const auto panel = get<std::optional<fs::path>>(config, "data.panel");
    const PanelFile file(panel.value_or(folder.panel()));
    const FittedRun run = read_fitted_run({folder.results(), folder.checkpoints(0)}, file, model_options(config),
                                          options.horizon_weeks, options.tail_weeks, options.cost, log_warning);
    if (!run.has_currency)
      log_info(
          "Amounts are media units: the panel knows no spend (data.spend, data.cost) and plan.cost no prices. "
          "Sums over channels mean something only where their units are the same.");
    log_info(text("Planning ", run.weeks.front(), " to ", run.weeks.back(), " (", run.horizon, " ", run.steps,
                  "); today is ", run.now_first, " to ", run.now_last, "; effects of ", run.counted, " ", run.steps,
                  " count"));
    if (options.level == PlanLevel::kChannelRegion || options.level == PlanLevel::kAll)
      log_info(
          "By region: the draws take the regions' differences as known, so the gain's interval is too narrow, and the "
          "gain is more often too high than too low (docs/planning.md, measured).");
    const BudgetPlan plan = plan_budget(run, options, log_warning);
    write_plan_files(output, run, options, plan);
    std::cout << plan_table(run, options, plan) << std::flush;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    log_info(text("Planned ", plan.problem.decisions.count(), " variables in ", std::round(10 * seconds) / 10, " s (",
                  plan.solved.agreeing, " of ", plan.solved.starts, " searches agree); wrote ", output.string()));
  });
  return 0;
}

}  // namespace dcmmm
