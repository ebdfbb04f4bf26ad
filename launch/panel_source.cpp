#include "launch/panel_source.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <cstdlib>
#include <optional>

#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/large_vector.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/table_import.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/settings.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// Where what doesn't fit into memory goes: TMPDIR, which on a cluster is the node's own disk, unless that is memory.
fs::path folder_on_disk(const fs::path& otherwise) {
  const char* temporary = std::getenv("TMPDIR");
  struct statfs system {};
  const bool is_disk = temporary != nullptr && statfs(temporary, &system) == 0 && system.f_type != TMPFS_MAGIC;
  return is_disk ? fs::path(temporary) : otherwise;
}

}  // namespace

void import_into(const Value& config, const fs::path& source, const fs::path& output) {
  constexpr int kOneRank = 1;
  ImportOptions options = import_options(config);
  options.source = source;
  options.memory = memory_of_rank(trainer_options(config), kOneRank) / 4;
  options.overflow = folder_on_disk(fs::absolute(output).parent_path());
  const ImportReport report = import_table(options, output);
  log_info(text("Imported ", source.string(), "\n", describe(report)));
}

Panel read_regions(const PanelFile& file, const fs::path& path, int64_t first, int64_t regions, int64_t memory,
                   const fs::path& folder) {
  if (!is_large(file.coordinates(), regions, memory)) return file.read(first, regions);
  const fs::path kept = folder_on_disk(folder);
  keep_large_arrays_in(kept);
  log_info(text(
      "The panel's media and controls are read as they are needed: a rank's are more than a quarter of its memory (",
      memory >> 20, " MiB, trainer.memory_limit). What is made of them lies in ", kept.string(),
      " (TMPDIR, where it is set) until the end."));
  return PanelFile::read_in_blocks(path, first, regions);
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
