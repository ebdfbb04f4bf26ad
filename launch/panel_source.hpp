// The panel of a command: a panel file, or a table imported on the fly.
#pragma once

#include <filesystem>
#include <vector>

#include "comm/communicator.hpp"
#include "data/experiments.hpp"
#include "data/panel_file.hpp"
#include "launch/value.hpp"

namespace dcmmm {

/// Path of the panel file that `train` reads: data.panel, or `kept` after importing data.source (by default the real
/// panel that set-up fetched) into it on rank 0. On a resumed run `kept` is used as it is. Collective.
std::filesystem::path locate_panel(const Value& config, const std::filesystem::path& kept, bool resume,
                                   Communicator& world);

/// `regions` regions of the panel file `path` from `first` on, for who may take `memory` bytes: media, controls and
/// spend stay in the file where they would take more than a quarter of them, and large arrays made from now on are kept
/// in files, in TMPDIR where that is a disk, else in `folder`.
Panel read_regions(const PanelFile& file, const std::filesystem::path& path, int64_t first, int64_t regions,
                   int64_t memory, const std::filesystem::path& folder);

/// The lift tests of data.experiments, none where it is null. `training_weeks` bounds their weeks. A run keeps a
/// copy in `folder` (empty: it doesn't), which a resumed one reads. Collective.
std::vector<Experiment> locate_experiments(const Value& config, const std::filesystem::path& folder, bool resume,
                                           const PanelCoordinates& coordinates, int64_t training_weeks,
                                           Communicator& world);

/// Imports a table into a panel file and prints what was found. Its rows lie in files beside the panel's beyond a
/// quarter of what may be held (trainer.memory_limit).
void import_into(const Value& config, const std::filesystem::path& source, const std::filesystem::path& output);

}  // namespace dcmmm
