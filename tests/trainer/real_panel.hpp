// The public panel that set-up fetches (190 regions, 109 weeks), read with a few lines of its own: an importer of its
// own kind, so that these tests don't lean on the one they stand beside.
#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/panel.hpp"

namespace dcmmm {

/// Target and mask of the real panel, regions ascending by code. Throws when the file is missing.
inline Panel read_real_panel() {
  const std::string path = DCMMM_SOURCE_DIR "/.deps/panel/mmm_data.csv";
  std::ifstream in(path);
  if (!in)
    throw std::runtime_error("The real panel is missing: '" + path +
                             "'. Run `bash launch/build.sh`, which fetches it.");
  constexpr int64_t kWeeks = 109;
  std::map<int, std::map<int, double>> target;
  std::string line;
  std::getline(in, line);
  std::vector<std::string> names;
  for (std::stringstream cells(line); std::getline(cells, line, ',');) names.push_back(line);
  while (std::getline(in, line)) {
    std::map<std::string, std::string> row;
    std::stringstream cells(line);
    for (const auto& name : names) std::getline(cells, row[name], ',');
    target[std::stoi(row["dmacode"])][std::stoi(row["weekid"])] = std::stod(row["target_visits"]);
  }
  Panel panel;
  for (int64_t week = 0; week < kWeeks; ++week) panel.coordinates.weeks.push_back(std::to_string(week));
  for (const auto& [region, weeks] : target) {
    panel.coordinates.regions.push_back(std::to_string(region));
    for (int week = 0; week < kWeeks; ++week) {
      const auto cell = weeks.find(week);
      panel.target_RT.push_back(cell == weeks.end() ? 0 : cell->second);
      panel.observed_RT.push_back(cell == weeks.end() ? 0 : 1);
    }
  }
  panel.regions = static_cast<int64_t>(target.size());
  return panel;
}

}  // namespace dcmmm
