// A finished run's tables, one after the other, whatever they are written to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analysis/csv_writer.hpp"
#include "analysis/export.hpp"
#include "data/panel_file.hpp"

namespace dcmmm {

/// Writes a table's header and rows.
using TableRows = std::function<void(CsvWriter&)>;

/// Where a table goes. One that it doesn't ask `rows` for costs nothing.
using TableSink = std::function<void(const std::string& name, const TableRows& rows)>;

/// Hands every table (docs/file-formats.md) to `sink`. `regions` (places in the panel, ascending): those whose rows
/// tables by region get; all of them where it is empty. Throws UserError when the panel isn't the one that was fitted.
void write_tables(const std::filesystem::path& results, const PanelFile& panel, const ExportOptions& options,
                  const std::optional<std::vector<int64_t>>& regions, const TableSink& sink);

}  // namespace dcmmm
