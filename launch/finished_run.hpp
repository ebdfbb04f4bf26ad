// What predict, export and report share: a finished run's folder, checked.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analysis/money.hpp"
#include "data/panel_file.hpp"
#include "launch/commands.hpp"
#include "launch/run_folder.hpp"

namespace dcmmm {

/// The folder that run=DIR names. Throws UserError without one.
RunFolder run_of(const CommandContext& context);

/// output=...; `example` is for the message of the UserError without it.
std::filesystem::path output_of(const CommandContext& context, const char* example);

/// Throws UserError where one of the files that the command writes is one that a run keeps, or the panel that this run
/// was fitted to (or that data.panel names).
void refuse_outputs(const CommandContext& context, const RunFolder& folder,
                    const std::vector<std::filesystem::path>& written);

/// Throws UserError where files of these names are in the folder, but none with the columns that it gets (its header,
/// as of a CSV file; "": no table): no command wrote them, and they would be replaced. One that has them speaks for
/// all, since columns come with versions.
void refuse_anothers_tables(const std::filesystem::path& folder, const std::map<std::string, std::string>& headers);

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
