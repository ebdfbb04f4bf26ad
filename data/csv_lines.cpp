#include "data/csv_lines.hpp"

namespace dcmmm {

bool CsvLines::end_record() {
  if (!is_empty_) {
    if (record_ == 0) header_fields_ = fields_;
    found_ = wanted_record_ < 0 ? fields_ != header_fields_ : record_ == wanted_record_;
    if (found_) return true;
    ++record_;
  }
  record_line_ = line_;
  fields_ = 1;
  is_empty_ = true;
  at_field_start_ = true;
  return false;
}

bool CsvLines::feed(std::string_view piece) {
  for (const char c : piece) {
    if (found_) return false;
    const bool ends_pair = c == '\n' && after_return_;  // \r\n is one end of a line
    after_return_ = c == '\r';
    if (ends_pair) continue;
    const bool ends_line = c == '\n' || c == '\r';
    if (ends_line) ++line_;
    if (in_quotes_) {
      // A doubled quote closes here and opens again at the next character: the same for counting.
      if (c == '"') in_quotes_ = false;
      at_field_start_ = c == '"';
    } else if (ends_line) {
      if (end_record()) return false;
    } else if (c == '"' && at_field_start_) {
      in_quotes_ = true;
      is_empty_ = false;
      quote_line_ = line_;
    } else if (c == ',') {
      ++fields_;
      is_empty_ = false;
      at_field_start_ = true;
    } else {
      is_empty_ = false;
      at_field_start_ = false;
    }
  }
  return !found_;
}

void CsvLines::finish() {
  if (!found_ && !in_quotes_) end_record();
}

}  // namespace dcmmm
