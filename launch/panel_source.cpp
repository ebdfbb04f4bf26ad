#include "launch/panel_source.hpp"

#include <optional>

#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/settings.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

void import_into(const Value& config, const fs::path& source, const fs::path& output) {
  ImportOptions options = import_options(config);
  options.source = source;
  ImportReport report;
  const Panel panel = import_table(options, &report);
  log_info(text("Imported ", source.string(), "\n", describe(report)));
  write_panel_file(output, panel);
}

fs::path locate_panel(const Value& config, const fs::path& kept, bool resume, Communicator& world) {
  const auto source = get<std::optional<fs::path>>(config, "data.source");
  const auto panel = get<std::optional<fs::path>>(config, "data.panel");
  if (source && panel)
    throw UserError("data.source and data.panel are both set: give the table to import or the panel file, not both.");
  if (panel && get<std::optional<fs::path>>(config, "data.events")) {
    throw UserError(
        "data.events is set beside data.panel: events become part of a panel when it is imported. Give data.events to "
        "`dcmmm import`, or train with data.source=FILE.csv.");
  }
  if (panel) return *panel;
  on_rank_zero(world, [&] {
    if (resume && fs::exists(kept)) {
      if (source && fs::exists(*source) && sha256_of_file(*source) != PanelFile(kept).coordinates().source_sha256)
        log_warning(text(source->string(),
                         " isn't the table that this run was started with: going on with the panel imported then, ",
                         kept.string(), "."));
      return;
    }
    const fs::path real_panel = fs::path(DCMMM_SOURCE_DIR) / ".deps/panel/mmm_data.csv";
    if (!source && !fs::exists(real_panel)) {
      throw UserError(
          "No data: give data.source=FILE.csv (a table to import) or data.panel=FILE.h5 (a panel file). The real panel "
          "that "
          "`bash launch/build.sh` fetches isn't here.");
    }
    import_into(config, source.value_or(real_panel), kept);
  });
  return kept;
}

std::vector<Experiment> locate_experiments(const Value& config, const fs::path& folder, bool resume,
                                           const PanelCoordinates& coordinates, int64_t training_weeks,
                                           Communicator& world) {
  const auto given = get<std::optional<fs::path>>(config, "data.experiments");
  if (!given) return {};
  const fs::path kept = folder / text("experiments", given->extension().string());
  const bool reads_kept = resume && fs::exists(kept);
  std::vector<Experiment> out;
  agree(world, [&] { out = read_experiments(reads_kept ? kept : *given, coordinates, training_weeks); });
  if (!folder.empty() && !reads_kept)
    on_rank_zero(world, [&] {
      std::error_code none;
      if (!fs::equivalent(*given, kept, none)) fs::copy_file(*given, kept, fs::copy_options::overwrite_existing);
    });
  return out;
}

}  // namespace dcmmm
