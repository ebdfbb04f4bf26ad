// What the exported tables are made from: a run's results and panel, the names in their rows, blocks of regions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "analysis/csv_writer.hpp"
#include "analysis/results_file.hpp"
#include "data/panel_file.hpp"

namespace dcmmm {

struct TableSource {
  /// `block_regions`: regions in memory at a time; 0: as many as fit into about 64 MiB. `panel` must outlive it. Throws
  /// UserError when the panel isn't the one that was fitted.
  TableSource(const std::filesystem::path& results, const PanelFile& panel, int64_t block_regions);

  /// Calls visit(first, count) for one block of all regions after the other.
  template <class Visit>
  void each_block(const Visit& visit) const {
    const auto count = static_cast<int64_t>(regions.size());
    for (int64_t first = 0; first < count; first += block) visit(first, std::min(block, count - first));
  }
  /// Calls visit(first, count) for blocks that together are the chosen regions.
  template <class Visit>
  void each_chosen_block(const Visit& visit) const {
    for (std::size_t i = 0; i < chosen.size();) {
      std::size_t end = i + 1;
      while (end < chosen.size() && chosen[end] == chosen[end - 1] + 1 && static_cast<int64_t>(end - i) < block) ++end;
      visit(chosen[i], static_cast<int64_t>(end - i));
      i = end;
    }
  }
  /// Writes the region and week of a cell of a block; returns the week.
  std::size_t begin_row(CsvWriter& csv, int64_t first_region, std::size_t cell) const;

  ResultsReader reader;
  const PanelFile& panel;
  SharedResults shared;
  int64_t block = 1;
  // Fields as they are written: quoted where needed, components with their prefix.
  std::vector<std::string> regions, weeks, channels, media, controls;
  std::vector<std::string> components;  // in the order of ComponentsOf
  std::vector<int64_t> chosen;          // places of the regions that tables by region hold; all, unless set
};

}  // namespace dcmmm
