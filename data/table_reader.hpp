// Reads CSV (plain or gzip) and Parquet files batch by batch. The only file of the import that sees Arrow.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dcmmm {

/// One column's cells in one batch: either texts (every CSV cell) or numbers (Parquet columns of a numeric type).
struct CellColumn {
  bool is_text = true;
  std::vector<std::string_view> texts;  // trimmed; "" where missing; valid until the next batch
  std::vector<double> numbers;
  std::vector<uint8_t> missing;      // beside numbers: 1 where there is no value
  std::vector<std::string> storage;  // what texts view where the file holds no text itself

  int64_t size() const { return static_cast<int64_t>(is_text ? texts.size() : numbers.size()); }
};

/// An open table. The kind of file is told by its content, not by its name. Throws UserError when the file is missing,
/// empty, damaged, not what its name says, separated by anything but commas, or holds a line with too few or too many
/// fields, or a label or column name with a zero byte.
class TableReader {
 public:
  explicit TableReader(const std::filesystem::path& path);
  ~TableReader();

  /// Column names in file order.
  const std::vector<std::string>& columns() const;

  /// The columns that next() delivers: `labels` always as text (dates as ISO 8601), `values` as the file holds them.
  /// REQUIRES: called once, before next(), with names from columns().
  void select(const std::vector<std::string>& labels, const std::vector<std::string>& values);

  /// Reads the next batch of rows: one CellColumn for each of labels, then values. False at the end of the file.
  bool next(std::vector<CellColumn>& cells);

  /// "line 17" of a CSV file, "row 16" of a Parquet file, for row `row` (from 0).
  std::string place(int64_t row) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dcmmm
