// The rows of a table in file order, every cell checked by itself: what the import makes a panel from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/large_vector.hpp"
#include "data/table_import.hpp"
#include "data/table_reader.hpp"
#include "data/time_axis.hpp"

namespace dcmmm {

/// Rows that follow each other: which region and week, and V values each: media (C), controls (K), spend columns,
/// target, population.
struct RowBlock {
  int64_t first_row = 0;
  LargeVector<int32_t> region;  // place in TableRows::regions()
  LargeVector<int64_t> time;    // TimePoint::value
  LargeVector<double> values;   // rows x V; NaN where missing

  int64_t rows() const { return static_cast<int64_t>(region.size()); }
};

/// Settles the columns' roles (into `report`) and reads all rows. Those beyond options.memory lie in files in
/// options.overflow. Throws UserError at the first bad cell.
class TableRows {
 public:
  TableRows(const ImportOptions& options, ImportReport& report);

  const std::vector<RowBlock>& blocks() const { return blocks_; }
  const std::vector<std::string>& regions() const { return regions_; }  // in order of first appearance
  const std::vector<int64_t>& times() const { return times_; }          // distinct, ascending
  bool times_are_dates() const { return time_kind_->is_date; }
  int64_t values_per_row() const { return static_cast<int64_t>(columns_.size()); }  // V
  int64_t rows() const { return rows_; }
  const std::string& file() const { return file_; }
  /// "line 17" or "row 16", for messages.
  std::string place(int64_t row) const { return reader_.place(row); }

 private:
  // What a column's cells may be.
  enum class ValueKind { kMedia, kSpend, kControl, kTarget, kPopulation };
  struct ValueColumn {
    std::string name;
    ValueKind kind;
  };

  void read_all();
  RowBlock& block_with_room(int64_t rows);
  void read_regions(const CellColumn& cells, RowBlock& block);
  void read_times(const CellColumn& cells, RowBlock& block);
  void read_values(const CellColumn& cells, size_t v, int64_t first, RowBlock& block);
  double parse_number(const CellColumn& cells, int64_t row, const std::string& column) const;
  double check_value(int64_t row, const ValueColumn& column, double value);
  [[noreturn]] void fail(int64_t row, const std::string& column, std::string_view value, const std::string& problem,
                         const std::string& advice) const;

  const ImportOptions& options_;
  ImportReport& report_;
  std::string file_;
  TableReader reader_;
  std::vector<ValueColumn> columns_;
  std::vector<RowBlock> blocks_;
  std::optional<LargeArraysIn> files_;  // of the rows that come
  std::vector<std::string> regions_;
  std::unordered_map<std::string, int32_t> region_of_label_;
  std::unordered_map<std::string, int64_t> time_of_label_;
  std::vector<int64_t> times_;
  std::optional<TimePoint> time_kind_;  // of the first row
  int64_t rows_ = 0;                    // read before the batch at hand
};

}  // namespace dcmmm
