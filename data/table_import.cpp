// Shapes: R regions, T weeks, C channels, K controls; V values a row: media C, controls K, spend columns, target, population.
#include "data/table_import.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>
#include <unordered_map>

#include "common/errors.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/split.hpp"
#include "data/table_reader.hpp"
#include "data/time_axis.hpp"

namespace dcmmm {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// Rows of one batch: which region and week, and the values of all columns, row by row.
struct RowBlock {
  int64_t first_row = 0;
  std::vector<int32_t> region;  // in order of first appearance
  std::vector<int64_t> time;    // TimePoint::value
  std::vector<double> values;   // rows x V; NaN where missing
};

// What a column's cells may be.
enum class ValueKind { kMedia, kSpend, kControl, kTarget, kPopulation };

struct ValueColumn {
  std::string name;
  ValueKind kind;
};

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

std::string printable(std::string_view value) {
  constexpr size_t kLongest = 60;
  if (!is_utf8(value)) return "(not UTF-8)";
  return value.size() <= kLongest ? std::string(value) : std::string(value.substr(0, kLongest)) + "...";
}

// Reads the whole table and checks every cell by itself.
class TableRows {
 public:
  TableRows(const ImportOptions& options, ImportReport& report)
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

  std::vector<RowBlock>& blocks() { return blocks_; }
  const std::vector<std::string>& regions() const { return regions_; }  // in order of first appearance
  const std::vector<int64_t>& times() const { return times_; }          // distinct, ascending
  bool times_are_dates() const { return time_kind_->is_date; }
  int64_t values_per_row() const { return static_cast<int64_t>(columns_.size()); }
  int64_t rows() const { return rows_; }
  std::string place(int64_t row) const { return reader_.place(row); }
  const std::string& file() const { return file_; }

 private:
  void read_all() {
    std::vector<std::string> names;
    for (const auto& column : columns_) names.push_back(column.name);
    reader_.select({report_.roles.region, report_.roles.time}, names);
    std::vector<CellColumn> cells;
    while (reader_.next(cells)) {
      RowBlock block;
      block.first_row = rows_;
      read_regions(cells[0], block);
      read_times(cells[1], block);
      block.values.resize(static_cast<size_t>(cells[0].size()) * columns_.size());
      for (size_t v = 0; v < columns_.size(); ++v) read_values(cells[v + 2], v, block);
      rows_ += cells[0].size();
      blocks_.push_back(std::move(block));
    }
    if (rows_ == 0) {
      throw UserError(text(file_, ": a header without rows. Expected one row per region and week below it."));
    }
    for (const auto& [label, value] : time_of_label_) times_.push_back(value);
    std::sort(times_.begin(), times_.end());
    times_.erase(std::unique(times_.begin(), times_.end()), times_.end());
    if (times_.size() == 1 && options_.needs_target) {
      throw UserError(text(file_, ", column '", report_.roles.time, "': only one week ('", time_of_label_.begin()->first,
                           "'). Expected one row per region and week, over at least ", kMinimumTrainingWeeks, " weeks."));
    }
  }

  void read_regions(const CellColumn& cells, RowBlock& block) {
    std::string_view last_label;
    int32_t last_region = -1;
    for (int64_t row = 0; row < cells.size(); ++row) {
      const auto label = cells.texts[static_cast<size_t>(row)];
      if (last_region < 0 || label != last_label) {
        if (label.empty()) fail(row, report_.roles.region, label, "an empty region label", "Expected the region's name or code.");
        const auto [entry, is_new] = region_of_label_.try_emplace(std::string(label), static_cast<int32_t>(regions_.size()));
        if (is_new) {
          if (!is_utf8(label)) fail(row, report_.roles.region, label, "a label that isn't UTF-8", "Save the table as UTF-8.");
          regions_.emplace_back(label);
        }
        last_label = label;
        last_region = entry->second;
      }
      block.region.push_back(last_region);
    }
  }

  void read_times(const CellColumn& cells, RowBlock& block) {
    const auto& column = report_.roles.time;
    std::string label;
    for (int64_t row = 0; row < cells.size(); ++row) {
      label.assign(cells.texts[static_cast<size_t>(row)]);
      auto known = time_of_label_.find(label);
      if (known == time_of_label_.end()) {
        if (label.empty()) fail(row, column, label, "an empty week", "Expected an ISO date (2024-03-25) or an integer.");
        const auto point = parse_time(label);
        if (!point) {
          fail(row, column, label, "neither a date nor an integer", "Expected an ISO date (2024-03-25) or an integer.");
        }
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

  void read_values(const CellColumn& cells, size_t v, RowBlock& block) {
    const ValueColumn& column = columns_[v];
    for (int64_t row = 0; row < cells.size(); ++row) {
      const auto place = static_cast<size_t>(row);
      double value = kMissing;
      if (cells.is_text) {
        const auto cell = cells.texts[place];
        if (!cell.empty()) {
          const auto result = std::from_chars(cell.data(), cell.data() + cell.size(), value);
          if (result.ec == std::errc::invalid_argument || result.ptr != cell.data() + cell.size()) {
            fail(row, column.name, cell, "not a number", "Expected a number with a decimal point; leave the cell empty where "
                 "the value isn't known.");
          }
          if (result.ec != std::errc() || !std::isfinite(value)) fail_infinite(row, column.name, cell);
        }
      } else if (!cells.missing[place]) {
        value = cells.numbers[place];
        if (!std::isfinite(value)) fail_infinite(row, column.name, shortest(value));
      }
      if (!(value >= 0)) value = check_value(row, column, value);
      block.values[place * columns_.size() + v] = value;
    }
  }

  // The rarer cases: missing or negative. (Population 0 is found where it is averaged.)
  double check_value(int64_t row, const ValueColumn& column, double value) {
    const bool is_missing = std::isnan(value);
    switch (column.kind) {
      case ValueKind::kMedia:
      case ValueKind::kSpend: {
        const std::string what = column.kind == ValueKind::kMedia ? "media" : "spend";
        if (!is_missing) fail(row, column.name, shortest(value), "negative " + what, "Expected 0 or more.");
        if (!options_.missing_media_is_zero) {
          fail(row, column.name, "", "a missing " + what + " cell", "Fill it in, or say data.missing_media=zero where an empty cell means 0.");
        }
        ++report_.zeroed_media_cells;
        return 0.0;
      }
      case ValueKind::kPopulation:
        if (is_missing) fail(row, column.name, "", "a missing population", "Expected a number above 0 in every row; or data.population='' for none.");
        fail(row, column.name, shortest(value), "a negative population", "Expected a number above 0.");
      case ValueKind::kTarget:
        is_missing ? ++report_.missing_targets : ++report_.negative_targets;
        return value;
      case ValueKind::kControl:
        return value;
    }
    return value;
  }

  [[noreturn]] void fail_infinite(int64_t row, const std::string& column, std::string_view value) const {
    fail(row, column, value, "not a finite number", "Expected a finite number; leave the cell empty where the value isn't known.");
  }

  // `row` counts within the batch that is being read.
  [[noreturn]] void fail(int64_t row, const std::string& column, std::string_view value, const std::string& problem,
                         const std::string& advice) const {
    const std::string quoted = value.empty() ? "" : text("'", printable(value), "' is ");
    throw UserError(text(file_, ", ", reader_.place(rows_ + row), ", column '", column, "': ", quoted, problem, ". ", advice));
  }

  const ImportOptions& options_;
  ImportReport& report_;
  std::string file_;
  TableReader reader_;
  std::vector<ValueColumn> columns_;
  std::vector<RowBlock> blocks_;
  std::vector<std::string> regions_;
  std::unordered_map<std::string, int32_t> region_of_label_;
  std::unordered_map<std::string, int64_t> time_of_label_;
  std::vector<int64_t> times_;
  std::optional<TimePoint> time_kind_;
  int64_t rows_ = 0;
};

std::optional<int64_t> as_integer(const std::string& label) {
  int64_t value = 0;
  const auto result = std::from_chars(label.data(), label.data() + label.size(), value);
  if (result.ec != std::errc() || result.ptr != label.data() + label.size()) return std::nullopt;
  return value;
}

// Places of the labels in sorted order: by number where all are integers, else by their bytes.
std::vector<int32_t> sorted_order(const std::vector<std::string>& labels) {
  std::vector<std::pair<int64_t, std::string>> keys;
  bool all_integers = true;
  for (const auto& label : labels) {
    const auto number = as_integer(label);
    all_integers = all_integers && number;
    keys.emplace_back(number.value_or(0), label);
  }
  if (!all_integers) {
    for (auto& key : keys) key.first = 0;
  }
  std::vector<int32_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return keys[a] < keys[b]; });
  return order;
}

// Moves the rows to their places in the panel, and checks what concerns more than one cell.
class PanelBuilder {
 public:
  PanelBuilder(TableRows& rows, const ImportOptions& options, ImportReport& report)
      : rows_(rows), options_(options), report_(report), roles_(report.roles) {}

  Panel build() {
    make_coordinates();
    const size_t cells = static_cast<size_t>(regions_ * weeks_);
    panel_.first_region = 0;
    panel_.regions = regions_;
    panel_.target_RT.assign(cells, 0.0);
    panel_.observed_RT.assign(cells, 0);
    panel_.media_RTC.assign(cells * roles_.media.size(), 0.0);
    panel_.controls_RTK.assign(cells * roles_.controls.size(), kMissing);
    panel_.population_R.assign(static_cast<size_t>(regions_), 0.0);
    if (roles_.has_spend()) panel_.spend_RTC.assign(cells * roles_.media.size(), 0.0);
    has_row_RT_.assign(cells, 0);
    for (auto& block : rows_.blocks()) {
      scatter(block);
      block.values = {};  // the panel grows while the blocks shrink
    }
    average_population();
    carry_controls();
    count_regions();
    return std::move(panel_);
  }

 private:
  void make_coordinates() {
    auto& coordinates = panel_.coordinates;
    const auto& labels = rows_.regions();
    const auto order = sorted_order(labels);
    rank_.resize(labels.size());
    for (size_t place = 0; place < order.size(); ++place) {
      rank_[static_cast<size_t>(order[place])] = static_cast<int64_t>(place);
      coordinates.regions.push_back(labels[static_cast<size_t>(order[place])]);
    }
    axis_ = make_time_axis(rows_.times(), rows_.times_are_dates(), text(rows_.file(), ", column '", roles_.time, "': "));
    coordinates.weeks = axis_.labels;
    coordinates.step = axis_.step;
    coordinates.channels = roles_.channel_names;
    coordinates.controls = roles_.control_names;
    coordinates.channel_columns = roles_.media;
    coordinates.control_columns = roles_.controls;
    coordinates.region_column = roles_.region;
    coordinates.time_column = roles_.time;
    coordinates.target_column = roles_.target;
    coordinates.has_spend = roles_.has_spend();
    coordinates.source = options_.source.filename().string();
    coordinates.source_sha256 = sha256_of_file(options_.source);
    regions_ = static_cast<int64_t>(labels.size());
    weeks_ = static_cast<int64_t>(axis_.labels.size());
  }

  void scatter(const RowBlock& block) {
    const int64_t channels = panel_.channels(), controls = panel_.controls();
    for (size_t row = 0; row < block.region.size(); ++row) {
      const int64_t r = rank_[static_cast<size_t>(block.region[row])];
      const int64_t t = axis_.index_of(block.time[row]);
      const int64_t cell = r * weeks_ + t;
      if (has_row_RT_[cell]) fail_duplicate(block, row);
      has_row_RT_[cell] = 1;
      const double* value = &block.values[row * static_cast<size_t>(rows_.values_per_row())];
      const double* media = value;
      std::copy_n(value, channels, &panel_.media_RTC[cell * channels]);
      value += channels;
      std::copy_n(value, controls, panel_.controls_RTK.data() + cell * controls);
      value += controls;
      for (int64_t c = 0; roles_.has_spend() && c < channels; ++c) {
        panel_.spend_RTC[cell * channels + c] = roles_.spend_columns[c].empty() ? roles_.cost_C[c] * media[c] : *value++;
      }
      if (!roles_.target.empty()) {
        panel_.observed_RT[cell] = !std::isnan(*value);
        panel_.target_RT[cell] = std::isnan(*value) ? 0.0 : *value;
        ++value;
      }
      if (!roles_.population.empty()) panel_.population_R[r] += *value;
    }
  }

  [[noreturn]] void fail_duplicate(const RowBlock& duplicate, size_t row) const {
    const int32_t region = duplicate.region[row];
    const int64_t time = duplicate.time[row];
    int64_t first = 0;
    for (const auto& block : rows_.blocks()) {
      for (size_t i = 0; i < block.region.size(); ++i) {
        if (block.region[i] != region || block.time[i] != time) continue;
        first = block.first_row + static_cast<int64_t>(i);
        throw UserError(text(rows_.file(), ", ", rows_.place(duplicate.first_row + static_cast<int64_t>(row)), ", columns '",
                             roles_.region, "' and '", roles_.time, "': duplicate row for region '", rows_.regions()[region],
                             "' and week '", axis_.labels[axis_.index_of(time)], "', already on ", rows_.place(first),
                             ". Expected one row per region and week; remove or sum the rows."));
      }
    }
    throw UserError(text(rows_.file(), ": duplicate rows."));
  }

  void average_population() {
    if (roles_.population.empty()) return;
    for (int64_t r = 0; r < regions_; ++r) {
      const int64_t rows = std::accumulate(&has_row_RT_[r * weeks_], &has_row_RT_[r * weeks_] + weeks_, int64_t{0});
      panel_.population_R[r] /= static_cast<double>(rows);
      if (!(panel_.population_R[r] > 0)) {
        throw UserError(text(rows_.file(), ", column '", roles_.population, "': the population of region '",
                             panel_.coordinates.regions[r], "' is 0. Expected a number above 0."));
      }
    }
  }

  // From the past only: a forecast never sees a later value.
  void carry_controls() {
    const int64_t controls = panel_.controls();
    std::vector<double> last(static_cast<size_t>(controls));
    for (int64_t r = 0; r < regions_; ++r) {
      std::fill(last.begin(), last.end(), kMissing);
      for (int64_t cell = r * weeks_; cell < (r + 1) * weeks_; ++cell) {
        for (int64_t k = 0; k < controls; ++k) {
          double& value = panel_.controls_RTK[cell * controls + k];
          if (!std::isnan(value)) {
            last[k] = value;
            continue;
          }
          const bool is_known = !std::isnan(last[k]);
          value = is_known ? last[k] : options_.unknown_control;
          if (has_row_RT_[cell]) ++(is_known ? report_.carried_control_cells : report_.unknown_control_cells);
        }
      }
    }
  }

  void count_regions() {
    report_.rows = rows_.rows();
    report_.regions = regions_;
    report_.weeks = weeks_;
    report_.missing_rows = regions_ * weeks_ - rows_.rows();
    for (int64_t r = 0; r < regions_ && options_.needs_target; ++r) {
      const uint8_t* observed = &panel_.observed_RT[r * weeks_];
      const int64_t cells = std::accumulate(observed, observed + weeks_, int64_t{0});
      const auto& region = panel_.coordinates.regions[r];
      if (cells == 0) {
        throw UserError(text(rows_.file(), ", column '", roles_.target, "': region '", region,
                             "' has no target in any of its rows. Expected at least one; remove the region or fill in its target."));
      }
      report_.observed_cells += cells;
      const uint8_t* has_row = &has_row_RT_[r * weeks_];
      if (std::count(has_row, has_row + weeks_, 0) > 0) report_.incomplete_regions.push_back(region);
      if (cells < kMinimumTrainingWeeks) report_.short_regions.push_back(region);
    }
  }

  TableRows& rows_;
  const ImportOptions& options_;
  ImportReport& report_;
  const AssignedRoles& roles_;
  Panel panel_;
  TimeAxis axis_;
  std::vector<int64_t> rank_;         // place in the panel of a region by order of first appearance
  std::vector<uint8_t> has_row_RT_;
  int64_t regions_ = 0, weeks_ = 0;
};

std::string first_few(const std::vector<std::string>& names) {
  constexpr size_t kShown = 10;
  if (names.size() <= kShown) return join(names);
  return join({names.begin(), names.begin() + kShown}) + text(" and ", names.size() - kShown, " more");
}

}  // namespace

Panel import_table(const ImportOptions& options, ImportReport* report) {
  ImportReport local;
  ImportReport& used = report ? *report : local;
  used = {};
  TableRows rows(options, used);
  return PanelBuilder(rows, options, used).build();
}

std::string describe(const ImportReport& report) {
  std::ostringstream out;
  out << describe(report.roles);
  out << report.rows << " rows: " << report.regions << " regions x " << report.weeks << " weeks, " << report.observed_cells
      << " observed cells\n";
  const auto note = [&](int64_t count, const std::string& what) {
    if (count > 0) out << count << " " << what << "\n";
  };
  note(report.missing_rows, text("missing rows in ", report.incomplete_regions.size(), " regions, masked: ",
                                 first_few(report.incomplete_regions)));
  note(report.missing_targets, "rows without a target, masked");
  note(report.negative_targets, "negative targets: check that the target may be negative");
  note(report.zeroed_media_cells, "missing media or spend cells, taken as 0");
  note(report.carried_control_cells, "missing control cells, carried forward within their region");
  note(report.unknown_control_cells, "missing control cells before the region's first known value, taken as 0");
  note(static_cast<int64_t>(report.short_regions.size()),
       text("regions with fewer than ", kMinimumTrainingWeeks, " observed weeks: ", first_few(report.short_regions)));
  for (const auto& line : report.roles.notes) out << line << "\n";
  return out.str();
}

}  // namespace dcmmm
