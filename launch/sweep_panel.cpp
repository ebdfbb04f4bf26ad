#include "launch/sweep_panel.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/panel_source.hpp"
#include "launch/panel_warnings.hpp"
#include "launch/settings.hpp"
#include "trainer/fit.hpp"
#include "trainer/likelihood_run.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

void check_channel_figures(const Sweep& sweep, const std::vector<std::string>& channels) {
  for (const std::string& name : sweep.objective_names()) {
    if (!name.starts_with(kChannelFigures)) continue;
    const std::string channel = name.substr(kChannelFigures.size());
    if (std::find(channels.begin(), channels.end(), channel) == channels.end())
      throw UserError(text("The objective '", name, "' is of a channel that the panel doesn't have.",
                           did_you_mean(channel, channels), " Its channels are ", join(channels), "."));
  }
}

// Once for all trials, whose own messages nobody reads.
void warn_of_panel(const Sweep& sweep, Communicator& alone) {
  const fs::path path = sweep.plan.folder / "panel.h5";
  const PanelFile file(path);
  const PanelCoordinates& names = file.coordinates();
  const auto regions = static_cast<int64_t>(names.regions.size()), weeks = static_cast<int64_t>(names.weeks.size());
  try {
    const TrainerOptions trainer = trainer_options(sweep.config);
    const ModelOptions model = with_names(model_options(sweep.config), names.channels, names.controls);
    const RegionLoop loop(plan_fit(trainer, model, names, file.observed_cells(), 1, 0, 1, 1), alone);
    const Panel panel = read_regions(file, path, 0, regions, memory_of_rank(trainer, 1), sweep.plan.folder);
    for (const std::string& warning :
         panel_warnings(panel, identify_channels(panel, model, weeks, loop), model, weeks, alone))
      log_warning(warning);
  } catch (const UserError&) {  // of values that trials may have others for; else each of them says so
  }
}

}  // namespace

void write_training_panel(const Sweep& sweep, Communicator& alone) {
  const fs::path imported = sweep.plan.folder / "imported.h5";
  for (const char* key : {"data.panel", "data.source", "data.events", "data.experiments"})
    if (const auto input = get<std::optional<fs::path>>(sweep.config, key))
      for (const fs::path& written : {imported, sweep.plan.folder / "panel.h5"}) {
        std::error_code none;
        if (fs::equivalent(*input, written, none))
          throw UserError(text(key, " is '", input->string(), "', where the sweep in '", sweep.plan.folder.string(),
                               "' keeps its trials' panel: it would be replaced. Choose another run.dir."));
      }
  const fs::path source = locate_panel(sweep.config, imported, false, alone);
  const PanelFile file(source);
  const PanelCoordinates& names = file.coordinates();
  const auto weeks = static_cast<int64_t>(names.weeks.size()) - get<int64_t>(sweep.config, "data.holdout_weeks");
  if (weeks < 1) throw UserError("data.holdout_weeks leaves no week of the panel to train on.");
  if (!sweep.objective.is_of_training()) rolling_origins(crossval_options(sweep.config), weeks);  // throws
  check_channel_figures(sweep, names.channels);
  const Panel panel = PanelFile::read_in_blocks(source, 0, static_cast<int64_t>(names.regions.size()));
  // It ends before the holdout, so that no trial can see that.
  write_panel_file(sweep.plan.folder / "panel.h5", slice_weeks(panel, 0, weeks));
  if (source == imported) fs::remove(imported);
  log_to_file(sweep.plan.folder / "sweep.log");
  warn_of_panel(sweep, alone);
}

}  // namespace dcmmm
