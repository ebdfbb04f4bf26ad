// predict and export: from a finished run's folder, without fitting anything again.
#include <optional>

#include "analysis/export.hpp"
#include "analysis/forecast.hpp"
#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/finished_run.hpp"
#include "launch/logging.hpp"
#include "launch/settings.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

int export_command(CommandContext& context) {
  const RunFolder folder = run_of(context);
  const fs::path output = output_of(context, "output=csv");
  on_rank_zero(context.world, [&] {
    check_results(folder);
    const PanelFile file = panel_of(folder);
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

}  // namespace dcmmm
