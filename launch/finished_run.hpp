// What predict, export and report share: a finished run's folder, checked.
#pragma once

#include <filesystem>

#include "analysis/money.hpp"
#include "data/panel_file.hpp"
#include "launch/commands.hpp"
#include "launch/run_folder.hpp"

namespace dcmmm {

/// The folder that run=DIR names. Throws UserError without one.
RunFolder run_of(const CommandContext& context);

/// output=...; `example` is for the message of the UserError without it.
std::filesystem::path output_of(const CommandContext& context, const char* example);

/// Checks the digest that the run wrote of its results: a flipped byte must not become a wrong figure. Throws UserError
/// for a run that isn't finished, DamagedFileError for altered results.
void check_results(const RunFolder& folder);

/// The run's own config.
Value config_of(const RunFolder& folder);

/// The panel that it was fitted to: where the run has it, or the file that data.panel names on the command line. Throws
/// UserError where it isn't there, for another panel, and for data.source, which these commands have no use for.
PanelFile panel_of(const CommandContext& context, const RunFolder& folder);

/// data.cost (by channel, or by its column) and data.revenue as the command line has them, else as the run was trained
/// with; the run's own prices are in its panel's spend. Throws UserError for a name that is no channel, a price that
/// isn't above 0, and prices of some channels only.
Money money_of(const CommandContext& context, const RunFolder& folder, const PanelFile& panel);

}  // namespace dcmmm
