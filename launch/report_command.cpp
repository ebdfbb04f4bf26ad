// report: one self-contained page about a finished run.
#include <optional>

#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/built_in.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/finished_run.hpp"
#include "launch/logging.hpp"
#include "launch/output_place.hpp"
#include "launch/yaml_text.hpp"
#include "report/page_writer.hpp"
#include "report/report.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// The folder of a rolling-origin evaluation: what was given, or the run folder where it holds one.
fs::path crossval_of(const CommandContext& context, const RunFolder& folder) {
  const auto given = get<std::optional<fs::path>>(context.config, "report.crossval");
  if (given && !fs::exists(*given / "crossval.json"))
    throw UserError(text("'report.crossval' is '", given->string(),
                         "', which holds no crossval.json. Give the run folder of a finished `dcmmm crossval`."));
  if (given) return *given;
  return fs::exists(folder.path / "crossval.json") ? folder.path : fs::path();
}

}  // namespace

int report_command(CommandContext& context) {
  const RunFolder folder = run_of(context);
  const fs::path output = output_of(context, "output=report.html");
  on_rank_zero(context.world, [&] {
    refuse_outputs(context, folder, {output});
    check_place_of(output);
    check_results(folder);
    const PanelFile panel = panel_of(context, folder);
    ReportOptions options;
    options.run = folder.path;
    options.crossval = crossval_of(context, folder);
    options.plan = folder.path / "plan";
    options.money = money_of(context, folder, panel);
    options.interval = get<double>(context.config, "export.interval");
    options.regions = get<std::vector<std::string>>(context.config, "report.regions");
    options.version = DCMMM_VERSION;
    Page page;
    page.styles = {"style.css"};
    page.scripts = {"tables.js",      "charts.js",      "network.js",    "fit_views.js",    "channel_views.js",
                    "curve_views.js", "graph_views.js", "plan_views.js", "region_views.js", "page.js"};
    page.data = report_data(panel, options);
    page.title = text("Marketing mix report: ", page.data["run"]["folder"].get<std::string>());
    const std::string html = page_html(page, {built_in("report/assets"), plotly_js()});
    write_text_file(output, html);
    log_info(text("Wrote ", output.string(), " (", (html.size() + 500'000) / 1'000'000,
                  " MB): open it in a browser, it needs no network."));
  });
  return 0;
}

}  // namespace dcmmm
