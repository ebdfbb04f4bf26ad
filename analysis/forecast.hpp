// Forecasts of weeks after the panel, from a run's checkpoints and future rows alone.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "data/table_import.hpp"
#include "model/options.hpp"

namespace dcmmm {

/// The content of predict's CSV: region,week,predicted,lower,upper for every region and week of the future rows, which
/// must begin with the week after the panel's last one and know the panel's regions only. lower and upper
/// hold the share `interval` of what may come; they are empty for a region without a usable history. `checkpoints`: the
/// run's folder of them, whose first member is the plain fit. Columns are read by the roles of the training run
/// (`future.given` and what the checkpoint remembers); a missing control is carried forward from the region's past.
/// Throws UserError that names the file and what doesn't fit.
std::string forecast_csv(const std::filesystem::path& checkpoints, const ModelOptions& model, ImportOptions future,
                         double interval, const std::function<void(const std::string&)>& warn);

}  // namespace dcmmm
