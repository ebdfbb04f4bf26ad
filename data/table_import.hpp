// Import of a long-format table (one row per region and week) into a panel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/column_roles.hpp"
#include "data/panel.hpp"

namespace dcmmm {

struct ImportOptions {
  std::filesystem::path source;              // CSV, gzipped CSV or Parquet
  ColumnRoles given;                         // what the user says about columns; the rest is guessed
  std::map<std::string, std::string> names;  // column -> display name
  bool missing_media_is_zero = false;        // otherwise a missing media or spend cell is an error
  // False for the future rows of a forecast: no target column, and a single week will do.
  bool needs_target = true;
  TimeStep step = TimeStep::kWeek;  // of a table of one week, which can't show it
  // What a control holds where neither its row nor an earlier one of the region knows it. A forecast passes NaN and
  // fills in the last value of the panel it was trained on.
  double unknown_control = 0.0;
  bool weekdays = true;                         // daily panels get an effect of each weekday (data/weekdays.hpp)
  std::optional<std::filesystem::path> events;  // a table of events (data/events.hpp)
  std::optional<std::vector<std::string>> event_names;   // those of a trained panel, for the future rows of a forecast
  int64_t memory = std::numeric_limits<int64_t>::max();  // bytes of rows that are held; those beyond are kept in files
  std::filesystem::path overflow;                        // in this folder
};

/// What was found, for the log.
struct ImportReport {
  AssignedRoles roles;
  int64_t rows = 0, regions = 0, weeks = 0;
  TimeStep step = TimeStep::kWeek;
  int64_t missing_rows = 0;     // of regions x weeks
  int64_t observed_cells = 0;   // rows with a target
  bool target_varies = false;   // within some region
  int64_t missing_targets = 0;  // rows without one: masked
  int64_t negative_targets = 0;
  int64_t zeroed_media_cells = 0;                // missing, taken as 0
  int64_t carried_control_cells = 0;             // missing, taken from the region's past
  int64_t unknown_control_cells = 0;             // missing, and the region has no past value
  std::vector<std::string> incomplete_regions;   // with missing rows
  std::vector<std::string> short_regions;        // with fewer than kMinimumTrainingWeeks observed targets
  std::vector<std::string> varying_populations;  // regions with their least and largest one, "north (100 to 140)"
  std::vector<std::string> events;               // names of the events that became columns
  std::vector<std::string> event_notes;          // what the user may want to know about them
};

/// Reads a table into a panel that holds all regions: in numeric order where all labels are integers, else
/// alphabetically; weeks complete from the first to the last. Throws UserError that names file, line (Parquet: row) and
/// column, the value and what was expected (docs/data.md lists the checks).
Panel import_table(const ImportOptions& options, ImportReport* report = nullptr);

/// The same into a panel file, without ever holding the panel. Nothing is left at `output` where it throws.
ImportReport import_table(const ImportOptions& options, const std::filesystem::path& output);

/// The column table and the counts, with a line for everything that the user may not expect.
std::string describe(const ImportReport& report);

}  // namespace dcmmm
