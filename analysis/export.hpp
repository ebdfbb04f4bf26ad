// The CSV files of a finished run (docs: "Export files"), from its results and its panel; nothing is fitted again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "data/panel_file.hpp"

namespace dcmmm {

struct ExportOptions {
  double interval = 0.9;                         // coverage of the intervals
  int64_t block_regions = 0;                     // regions in memory at a time; 0: as many as fit into about 64 MiB
  std::function<void(const std::string&)> note;  // gets what a reader of the files should know, one line each
};

/// Writes prediction.csv, contributions.csv, channel_summary.csv, coefficients.csv, adstock.csv, response_curves.csv,
/// saturation.csv, dag.csv, dag_groups.csv and regions.csv into the folder `output` (made when missing; each file
/// appears complete or not at all, and an earlier one is replaced). The same run gives the same bytes, whatever the
/// block.
///
/// What the columns mean beyond their names:
/// - Totals (spend, contribution) run over all regions and all weeks of the panel, holdout included, so they equal the
/// sums of
///   contributions.csv. `share` is contribution / sum of predicted.
/// - `spend` and everything per spend (roi, marginal_roi, response_curves) is in currency when the panel has it,
/// otherwise in
///   media units, which is told through `note`. `marginal_roi` is the slope of the steady-state response curve at the
///   regions' average weeks, and `saturation_spend` the average weekly spend per region at 90 % of its height
///   (analysis/response_curves.hpp).
/// - `half_saturation` is in multiples of the region's media scale; `half_life_weeks` (in steps of the panel) is empty
/// unless
///   adstock is geometric.
/// - regions.csv: `scale` is the region's factor on the shared temporal patterns; r2, rmse and relative_error are over
/// the
///   region's observed training weeks. An `actual` is empty where the panel has none.
/// - Intervals of contributions, ROI, decay and response curves come from the draws of an ensemble
/// (analysis/intervals.hpp);
///   without one they are empty. Those of dag.csv and of indirect and total effects (analysis/channel_effects.hpp) come
///   from the graph's resamples of regions; without a graph these figures are empty.
///
/// Throws UserError when the panel isn't the one that was fitted, or when a file can't be written.
void export_results(const std::filesystem::path& results, const PanelFile& panel, const std::filesystem::path& output,
                    const ExportOptions& options = {});

}  // namespace dcmmm
