// Which column of a table is what: as the user says, and guessed by name where nothing is said.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dcmmm {

/// What the user says about a table's columns (the `data` group). What is not set is guessed.
struct ColumnRoles {
  std::optional<std::string> region;      // guessed: region | geo | dma*
  std::optional<std::string> time;        // guessed: week* | time | date*
  std::optional<std::string> target;      // guessed: target* | kpi | revenue | sales | conversions
  std::optional<std::string> population;  // guessed: population; "" says that there is none
  // Lists may hold patterns: `tv_*`. Matching ignores case. An empty `controls` says that there are none.
  std::optional<std::vector<std::string>> media;     // guessed: media_* | impressions_* | spend_*
  std::optional<std::vector<std::string>> controls;  // guessed: control_*
  std::vector<std::string> spend;                    // spend columns in the order of the media columns
  std::map<std::string, std::string> spend_of;       // or: media column -> spend column
  std::map<std::string, double> cost;                // or: media column -> currency per media unit
};

/// Every column's role, settled.
struct AssignedRoles {
  std::string region, time, target;                       // target "" only where none is needed
  std::string population;                                 // "" when there is none
  std::vector<std::string> media, controls;               // column names, C and K
  std::vector<std::string> channel_names, control_names;  // display names, C and K
  // Where a channel's spend comes from: a column (maybe its own media column) or a price; all empty without spend.
  std::vector<std::string> spend_columns;  // C, "" where cost_C holds the price
  std::vector<double> cost_C;              // currency per media unit
  std::set<std::string> guessed;           // "region", "time", "target", "media", "controls", "population", "spend"
  std::vector<std::string> ignored;        // columns without a role
  std::vector<std::string> notes;          // what the user may want to know about the guesses

  bool has_spend() const { return !spend_columns.empty(); }
};

/// Settles the roles of a table's `columns`. `names` maps columns to display names; without one, a name loses the
/// prefix of its role (`impressions_tv` becomes `tv`) where that leaves it distinct. `file` is how messages name the
/// table. Throws UserError when a column is missing, unknown (with the nearest name), there twice, or in two roles.
AssignedRoles assign_roles(const std::vector<std::string>& columns, const ColumnRoles& given,
                           const std::map<std::string, std::string>& names, const std::string& file,
                           bool needs_target = true);

/// The roles as a table for the log: role, column, display name, given or guessed.
std::string describe(const AssignedRoles& roles);

}  // namespace dcmmm
