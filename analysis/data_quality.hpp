// What the panel itself looks like: ranges, gaps, and channels that move together.
// Shapes: R regions of a block, T weeks, C channels.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/csv_writer.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// Collects all regions of a panel, block by block: of the target the cells where it is known, of media and controls
/// those that have a row, whether its target is known or not.
class DataQuality {
 public:
  /// Weeks [0, origin) are training weeks.
  DataQuality(const PanelCoordinates& coordinates, int64_t origin);

  void add(const Panel& block);

  /// data_quality.csv: column,kind,cells,missing,zeros,minimum,mean,maximum,outside. `kind` is target, media or
  /// control; `missing` are the cells that aren't counted; `outside` are held-out cells beyond what the same region's
  /// training weeks have seen.
  void write_columns(CsvWriter& csv) const;

  /// correlations.csv: channel,other,correlation, every pair: of media within regions (each around its region's mean,
  /// in units of that mean), pooled over the cells with a target.
  void write_correlations(CsvWriter& csv) const;

 private:
  struct Column {
    std::string name, kind;
    int64_t cells = 0, missing = 0, zeros = 0, outside = 0;
    double minimum = 0, maximum = 0, sum = 0;
  };
  void add_column(Column& column, std::span<const double> values, std::size_t width, std::size_t place,
                  std::span<const uint8_t> is_there_T, std::size_t region);

  std::vector<std::string> channels_;
  std::vector<Column> columns_;
  std::size_t origin_;
  std::vector<double> products_CC_;
};

}  // namespace dcmmm
