// The CSV files of a finished run (docs: "Export files"), from its results and its panel; nothing is fitted again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analysis/money.hpp"
#include "data/panel_file.hpp"

namespace dcmmm {

enum class TableFormat { kCsv, kParquet };

struct ExportOptions {
  double interval = 0.9;  // coverage of the intervals
  TableFormat format = TableFormat::kCsv;
  Money money;
  int64_t block_regions = 0;                     // regions in memory at a time; 0: as many as fit into about 64 MiB
  std::function<void(const std::string&)> note;  // gets what a reader of the files should know, one line each
};

/// Writes all tables (docs/file-formats.md) into the folder `output` (made when missing; each file appears complete
/// or not at all, and an earlier one is replaced), as NAME.csv or NAME.parquet with the same values. The same run gives
/// the same bytes, whatever the block.
///
/// What the columns mean beyond their names:
/// - Totals (spend, contribution) run over all regions and all weeks of the panel, holdout included, so they equal the
/// sums of
///   contributions.csv. `share` is contribution / sum of predicted.
/// - `spend` and everything per spend (roi, marginal_roi, response_curves) is in currency when the panel or `money` has
///   it, otherwise in media units, which is told through `note`. `roi` and `marginal_roi` are in units of the target
///   per spend, or in money per money where `money` has a revenue. `marginal_roi` is the slope of the steady-state
///   response curve at the regions' average weeks, and `saturation_spend` the average weekly spend per region at 90 %
///   of its height (analysis/response_curves.hpp). `extrapolated` marks points beyond the largest weeks that were seen,
///   `headroom` is the part of the curve's height that the average week leaves, and the fitted Hill curve
///   (analysis/fitted_hill.hpp) is in the units of spend.
/// - region_channels.csv has a region's own curve: response = height / (1 + (half_saturation_spend / spend)^exponent),
///   to 1e-4 of the region's media scale.
/// - contributions_total.csv and contributions_by_period.csv add contributions.csv up (analysis/period_sums.hpp).
/// - `half_saturation` is in multiples of the region's media scale; `half_life_weeks` (in steps of the panel) is empty
/// unless
///   adstock is geometric.
/// - regions.csv: `scale` is the region's factor on the shared temporal patterns; r2, rmse and relative_error are over
/// the
///   region's observed training weeks; its `actual` is the sum over all weeks. An `actual` of prediction.csv is empty
///   where the panel has none.
/// - Intervals of contributions, ROI, decay and response curves come from the draws of the likelihood or of an ensemble
///   (analysis/intervals.hpp), by period and region as analysis/draw_contributions.hpp spreads them;
///   without draws they are empty. Those of dag.csv and of indirect and total effects (analysis/channel_effects.hpp)
///   come from the graph's resamples of regions; without a graph these figures are empty.
///
/// Throws UserError when the panel isn't the one that was fitted, or when a file can't be written.
void export_results(const std::filesystem::path& results, const PanelFile& panel, const std::filesystem::path& output,
                    const ExportOptions& options = {});

/// The names of the files that export_results() writes, and what a CSV file's first line is.
std::map<std::string, std::string> exported_headers(const std::filesystem::path& results, const PanelFile& panel,
                                                    const ExportOptions& options = {});

/// Tables by the names of their files. Tables by region get the rows of these regions (places in the panel, ascending)
/// alone; of tables about all regions the list means nothing.
using ChosenTables = std::map<std::string, std::vector<int64_t>>;

/// What these files would hold, by their names: the same bytes.
std::map<std::string, std::string> export_tables(const std::filesystem::path& results, const PanelFile& panel,
                                                 const ChosenTables& chosen, const ExportOptions& options = {});

}  // namespace dcmmm
