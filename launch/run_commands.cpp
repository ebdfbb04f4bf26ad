// predict, export and plan: from a finished run's folder, without fitting anything again.
#include <chrono>
#include <cmath>
#include <iostream>
#include <optional>

#include "analysis/export.hpp"
#include "analysis/forecast.hpp"
#include "comm/collective_guard.hpp"
#include "comm/threads.hpp"
#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/finished_run.hpp"
#include "launch/logging.hpp"
#include "launch/output_place.hpp"
#include "launch/plan_options.hpp"
#include "launch/settings.hpp"
#include "planning/plan_files.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

int export_command(CommandContext& context) {
  const RunFolder folder = run_of(context);
  const fs::path output = output_of(context, "output=csv");
  on_rank_zero(context.world, [&] {
    refuse_outputs(context, folder, {output});
    check_results(folder);
    const PanelFile file = panel_of(context, folder);
    ExportOptions options;
    options.note = log_info;
    options.interval = get<double>(context.config, "export.interval");
    const bool as_parquet = get<std::string>(context.config, "export.format") == "parquet";
    options.format = as_parquet ? TableFormat::kParquet : TableFormat::kCsv;
    options.money = money_of(context, folder, file);
    refuse_anothers_tables(output, exported_headers(folder.results(), file, options));
    export_results(folder.results(), file, output, options);
    log_info(text("Wrote the ", as_parquet ? "Parquet" : "CSV", " files to ", output.string()));
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
    refuse_outputs(context, folder, {output});
    check_place_of(output);
    refuse_to_replace(output, *source, "data.source");
    if (options.events) refuse_to_replace(output, *options.events, "data.events");
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
    std::vector<fs::path> written = {output};
    for (const auto& [name, header] : plan_headers()) written.push_back(output / name);
    refuse_outputs(context, folder, written);
    if (options.scenarios)
      for (const fs::path& file : written) refuse_to_replace(file, *options.scenarios, "plan.scenarios");
    refuse_anothers_tables(output, plan_headers());
    check_results(folder);
    const Value config = config_of(folder);
    const PanelFile file = panel_of(context, folder);
    const Money money = money_of(context, folder, file);
    if (!options.revenue) options.revenue = money.revenue;
    if (options.cost.empty())
      for (std::size_t c = 0; c < money.cost_C.size(); ++c)
        options.cost[file.coordinates().channels[c]] = money.cost_C[c];
    const FittedRun run = read_fitted_run({folder.results(), folder.checkpoints(0)}, file, model_options(config),
                                          options.horizon_weeks, options.tail_weeks, options.cost, log_warning);
    if (!run.has_currency)
      log_info(
          "Amounts are media units: the panel knows no spend (data.spend, data.cost) and plan.cost no prices. "
          "Sums over channels mean something only where their units are the same.");
    log_info(text("Planning ", run.weeks.front(), " to ", run.weeks.back(), " (", counted(run.horizon, run.steps),
                  "); today is ", run.now_first, " to ", run.now_last, "; effects of ", counted(run.counted, run.steps),
                  " count"));
    const BudgetPlan plan = plan_budget(run, options, log_warning);
    write_plan_files(output, run, options, plan);
    std::cout << plan_table(run, options, plan) << std::flush;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    log_info(text("Planned ", plan.problem.decisions.count(), " variables in ", std::round(10 * seconds) / 10, " s (",
                  plan.solved.agreeing, " of ", plan.solved.starts,
                  plan.solved.starts == 1 ? " search agrees" : " searches agree", "); wrote ", output.string()));
  });
  return 0;
}

}  // namespace dcmmm
