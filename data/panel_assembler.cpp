// Shapes: R regions, T weeks, C channels, K controls, N rows.
#include "data/panel_assembler.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "common/errors.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/split.hpp"
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

}  // namespace

PanelAssembler::PanelAssembler(const TableRows& rows, const ImportOptions& options, ImportReport& report)
    : rows_(rows), options_(options), report_(report), roles_(report.roles) {
  make_coordinates();
  check_size();
  report_.rows = rows_.rows();
  report_.regions = regions_;
  report_.weeks = weeks_;
  report_.step = axis_.step;
  report_.missing_rows = regions_ * weeks_ - rows_.rows();
  sort_rows();
  block_names_ = coordinates_;
  block_names_.regions.clear();
  add_events();
}

void PanelAssembler::each_block(int64_t count, const std::function<void(Panel&)>& take) {
  for (int64_t first = 0; first < regions_; first += count) {
    Panel block = assemble(first, std::min(count, regions_ - first));
    take(block);
    release_large_arrays(0, 1);  // rows are asked for once, where they are in the panel's order
  }
}

void PanelAssembler::make_coordinates() {
  const auto& labels = rows_.regions();
  const auto order = sorted_order(labels);
  rank_.resize(labels.size());
  for (size_t place = 0; place < order.size(); ++place) {
    rank_[static_cast<size_t>(order[place])] = static_cast<int64_t>(place);
    coordinates_.regions.push_back(labels[static_cast<size_t>(order[place])]);
  }
  axis_ = make_time_axis(rows_.times(), rows_.times_are_dates(), text(rows_.file(), ", column '", roles_.time, "': "));
  if (axis_.labels.size() == 1) axis_.step = options_.step;
  coordinates_.weeks = axis_.labels;
  coordinates_.step = axis_.step;
  coordinates_.channels = roles_.channel_names;
  coordinates_.controls = roles_.control_names;
  coordinates_.channel_columns = roles_.media;
  coordinates_.control_columns = roles_.controls;
  coordinates_.region_column = roles_.region;
  coordinates_.time_column = roles_.time;
  coordinates_.target_column = roles_.target;
  coordinates_.has_spend = roles_.has_spend();
  coordinates_.source = options_.source.filename().string();
  coordinates_.source_sha256 = sha256_of_file(options_.source);
  regions_ = static_cast<int64_t>(labels.size());
  weeks_ = static_cast<int64_t>(axis_.labels.size());
}

// A column of order numbers taken for the region fills a disk with a panel of missing rows.
void PanelAssembler::check_size() const {
  constexpr int64_t kFew = 1'000'000, kMaximumSparsity = 20;
  const int64_t cells = regions_ * weeks_;
  if (cells <= kFew || cells <= kMaximumSparsity * rows_.rows()) return;
  throw UserError(text(rows_.file(), ", columns '", roles_.region, "' and '", roles_.time, "': ", regions_,
                       " regions x ", weeks_, " ", steps_name(axis_.step), " for only ", rows_.rows(),
                       " rows. Expected a row for most weeks of most regions: is '", roles_.region,
                       "' really the region (data.region)? Else sum the rows over larger regions or longer steps."));
}

void PanelAssembler::add_events() {
  for (const auto& control : coordinates_.controls) {
    if (!is_event(control)) continue;
    throw UserError(text(options_.source.string(), ": the control '", control, "' is named like an event ('",
                         kEventPrefix, "...'), and these come from data.events. Rename the column."));
  }
  EventTable events = options_.events ? read_events(*options_.events) : EventTable();
  if (options_.weekdays && coordinates_.step == TimeStep::kDay) append_weekdays(coordinates_.weeks, events);
  if (events.events.empty() && !options_.event_names) return;
  events_.emplace(coordinates_, events, options_.event_names);
  events_->extend(coordinates_);
  report_.event_notes = events_->notes();
  for (const auto& column : events_->columns()) report_.events.push_back(column.substr(kEventPrefix.size()));
}

// Which rows are a region's, and whether any tells what nothing else would (Panel::dark_RT).
void PanelAssembler::sort_rows() {
  row_begin_.assign(static_cast<size_t>(regions_) + 1, 0);
  for (const RowBlock& block : rows_.blocks())
    for (const int32_t region : block.region) ++row_begin_[static_cast<size_t>(rank_[region]) + 1];
  std::partial_sum(row_begin_.begin(), row_begin_.end(), row_begin_.begin());
  std::vector<int64_t> next(row_begin_.begin(), row_begin_.end() - 1);
  places_N_.resize(static_cast<size_t>(rows_.rows()));
  has_row_RT_.assign(static_cast<size_t>(regions_ * weeks_), 0);
  for (size_t b = 0; b < rows_.blocks().size(); ++b) {
    const RowBlock& block = rows_.blocks()[b];
    for (size_t row = 0; row < block.region.size(); ++row) {
      const int64_t r = rank_[static_cast<size_t>(block.region[row])];
      uint8_t& has_row = has_row_RT_[static_cast<size_t>(r * weeks_ + axis_.index_of(block.time[row]))];
      if (has_row != 0) fail_duplicate(block, row);
      has_row = 1;
      places_N_[static_cast<size_t>(next[static_cast<size_t>(r)]++)] = {static_cast<int32_t>(b),
                                                                        static_cast<int32_t>(row)};
      has_dark_ = has_dark_ || row_values(block, row).is_dark;
    }
    release_large_arrays(0, 1);
  }
}

void PanelAssembler::fail_duplicate(const RowBlock& duplicate, size_t row) const {
  const int32_t region = duplicate.region[row];
  const int64_t time = duplicate.time[row];
  int64_t first = -1;
  for (const auto& block : rows_.blocks())
    for (size_t i = 0; first < 0 && i < block.region.size(); ++i)
      if (block.region[i] == region && block.time[i] == time) first = block.first_row + static_cast<int64_t>(i);
  throw UserError(text(rows_.file(), ", ", rows_.place(duplicate.first_row + static_cast<int64_t>(row)), ", columns '",
                       roles_.region, "' and '", roles_.time, "': duplicate row for region '", rows_.regions()[region],
                       "' and week '", axis_.labels[axis_.index_of(time)], "', already on ", rows_.place(first),
                       ". Expected one row per region and week; remove or sum the rows."));
}

PanelAssembler::RowValues PanelAssembler::row_values(const RowBlock& block, size_t row) const {
  RowValues out;
  out.media = &block.values[row * static_cast<size_t>(rows_.values_per_row())];
  out.controls = out.media + roles_.media.size();
  out.spend = out.controls + roles_.controls.size();
  const auto is_column = [](const std::string& name) { return !name.empty(); };
  const double* value = out.spend + std::count_if(roles_.spend_columns.begin(), roles_.spend_columns.end(), is_column);
  if (!roles_.target.empty()) out.target = *value++;
  if (!roles_.population.empty()) out.population = *value;
  out.is_observed = !options_.needs_target || !std::isnan(out.target);  // of a future week, that there is a row
  out.is_dark = !out.is_observed &&
                std::none_of(out.media, out.media + roles_.media.size(), [](double activity) { return activity > 0; });
  return out;
}

Panel PanelAssembler::assemble(int64_t first, int64_t count) {
  Panel block;
  block.coordinates = block_names_;
  block.first_region = first;
  block.regions = count;
  const auto cells = static_cast<size_t>(count * weeks_);
  block.target_RT.assign(cells, 0.0);
  block.observed_RT.assign(cells, 0);
  if (has_dark_) block.dark_RT.assign(cells, 0);
  block.media_RTC.assign(cells * roles_.media.size(), 0.0);
  block.controls_RTK.assign(cells * roles_.controls.size(), kMissing);
  block.population_R.assign(static_cast<size_t>(count), 0.0);
  populations_R_.assign(static_cast<size_t>(count), {std::numeric_limits<double>::infinity(), 0.0});
  if (roles_.has_spend()) block.spend_RTC.assign(cells * roles_.media.size(), 0.0);
  for (int64_t r = 0; r < count; ++r)
    for (int64_t n = row_begin_[static_cast<size_t>(first + r)]; n < row_begin_[static_cast<size_t>(first + r) + 1];
         ++n)
      place_row(places_N_[static_cast<size_t>(n)], r, block);
  average_population(block);
  carry_controls(block);
  count_regions(block);
  if (events_) {
    events_->extend(block, block.controls());
    events_->extend(block.coordinates);
  }
  return block;
}

void PanelAssembler::place_row(RowPlace place, int64_t r, Panel& block) {
  const RowBlock& rows = rows_.blocks()[static_cast<size_t>(place.block)];
  const auto row = static_cast<size_t>(place.row);
  const RowValues values = row_values(rows, row);
  const int64_t channels = block.channels(), controls = block.controls();
  const int64_t cell = r * weeks_ + axis_.index_of(rows.time[row]);
  std::copy_n(values.media, channels, block.media_RTC.data() + cell * channels);
  std::copy_n(values.controls, controls, block.controls_RTK.data() + cell * controls);
  const double* spend = values.spend;
  for (int64_t c = 0; roles_.has_spend() && c < channels; ++c)
    block.spend_RTC[cell * channels + c] =
        roles_.spend_columns[c].empty() ? roles_.cost_C[c] * values.media[c] : *spend++;
  block.observed_RT[cell] = values.is_observed;
  if (has_dark_) block.dark_RT[cell] = values.is_dark;
  block.target_RT[cell] = std::isnan(values.target) ? 0.0 : values.target;
  block.population_R[r] += values.population;
  auto& [least, largest] = populations_R_[r];
  least = std::min(least, values.population), largest = std::max(largest, values.population);
}

void PanelAssembler::average_population(Panel& block) {
  if (roles_.population.empty()) return;
  for (int64_t r = 0; r < block.regions; ++r) {
    const auto place = static_cast<size_t>(block.first_region + r);
    block.population_R[r] /= static_cast<double>(row_begin_[place + 1] - row_begin_[place]);
    if (!(block.population_R[r] > 0)) {
      throw UserError(text(rows_.file(), ", column '", roles_.population, "': the population of region '",
                           coordinates_.regions[place], "' is 0. Expected a number above 0."));
    }
    if (const auto& [least, largest] = populations_R_[r]; least < largest)
      report_.varying_populations.push_back(
          text(coordinates_.regions[place], " (", shortest(least), " to ", shortest(largest), ")"));
  }
}

// From the past only: a forecast never sees a later value.
void PanelAssembler::carry_controls(Panel& block) {
  const int64_t controls = block.controls();
  std::vector<double> last(static_cast<size_t>(controls));
  for (int64_t r = 0; r < block.regions; ++r) {
    const uint8_t* has_row_T = &has_row_RT_[static_cast<size_t>((block.first_region + r) * weeks_)];
    std::fill(last.begin(), last.end(), kMissing);
    for (int64_t t = 0; t < weeks_; ++t) {
      for (int64_t k = 0; k < controls; ++k) {
        double& value = block.controls_RTK[(r * weeks_ + t) * controls + k];
        if (!std::isnan(value)) {
          last[k] = value;
          continue;
        }
        const bool is_known = !std::isnan(last[k]);
        value = is_known ? last[k] : options_.unknown_control;
        if (has_row_T[t] != 0) ++(is_known ? report_.carried_control_cells : report_.unknown_control_cells);
      }
    }
  }
}

void PanelAssembler::count_regions(const Panel& block) {
  for (int64_t r = 0; r < block.regions && options_.needs_target; ++r) {
    const uint8_t* observed = &block.observed_RT[r * weeks_];
    const int64_t cells = std::accumulate(observed, observed + weeks_, int64_t{0});
    const auto place = static_cast<size_t>(block.first_region + r);
    const auto& region = coordinates_.regions[place];
    if (cells == 0) {
      throw UserError(
          text(rows_.file(), ", column '", roles_.target, "': region '", region,
               "' has no target in any of its rows. Expected at least one; remove the region or fill in its target."));
    }
    report_.observed_cells += cells;
    report_.target_varies =
        report_.target_varies || target_varies(block.target_RT.data() + r * weeks_, observed, weeks_);
    if (row_begin_[place + 1] - row_begin_[place] < weeks_) report_.incomplete_regions.push_back(region);
    if (cells < kMinimumTrainingWeeks) report_.short_regions.push_back(region);
  }
}

}  // namespace dcmmm
