// A panel written back as a table in long format, as an import reads it.
#pragma once

#include <filesystem>

#include "analysis/csv_writer.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// Rows by region and week in the panel's order, one for each cell that is observed: region, week, target, media
/// (`media_*`), spend (`spend_*`), controls and population under their columns' names. Events are left out: they come
/// from a table of their own.
class PanelTable {
 public:
  /// Writes the header. Throws UserError when `path` can't be written; `name` is what messages call it.
  PanelTable(const std::filesystem::path& path, std::string name, const PanelCoordinates& coordinates);

  /// Blocks of the panel, in order.
  void append(const Panel& block);

  void finish() { csv_.finish(); }

 private:
  CsvWriter csv_;
};

}  // namespace dcmmm
