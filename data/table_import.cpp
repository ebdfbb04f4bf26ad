// Shapes: R regions, T weeks, C channels, K controls.
#include "data/table_import.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>

#include "common/errors.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/events.hpp"
#include "data/split.hpp"
#include "data/table_rows.hpp"
#include "data/time_axis.hpp"
#include "data/weekdays.hpp"

namespace dcmmm {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

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
    axis_ =
        make_time_axis(rows_.times(), rows_.times_are_dates(), text(rows_.file(), ", column '", roles_.time, "': "));
    if (axis_.labels.size() == 1) axis_.step = options_.step;
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
        panel_.spend_RTC[cell * channels + c] =
            roles_.spend_columns[c].empty() ? roles_.cost_C[c] * media[c] : *value++;
      }
      if (!options_.needs_target) panel_.observed_RT[cell] = 1;  // of a future week, that there is a row
      const bool is_dark = std::none_of(media, media + channels, [](double activity) { return activity > 0; });
      if (!roles_.target.empty()) {
        if (options_.needs_target) panel_.observed_RT[cell] = !std::isnan(*value);
        if (is_dark && panel_.observed_RT[cell] == 0) {
          panel_.dark_RT.resize(panel_.observed_RT.size(), 0);
          panel_.dark_RT[cell] = 1;
        }
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
        throw UserError(text(rows_.file(), ", ", rows_.place(duplicate.first_row + static_cast<int64_t>(row)),
                             ", columns '", roles_.region, "' and '", roles_.time, "': duplicate row for region '",
                             rows_.regions()[region], "' and week '", axis_.labels[axis_.index_of(time)],
                             "', already on ", rows_.place(first),
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
    report_.step = axis_.step;
    report_.missing_rows = regions_ * weeks_ - rows_.rows();
    for (int64_t r = 0; r < regions_ && options_.needs_target; ++r) {
      const uint8_t* observed = &panel_.observed_RT[r * weeks_];
      const int64_t cells = std::accumulate(observed, observed + weeks_, int64_t{0});
      const auto& region = panel_.coordinates.regions[r];
      if (cells == 0) {
        throw UserError(text(
            rows_.file(), ", column '", roles_.target, "': region '", region,
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
  std::vector<int64_t> rank_;  // place in the panel of a region by order of first appearance
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
  Panel panel = PanelBuilder(rows, options, used).build();
  for (const auto& control : panel.coordinates.controls) {
    if (!is_event(control)) continue;
    throw UserError(text(options.source.string(), ": the control '", control, "' is named like an event ('",
                         kEventPrefix, "...'), and these come from data.events. Rename the column."));
  }
  EventTable events = options.events ? read_events(*options.events) : EventTable();
  if (options.weekdays && panel.coordinates.step == TimeStep::kDay) append_weekdays(panel.coordinates.weeks, events);
  if (!events.events.empty() || options.event_names) used.event_notes = add_events(panel, events, options.event_names);
  for (const auto& control : panel.coordinates.controls) {
    if (is_event(control)) used.events.push_back(control.substr(kEventPrefix.size()));
  }
  return panel;
}

std::string describe(const ImportReport& report) {
  std::ostringstream out;
  out << describe(report.roles);
  out << report.rows << " rows: " << report.regions << " regions x " << report.weeks << " " << steps_name(report.step)
      << ", " << report.observed_cells << " observed cells\n";
  const auto note = [&](int64_t count, const std::string& what) {
    if (count > 0) out << count << " " << what << "\n";
  };
  note(report.missing_rows, text("missing rows in ", report.incomplete_regions.size(),
                                 " regions, masked: ", first_few(report.incomplete_regions)));
  note(report.missing_targets, "rows without a target, masked");
  note(report.negative_targets, "negative targets: check that the target may be negative");
  note(report.zeroed_media_cells, "missing media or spend cells, taken as 0");
  note(report.carried_control_cells, "missing control cells, carried forward within their region");
  note(report.unknown_control_cells, "missing control cells before the region's first known value, taken as 0");
  note(static_cast<int64_t>(report.short_regions.size()),
       text("regions with fewer than ", kMinimumTrainingWeeks, " observed weeks: ", first_few(report.short_regions)));
  if (!report.events.empty()) out << report.events.size() << " events: " << first_few(report.events) << "\n";
  for (const auto& line : report.event_notes) out << line << "\n";
  for (const auto& line : report.roles.notes) out << line << "\n";
  return out.str();
}

}  // namespace dcmmm
