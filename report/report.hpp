// What the report of a finished run holds: its figures, its tables as `dcmmm export` writes them, and a summary.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/money.hpp"
#include "data/panel_file.hpp"

namespace dcmmm {

struct ReportOptions {
  std::filesystem::path run;         // the run folder
  std::filesystem::path crossval;    // folder of a crossval run; empty: none
  std::filesystem::path plan;        // folder of a plan's tables; empty: none
  std::string version;               // of the program
  double interval = 0.9;             // coverage of the intervals
  Money money;                       // prices and revenue
  std::vector<std::string> regions;  // shown in detail, beside the largest
  int64_t detail_cells = 40'000;     // region-weeks of predictions, and points of regions' curves, on the page
  int64_t component_regions = 24;    // regions with all their components
};

/// The regions (places in the panel, ascending) of the largest sums, at most `count` with those that are `wanted`,
/// which are there however many they are, once each. Throws UserError for a name that the panel lacks.
std::vector<int64_t> regions_in_detail(const std::vector<std::string>& names, const std::vector<double>& sum_R,
                                       int64_t count, const std::vector<std::string>& wanted);

/// The data of the report's page: `run`, `metrics`, `summary`, `tables` (table_json of the exported files, history.csv
/// and crossval.csv's figures), `crossval`. Memory: the tables, and a block of regions. Throws UserError for a crossval
/// of another panel.
nlohmann::ordered_json report_data(const PanelFile& panel, const ReportOptions& options);

}  // namespace dcmmm
