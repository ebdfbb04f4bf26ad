#include "data/table_rows.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/split.hpp"

namespace dcmmm {
namespace {

constexpr double kLargest = 1e30;  // fits process float32, and squares
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kTimeAdvice = "Expected an ISO date (2024-03-25) or an integer of up to 18 digits.";
constexpr const char* kNumberAdvice =
    "Expected a finite number with a decimal point; leave the cell empty where the value isn't known.";

// Bytes of the UTF-8 character that begins with this one, or 0.
size_t utf8_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(static_cast<unsigned char>(text[i]));
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

// A cell as a message shows it: on one line, not too long. A zero byte would end the message.
std::string printable(std::string_view value) {
  constexpr size_t kLongest = 60;
  if (!is_utf8(value)) return "(not UTF-8)";
  std::string out(value);
  std::replace(out.begin(), out.end(), '\n', ' ');
  std::replace(out.begin(), out.end(), '\0', ' ');
  if (out.size() <= kLongest) return out;
  size_t end = kLongest;
  while (utf8_length(static_cast<unsigned char>(out[end])) == 0) --end;  // never cut a character
  return out.substr(0, end) + "...";
}

}  // namespace

TableRows::TableRows(const ImportOptions& options, ImportReport& report)
    : options_(options), report_(report), file_(options.source.string()), reader_(options.source) {
  for (const auto& column : reader_.columns()) {
    if (!is_utf8(column)) throw UserError(text(file_, ", line 1: a column name isn't UTF-8. Save the table as UTF-8."));
  }
  report.roles = assign_roles(reader_.columns(), options.given, options.names, file_, options.needs_target);
  const auto& roles = report.roles;
  for (const auto& name : roles.media) columns_.push_back({name, ValueKind::kMedia});
  for (const auto& name : roles.controls) columns_.push_back({name, ValueKind::kControl});
  for (const auto& name : roles.spend_columns) {
    if (!name.empty()) columns_.push_back({name, ValueKind::kSpend});
  }
  if (!roles.target.empty()) columns_.push_back({roles.target, ValueKind::kTarget});
  if (!roles.population.empty()) columns_.push_back({roles.population, ValueKind::kPopulation});
  read_all();
}

void TableRows::read_all() {
  std::vector<std::string> names;
  for (const auto& column : columns_) names.push_back(column.name);
  reader_.select({report_.roles.region, report_.roles.time}, names);
  std::vector<CellColumn> cells;
  while (reader_.next(cells)) {
    RowBlock& block = block_with_room(cells[0].size());
    const int64_t first = block.rows();
    read_regions(cells[0], block);
    read_times(cells[1], block);
    block.values.resize(block.region.size() * columns_.size());
    for (size_t v = 0; v < columns_.size(); ++v) read_values(cells[v + 2], v, first, block);
    rows_ += cells[0].size();
  }
  if (rows_ == 0)
    throw UserError(text(file_, ": a header without rows. Expected one row per region and week below it."));
  for (const auto& [label, value] : time_of_label_) times_.push_back(value);
  std::sort(times_.begin(), times_.end());
  times_.erase(std::unique(times_.begin(), times_.end()), times_.end());
  if (times_.size() == 1 && options_.needs_target) {
    throw UserError(text(file_, ", column '", report_.roles.time, "': only one week ('", time_of_label_.begin()->first,
                         "'). Expected one row per region and week, over at least ", kMinimumTrainingWeeks, " weeks."));
  }
}

// The block that the next rows belong into. On the heap each batch has its own; one that is in files takes many, as
// each is three of them.
RowBlock& TableRows::block_with_room(int64_t rows) {
  constexpr int64_t kRowsInFiles = 1 << 18;
  const auto row_bytes = static_cast<int64_t>(columns_.size() * sizeof(double) + sizeof(int32_t) + sizeof(int64_t));
  const bool is_begun = files_.has_value();
  if (!files_ && rows_ * row_bytes > options_.memory) files_.emplace(options_.overflow);
  if (is_begun && blocks_.back().rows() + rows <= kRowsInFiles) return blocks_.back();
  release_large_arrays(0, 1);  // the blocks before this one: nobody asks for them soon
  RowBlock& block = blocks_.emplace_back();
  block.first_row = rows_;
  const auto room = static_cast<size_t>(files_ ? std::max(rows, kRowsInFiles) : rows);
  block.region.reserve(room);
  block.time.reserve(room);
  block.values.reserve(room * columns_.size());
  return block;
}

void TableRows::read_regions(const CellColumn& cells, RowBlock& block) {
  const auto& column = report_.roles.region;
  std::string_view last_label;  // rows of one region mostly follow each other
  int32_t last_region = -1;
  for (int64_t row = 0; row < cells.size(); ++row) {
    const auto label = cells.texts[static_cast<size_t>(row)];
    if (last_region < 0 || label != last_label) {
      if (label.empty()) fail(row, column, label, "an empty region label", "Expected the region's name or code.");
      const auto [entry, is_new] =
          region_of_label_.try_emplace(std::string(label), static_cast<int32_t>(regions_.size()));
      if (is_new) {
        if (!is_utf8(label)) fail(row, column, label, "a label that isn't UTF-8", "Save the table as UTF-8.");
        regions_.emplace_back(label);
      }
      last_label = label;
      last_region = entry->second;
    }
    block.region.push_back(last_region);
  }
}

void TableRows::read_times(const CellColumn& cells, RowBlock& block) {
  const auto& column = report_.roles.time;
  std::string label;
  for (int64_t row = 0; row < cells.size(); ++row) {
    label.assign(cells.texts[static_cast<size_t>(row)]);
    auto known = time_of_label_.find(label);
    if (known == time_of_label_.end()) {
      if (label.empty()) fail(row, column, label, "an empty week", kTimeAdvice);
      const auto point = parse_time(label);
      if (!point) fail(row, column, label, "neither a date nor an integer", kTimeAdvice);
      if (time_kind_ && time_kind_->is_date != point->is_date) {
        fail(row, column, label, point->is_date ? "a date after integers" : "an integer after dates",
             "Expected one kind throughout: ISO dates (2024-03-25) or integers.");
      }
      if (!time_kind_) time_kind_ = point;
      known = time_of_label_.emplace(label, point->value).first;
    }
    block.time.push_back(known->second);
  }
}

// `first`: the place in the block of the batch's first row.
void TableRows::read_values(const CellColumn& cells, size_t v, int64_t first, RowBlock& block) {
  const ValueColumn& column = columns_[v];
  for (int64_t row = 0; row < cells.size(); ++row) {
    double value = parse_number(cells, row, column.name);
    if (!(value >= 0)) value = check_value(row, column, value);
    block.values[static_cast<size_t>(first + row) * columns_.size() + v] = value;
  }
}

// The number in a cell, NaN where it is empty.
double TableRows::parse_number(const CellColumn& cells, int64_t row, const std::string& column) const {
  const auto place = static_cast<size_t>(row);
  double value = kMissing;
  std::string_view cell;
  if (cells.is_text) {
    cell = cells.texts[place];
    if (cell.empty()) return kMissing;
    const auto result = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (result.ec == std::errc::invalid_argument || result.ptr != cell.data() + cell.size()) {
      fail(row, column, cell, "not a number", kNumberAdvice);
    }
    if (result.ec == std::errc::result_out_of_range)
      value = std::strtod(std::string(cell).c_str(), nullptr);  // 0 or infinite
  } else {
    if (cells.missing[place]) return kMissing;
    value = cells.numbers[place];
  }
  if (!std::isfinite(value)) {
    fail(row, column, cells.is_text ? std::string(cell) : shortest(value), "not a finite number", kNumberAdvice);
  }
  if (std::abs(value) > kLargest)
    fail(row, column, cells.is_text ? std::string(cell) : shortest(value), text("beyond ", shortest(kLargest)),
         "Expected a smaller number: check it, or give the column in a larger unit.");
  return value;
}

// The rarer cases: missing or negative. Returns the value to keep.
double TableRows::check_value(int64_t row, const ValueColumn& column, double value) {
  const bool is_missing = std::isnan(value);
  switch (column.kind) {
    case ValueKind::kMedia:
    case ValueKind::kSpend: {
      const std::string what = column.kind == ValueKind::kMedia ? "media" : "spend";
      if (!is_missing) fail(row, column.name, shortest(value), "negative " + what, "Expected 0 or more.");
      if (!options_.missing_media_is_zero) {
        fail(row, column.name, "", text("a missing ", what, " cell"),
             "Fill it in, or say data.missing_media=zero where an empty cell means 0.");
      }
      ++report_.zeroed_media_cells;
      return 0.0;
    }
    case ValueKind::kPopulation:
      if (is_missing) {
        fail(row, column.name, "", "a missing population", "Fill it in, or say data.population='' to go without.");
      }
      fail(row, column.name, shortest(value), "a negative population", "Expected a number above 0.");
    case ValueKind::kTarget:
      ++(is_missing ? report_.missing_targets : report_.negative_targets);
      return value;
    case ValueKind::kControl:
      return value;
  }
  return value;
}

// `row` counts within the batch that is being read.
void TableRows::fail(int64_t row, const std::string& column, std::string_view value, const std::string& problem,
                     const std::string& advice) const {
  const std::string quoted = value.empty() ? "" : text("'", printable(value), "' is ");
  throw UserError(
      text(file_, ", ", reader_.place(rows_ + row), ", column '", column, "': ", quoted, problem, ". ", advice));
}

}  // namespace dcmmm
