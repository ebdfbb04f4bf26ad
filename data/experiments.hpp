// Lift tests: what an experiment measured of one channel in some regions and weeks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/panel.hpp"

namespace dcmmm {

/// One experiment. Its lift is the target with the media as they were less the target with the channel off in these
/// weeks and regions, summed over them; carry-over from earlier weeks is in both.
struct Experiment {
  std::string name;
  int64_t channel = 0;
  std::vector<int64_t> regions;           // places in the panel's order, ascending
  int64_t first_week = 0, last_week = 0;  // places on the panel's axis, both included
  double lift = 0, standard_error = 0;    // KPI units
};

/// Reads a CSV or Parquet table with the columns experiment, channel, regions (names with ';' between them, or '*'),
/// first_week, last_week (dates or integers, as the panel's weeks), lift and standard_error (above 0). Weeks must lie
/// in [0, training_weeks). Throws UserError that names file, line and column.
std::vector<Experiment> read_experiments(const std::filesystem::path& path, const PanelCoordinates& coordinates,
                                         int64_t training_weeks);

/// Those whose weeks lie in [first, first + count), counted from `first`.
std::vector<Experiment> experiments_within(const std::vector<Experiment>& experiments, int64_t first, int64_t count);

}  // namespace dcmmm
