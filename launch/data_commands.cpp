// import, synth and inspect.
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

#include "analysis/panel_table.hpp"
#include "comm/collective_guard.hpp"
#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/inspect.hpp"
#include "data/panel_file.hpp"
#include "data/synthetic.hpp"
#include "data/synthetic_calendar.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/folder_mark.hpp"
#include "launch/logging.hpp"
#include "launch/output_place.hpp"
#include "launch/panel_source.hpp"
#include "launch/run_folder.hpp"
#include "launch/settings.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

fs::path required_path(const Value& config, const char* key, const char* example) {
  const auto path = get<std::optional<fs::path>>(config, key);
  if (!path || path->empty()) throw UserError(text("This command needs ", key, "=..., for example ", example, "."));
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

// Whether a synth wrote a file, by what hardly any other holds: names of data/synthetic_options.cpp.
bool is_synthetic_panel(const fs::path& path) {
  try {
    return PanelFile(path).coordinates().source == "synthetic";
  } catch (const Error&) {
    return false;
  }
}

bool is_synthetic_table(const fs::path& path) {
  std::ifstream in(path);
  std::string header;
  std::getline(in, header);
  return header.starts_with("region,week,target,media_channel_01,") ||
         header.starts_with("region,date,target,media_channel_01,");
}

bool is_synthetic_events(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line) || line != "date,name,window") return false;
  static const std::regex own("[^,]*,promotion_[0-9][0-9],[^,]*");
  while (std::getline(in, line))
    if (!std::regex_match(line, own)) return false;
  return true;
}

bool is_truth(const fs::path& path) {
  const auto truth = nlohmann::json::parse(read_text_file(path), nullptr, /*allow_exceptions=*/false);
  return truth.is_object() && truth.contains("options") && truth.contains("noise_floor");
}

// The names of the files beside the output stand on no command line: somebody's own may be there.
void refuse_anothers(const fs::path& path, bool (*is_own)(const fs::path&)) {
  if (fs::exists(path) && !is_own(path))
    throw UserError(text("'", path.string(),
                         "' is there and holds nothing that synth wrote: it would be replaced. "
                         "Choose an output in another folder, or take the file away."));
}

// What to look at instead.
[[noreturn]] void refuse_a_folder(const fs::path& folder) {
  const std::string path = folder.string(), maker = made_by(folder);
  if (maker == "train")
    throw UserError(text("'", path, "' is a run folder, and inspect reads one file: dcmmm inspect ",
                         (folder / "results.h5").string(), ", say. Its figures are in ",
                         (folder / "metrics.json").string(), ", and dcmmm report run=", path,
                         " output=report.html shows them."));
  if (maker == "crossval")
    throw UserError(text("'", path,
                         "' holds an evaluation by `dcmmm crossval`, and inspect reads one file. Its figures "
                         "are in ",
                         (folder / "crossval.json").string(), "."));
  if (maker == "sweep")
    throw UserError(text("'", path,
                         "' holds a sweep, and inspect reads one file. See how it stands with dcmmm sweep "
                         "status dir=",
                         path, "."));
  throw UserError(text("'", path,
                       "' is a folder, and inspect reads one file. Give an HDF5 file of dcmmm, such as "
                       "panel.h5."));
}

}  // namespace

int import_command(CommandContext& context) {
  const fs::path source = required_path(context.config, "source", "source=sales.csv"),
                 output = required_path(context.config, "output", "output=panel.h5");
  on_rank_zero(context.world, [&] {
    refuse_a_runs_file(output);
    check_place_of(output);
    refuse_to_replace(output, source, "source");
    if (const auto events = get<std::optional<fs::path>>(context.config, "data.events"))
      refuse_to_replace(output, *events, "data.events");
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
    const bool is_table = output.extension() == ".csv", has_events = is_table && options.promotions > 0;
    refuse_a_runs_file(output);
    check_place_of(output);
    if (output.filename() == "truth.json" || (has_events && output.filename() == "events.csv"))
      throw UserError(text("output is '", output.string(),
                           "', the name of another file that synth writes beside it. "
                           "Choose another output, such as panel.h5."));
    refuse_anothers(output, is_table ? is_synthetic_table : is_synthetic_panel);
    refuse_anothers(truth_path, is_truth);
    if (has_events) refuse_anothers(events_path, is_synthetic_events);
    const SyntheticTruth truth =
        is_table ? write_table(options, coordinates, output) : write_panel(options, coordinates, output);
    write_text_file(truth_path, truth_json(options, truth));
    if (has_events) write_text_file(events_path, events_csv(draw_calendar(options, coordinates.weeks).events));
    log_info(text("Wrote ", output.string(), " (", counted(options.regions, "regions"), " x ",
                  counted(options.weeks, steps_name(options.step)), ", ", truth.observed_cells,
                  " observed cells, media share ", shortest(truth.media_share), ")",
                  has_events ? ", " + events_path.string() : "", " and ", truth_path.string()));
  });
  return 0;
}

int inspect_command(const std::string& file) {
  if (std::error_code none; fs::is_directory(file, none)) refuse_a_folder(file);
  std::cout << describe_file(file);
  return 0;
}

}  // namespace dcmmm
