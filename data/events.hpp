// Holidays, promotions and the like: a table of dates becomes columns of the panel that are 1 while an event lasts.
// Shapes: R regions, T weeks, K controls.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/panel.hpp"
#include "data/time_axis.hpp"

namespace dcmmm {

/// One row of the table: from `before` steps before the date's week to `after` steps after it.
struct Event {
  std::string name;
  std::string region;  // "" in all regions
  TimePoint time;
  int64_t before = 0, after = 0;
  int64_t row = 0;         // in the table's file, from 0
  std::string place = "";  // how messages name it where it is no file's
};

/// A table of events, checked row by row.
struct EventTable {
  std::string file;
  std::vector<Event> events;

  /// "events.csv, line 3", for messages: the file is read for it.
  std::string place(const Event& event) const;
};

/// Reads a CSV or Parquet table with the columns `date` (or `week`: an ISO date or an integer, as the panel's weeks)
/// and `name`; optional `region` (empty: all) and either `window` ("-1:2": from one week before to two after) or
/// `weeks_before` and `weeks_after`. Throws UserError that names file, line and column.
EventTable read_events(const std::filesystem::path& path);

/// The columns that a table of events becomes behind a panel's controls, one for each name, named `event:<name>`: 1 in
/// the weeks of its windows, else 0.
class EventColumns {
 public:
  /// `coordinates`: the panel's, with all its regions. With `names` (those of a trained panel, with their prefix)
  /// exactly these columns in this order, and events of other names are left out; otherwise those with a week in the
  /// panel, in the order of the table. Throws UserError for an unknown region, a date where weeks are integers or the
  /// reverse, an integer between the panel's weeks.
  EventColumns(const PanelCoordinates& coordinates, const EventTable& table,
               const std::optional<std::vector<std::string>>& names = std::nullopt);

  /// E names of columns, with their prefix.
  const std::vector<std::string>& columns() const { return columns_; }
  /// What the user may want to know.
  const std::vector<std::string>& notes() const { return notes_; }
  /// Appends the columns to the names of the controls.
  void extend(PanelCoordinates& coordinates) const;
  /// Appends their values to controls_RTK [R, T, K]: [R, T, K + E] then. The block's names stay as they are.
  void extend(Panel& block, int64_t controls) const;

 private:
  // Where a column is 1.
  struct Window {
    int64_t column, first_region, end_region, first_week, end_week;
  };

  int64_t weeks_;
  std::vector<std::string> columns_, notes_;
  std::vector<Window> windows_;
};

/// Adds the columns to a panel that is held. Returns the notes; throws as EventColumns().
std::vector<std::string> add_events(Panel& panel, const EventTable& table,
                                    const std::optional<std::vector<std::string>>& names = std::nullopt);

}  // namespace dcmmm
