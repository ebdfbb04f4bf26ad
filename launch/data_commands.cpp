// import, synth and inspect.
#include <iostream>
#include <memory>
#include <optional>

#include "analysis/panel_table.hpp"
#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/inspect.hpp"
#include "data/panel_file.hpp"
#include "data/synthetic.hpp"
#include "data/synthetic_calendar.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/panel_source.hpp"
#include "launch/settings.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

fs::path required_path(const Value& config, const char* key, const char* example) {
  const auto path = get<std::optional<fs::path>>(config, key);
  if (!path) throw UserError(text("This command needs ", key, "=..., for example ", example, "."));
  return *path;
}

SyntheticTruth write_panel(const SyntheticOptions& options, const PanelCoordinates& coordinates, const fs::path& path) {
  PanelWriter writer(path, coordinates);
  SyntheticTruth truth = generate_panel(options, [&](const Panel& block, const TruthBlock&) { writer.append(block); });
  writer.finish();
  return truth;
}

SyntheticTruth write_table(const SyntheticOptions& options, const PanelCoordinates& coordinates, const fs::path& path) {
  SyntheticTruth truth;
  replace_file(path, [&](const fs::path& temporary) {
    PanelTable table(temporary, path.string(), coordinates);
    truth = generate_panel(options, [&](const Panel& block, const TruthBlock&) { table.append(block); });
    table.finish();
  });
  return truth;
}

}  // namespace

int import_command(CommandContext& context) {
  const fs::path source = required_path(context.config, "source", "source=sales.csv"),
                 output = required_path(context.config, "output", "output=panel.h5");
  on_rank_zero(context.world, [&] {
    import_into(context.config, source, output);
    log_info(text("Wrote ", output.string()));
  });
  return 0;
}

int synth_command(CommandContext& context) {
  const fs::path output = required_path(context.config, "output", "output=panel.h5");
  const SyntheticOptions options = synthetic_options(context.config);
  on_rank_zero(context.world, [&] {
    const PanelCoordinates coordinates = synthetic_coordinates(options);
    const fs::path truth_path = output.parent_path() / "truth.json", events_path = output.parent_path() / "events.csv";
    const bool is_table = output.extension() == ".csv";
    const SyntheticTruth truth =
        is_table ? write_table(options, coordinates, output) : write_panel(options, coordinates, output);
    write_text_file(truth_path, truth_json(options, truth));
    const bool has_events = is_table && options.promotions > 0;
    if (has_events) write_text_file(events_path, events_csv(draw_calendar(options, coordinates.weeks).events));
    log_info(text("Wrote ", output.string(), " (", options.regions, " regions x ", options.weeks, " ",
                  steps_name(options.step), ", ", truth.observed_cells, " observed cells, media share ",
                  shortest(truth.media_share), ")", has_events ? ", " + events_path.string() : "", " and ",
                  truth_path.string()));
  });
  return 0;
}

int inspect_command(const std::string& file) {
  std::cout << describe_file(file);
  return 0;
}

}  // namespace dcmmm
