// A finished run's tables, one after the other, whatever they are written to.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "analysis/csv_writer.hpp"
#include "analysis/export.hpp"
#include "data/panel_file.hpp"

namespace dcmmm {

/// Writes a table's header and rows.
using TableRows = std::function<void(CsvWriter&)>;

/// Where a table goes. Nothing of it is computed before `rows` is called.
using TableSink = std::function<void(const std::string& name, const std::string& header, const TableRows& rows)>;

/// Hands tables (docs/file-formats.md) to `sink`: all of them, or those that are chosen, each with the rows of its
/// regions. Throws UserError when the panel isn't the one that was fitted.
void write_tables(const std::filesystem::path& results, const PanelFile& panel, const ExportOptions& options,
                  const std::optional<ChosenTables>& chosen, const TableSink& sink);

}  // namespace dcmmm
