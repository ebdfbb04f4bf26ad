// Whether a rolling-origin evaluation is about the run's panel.
#pragma once

#include <filesystem>

#include "data/panel_file.hpp"

namespace dcmmm {

/// Throws UserError where the forecasts in `folder`/crossval.csv are of regions or weeks that the panel lacks, or of
/// another target than it has there (of its first regions, so that a large panel isn't read once more); where there is
/// no such file, nothing tells.
void check_crossval(const std::filesystem::path& folder, const PanelFile& panel);

}  // namespace dcmmm
