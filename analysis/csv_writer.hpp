// CSV files (RFC 4180) written row by row through one buffer: the same values give the same bytes.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "common/csv_field.hpp"

namespace dcmmm {

/// Rows of comma-separated fields, lines ended by "\n".
class CsvWriter {
 public:
  /// Throws UserError when `path` can't be written. `name` is what messages call the file (its final name).
  CsvWriter(const std::filesystem::path& path, std::string name);
  /// Appends to a text instead of a file; `out` must outlive the writer.
  explicit CsvWriter(std::string& out) : into_(&out) {}

  /// Adds a field that is quoted already, or needs no quotes.
  void raw(std::string_view field);
  void text(std::string_view value) { raw(csv_field(value)); }
  /// Shortest digits that read back as the same double, without an exponent between 1e-5 and 1e15. Empty when not
  /// finite.
  void number(double value);
  void empty(int fields = 1);
  void end_row();

  /// Writes what is left. Throws UserError with the system's reason (no space left, ...).
  void finish();

 private:
  void flush();

  std::string name_;
  std::ofstream out_;
  std::string* into_ = nullptr;  // instead of out_
  std::string buffer_;
  bool row_begun_ = false;
};

}  // namespace dcmmm
