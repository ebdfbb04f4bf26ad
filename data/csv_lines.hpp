// On which line of a CSV text a record stands: looked up only when a message must name it.
#pragma once

#include <cstdint>
#include <string_view>

namespace dcmmm {

/// Counts lines, records and fields of a CSV text fed piece by piece: commas, double quotes, records that may span
/// lines, lines ended by \n, \r\n or \r, empty lines skipped. Record 0 is the header.
class CsvLines {
 public:
  /// Looks for the record with this number; -1: the first one whose number of fields differs from the header's.
  explicit CsvLines(int64_t wanted_record) : wanted_record_(wanted_record) {}

  /// Takes the next piece of the text. Returns false when no more is needed.
  bool feed(std::string_view piece);
  /// The text has ended.
  void finish();

  bool found() const { return found_; }
  int64_t line() const { return record_line_; }  // from 1; where the record found begins
  int64_t fields() const { return fields_; }     // of the record found
  int64_t header_fields() const { return header_fields_; }
  /// Whether the text ended inside quotes, and the line where they opened.
  bool ended_in_quotes() const { return in_quotes_; }
  int64_t quote_line() const { return quote_line_; }

 private:
  bool end_record();

  int64_t wanted_record_;
  int64_t record_ = 0, record_line_ = 1, line_ = 1, fields_ = 1, header_fields_ = 0, quote_line_ = 0;
  bool is_empty_ = true, at_field_start_ = true, in_quotes_ = false, found_ = false, after_return_ = false;
};

}  // namespace dcmmm
