#include "analysis/results_file.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "analysis/results_graph.hpp"
#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/array_file.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr const char* kKind = "dcmmm results";

/// One array by region: its name, further axes, what it is, and where a block keeps it.
struct RegionArray {
  const char* name;
  std::vector<std::string> further_axes;
  const char* units;
  const char* description;
  std::vector<double> ResultBlock::*values;
};

const std::vector<RegionArray>& region_arrays() {
  static const std::vector<RegionArray> arrays = {
      {"predicted", {"week"}, "target units", "prediction: the sum of all components", &ResultBlock::predicted_RT},
      {"baseline", {"week"}, "target units", "component: the region's own baseline", &ResultBlock::baseline_RT},
      {"trend", {"week"}, "target units", "component: trend", &ResultBlock::trend_RT},
      {"seasonality", {"week"}, "target units", "component: seasonality", &ResultBlock::seasonality_RT},
      {"control_contribution",
       {"week", "control"},
       "target units",
       "component: each control",
       &ResultBlock::control_RTK},
      {"media_contribution",
       {"week", "channel"},
       "target units",
       "component: each media channel",
       &ResultBlock::media_RTC},
      {"coefficient",
       {"week", "channel"},
       "target units",
       "weekly effect at full saturation",
       &ResultBlock::coefficient_RTC},
      {"target_scale",
       {},
       "target units",
       "the region's size: mean target over training weeks, less size_offset of metrics.json",
       &ResultBlock::target_scale_R},
      {"media_scale",
       {"channel"},
       "media units",
       "media of one week that scaled media 1 stands for",
       &ResultBlock::media_scale_RC},
      {"scale_factor", {}, "1", "region's factor on the shared temporal patterns", &ResultBlock::scale_factor_R},
      {"baseline_level", {}, "target units", "level that the baseline returns to", &ResultBlock::baseline_level_R},
      {"lower", {"week"}, "target units", "lower end of the prediction's 90 % interval", &ResultBlock::lower_RT},
      {"upper", {"week"}, "target units", "upper end of the prediction's 90 % interval", &ResultBlock::upper_RT},
      {"noise_scale", {}, "target units", "scale of the region's own forecast errors", &ResultBlock::noise_scale_R},
      {"sample_scale", {}, "target units", "rms of the errors in training weeks", &ResultBlock::sample_scale_R},
  };
  return arrays;
}

/// One array by draw and channel.
struct DrawArray {
  const char *name, *units, *description;
  std::vector<double> ChannelDraws::*values;
};

constexpr DrawArray kDrawArrays[] = {
    {"draw_contribution", "target units", "media contribution of all cells with a row", &ChannelDraws::contribution_DC},
    {"draw_coefficient", "target units", "weekly effect at full saturation, a region", &ChannelDraws::coefficient_DC},
    {"draw_decay", "1", "adstock decay a week", &ChannelDraws::decay_DC},
    {"draw_exponent", "1", "Hill exponent", &ChannelDraws::exponent_DC},
    {"draw_half_saturation", "1", "scaled media of half the effect", &ChannelDraws::half_saturation_DC},
};

int64_t length_of(const std::string& axis, const PanelCoordinates& coordinates) {
  const auto& labels = axis == "week"      ? coordinates.weeks
                       : axis == "channel" ? coordinates.channels
                                           : coordinates.controls;
  return static_cast<int64_t>(labels.size());
}

}  // namespace

struct ResultsWriter::State {
  fs::path path, temporary;
  PanelCoordinates coordinates;
  Communicator& communicator;
  std::optional<ArrayFile> file;
  int64_t regions = 0;  // appended by this rank
  bool finished = false;

  void create(const SharedResults& shared);
  bool somebody_has_a_block(bool mine);
  void write_round(const ResultBlock& block);
};

void ResultsWriter::State::create(const SharedResults& shared) {
  file = ArrayFile::create(temporary, &communicator);
  file->add_coordinate("region", coordinates.regions);
  file->add_coordinate("week", coordinates.weeks);
  file->add_coordinate("channel", coordinates.channels);
  file->add_coordinate("control", coordinates.controls);
  // Interval quantiles: labels are the groups' last horizons and the levels.
  std::vector<std::string> groups, levels;
  for (const int64_t end : shared.intervals.group_end_G) groups.push_back(std::to_string(end));
  for (const double level : shared.intervals.level_L) levels.push_back(shortest(level));
  file->add_coordinate("interval_group", groups);
  file->add_coordinate("interval_level", levels);
  file->add_coordinate("interval_national_term", std::vector<std::string>{"factor", "degrees"});
  for (const RegionArray& array : region_arrays()) {
    std::vector<std::string> axes = {"region"};
    const ArrayLayout layout{{}, array.units, array.description};
    axes.insert(axes.end(), array.further_axes.begin(), array.further_axes.end());
    // Contiguous: each rank then writes by itself. A collective write of chunks would wait forever for a rank whose
    // disk is full.
    file->add_array(array.name, ElementType::kFloat64, axes, layout);
  }
  const std::pair<const char*, const char*> curves[] = {
      {"decay", "adstock decay a week"},
      {"exponent", "Hill exponent"},
      {"half_saturation", "scaled media of half the effect"},
      {"peak", "weeks until the carry-over peaks; NaN: geometric"},
      {"frequency_control", "the control that is the channel's frequency, whose curve it then is; -1: none"}};
  for (const auto& [name, description] : curves)
    file->add_array(name, ElementType::kFloat64, {"channel"}, {{}, "1", description});
  file->add_array("follows_demand", ElementType::kFloat64, {"channel"},
                  {{}, "1", "1: the channel follows demand, its effect isn't identified"});
  file->add_array("local_slope", ElementType::kFloat64, {"channel"},
                  {{}, "1", "of the relative target on the relative channel within regions"});
  std::vector<std::string> draw_names;
  for (int64_t draw = 1; draw <= shared.draws.count; ++draw) draw_names.push_back(std::to_string(draw));
  file->add_coordinate("draw", draw_names);
  for (const DrawArray& array : kDrawArrays)
    file->add_array(array.name, ElementType::kFloat64, {"draw", "channel"}, {{}, array.units, array.description});
  if (!shared.graph.empty()) add_graph_arrays(*file, shared.graph, coordinates.channels);
  file->add_array("interval_quantile", ElementType::kFloat64, {"interval_group", "interval_level"},
                  {{}, "noise_scale", "half a region's own interval, by last horizon and level"});
  file->add_array("interval_national", ElementType::kFloat64, {"interval_national_term"},
                  {{}, "1", "factor on the national error's prior variance, degrees of freedom"});
  file->set_attribute("", "file_kind", std::string(kKind));
  file->set_attribute("", "format_version", kResultsFormatVersion);
  file->set_attribute("", "adstock_kind", shared.adstock_kind);
  file->set_attribute("", "saturation_kind", shared.saturation_kind);
  file->set_attribute("", "response_sd", shared.response_sd);
  file->set_attribute("", "drift_sd", shared.drift_sd);
  file->set_attribute("", "max_lag", shared.max_lag);
  file->set_attribute("", "origin", shared.origin);
  file->set_attribute("", "holdout_weeks", shared.holdout_weeks);
  file->set_attribute("", "panel_checksum", shared.panel_checksum);
  // Numbers last: all that describes the file comes before the first of them.
  const auto write_curve = [&](const char* name, const std::vector<double>& values_C) {
    const auto mine = std::span(values_C).first(communicator.rank() == 0 ? values_C.size() : 0);
    file->write<double>(name, {0}, {static_cast<int64_t>(mine.size())}, mine);
  };
  write_curve("decay", shared.decay_C);
  write_curve("exponent", shared.exponent_C);
  write_curve("half_saturation", shared.half_saturation_C);
  write_curve("peak", shared.peak_C);
  const std::vector<double> unasked(coordinates.channels.size(), 0.0), none(coordinates.channels.size(), -1.0);
  write_curve("frequency_control", shared.frequency_control_C.empty() ? none : shared.frequency_control_C);
  write_curve("follows_demand", shared.follows_demand_C.empty() ? unasked : shared.follows_demand_C);
  write_curve("local_slope", shared.local_slope_C.empty() ? unasked : shared.local_slope_C);
  for (const DrawArray& array : kDrawArrays) {
    if (shared.draws.count == 0) break;  // a parallel write of nothing at all is refused
    const auto& all_DC = shared.draws.*array.values;
    const auto mine_DC = std::span(all_DC).first(communicator.rank() == 0 ? all_DC.size() : 0);
    file->write<double>(array.name, {0, 0},
                        {mine_DC.empty() ? 0 : shared.draws.count, static_cast<int64_t>(coordinates.channels.size())},
                        mine_DC);
  }
  write_curve("interval_national", {shared.intervals.national_factor, shared.intervals.national_degrees});
  if (!shared.graph.empty()) write_graph(*file, shared.graph, communicator.rank() == 0);
  const auto& quantile_GL = shared.intervals.quantile_GL;
  const bool writes = communicator.rank() == 0;
  file->write<double>("interval_quantile", {0, 0},
                      {writes ? static_cast<int64_t>(groups.size()) : 0, static_cast<int64_t>(levels.size())},
                      std::span(quantile_GL).first(writes ? quantile_GL.size() : 0));
}

bool ResultsWriter::State::somebody_has_a_block(bool mine) {
  double any = mine ? 1 : 0;
  communicator.all_reduce_max({&any, 1});
  return any > 0;
}

void ResultsWriter::State::write_round(const ResultBlock& block) {
  for (const RegionArray& array : region_arrays()) {
    std::vector<int64_t> start = {block.first_region}, count = {block.regions};
    for (const auto& axis : array.further_axes) {
      start.push_back(0);
      count.push_back(length_of(axis, coordinates));
    }
    // An axis without labels (no controls) leaves nothing to write, and a parallel write of nothing at all is refused.
    if (std::find(count.begin() + 1, count.end(), 0) != count.end()) continue;
    file->write<double>(array.name, start, count, block.*array.values);
  }
  regions += block.regions;
}

ResultsWriter::ResultsWriter(const fs::path& path, const PanelCoordinates& coordinates, const SharedResults& shared,
                             Communicator& communicator)
    : state_(new State{path, path.string() + ".tmp", coordinates, communicator, {}, 0, false}) {
  state_->create(shared);
}

ResultsWriter::~ResultsWriter() {
  if (state_->finished) return;
  // Closing is collective: after an error on one rank alone the others would never come, so the file stays open until
  // the process ends, which is soon.
  if (std::uncaught_exceptions() > 0 && state_->communicator.size() > 1 && state_->file) [[maybe_unused]]
    const auto* left_open = new (std::nothrow) ArrayFile(std::move(*state_->file));
  state_->file.reset();
  std::error_code ignored;
  if (state_->communicator.rank() == 0) fs::remove(state_->temporary, ignored);
}

void ResultsWriter::append(const ResultBlock& block) {
  for (const RegionArray& array : region_arrays()) {
    std::size_t expected = static_cast<std::size_t>(block.regions);
    for (const auto& axis : array.further_axes)
      expected *= static_cast<std::size_t>(length_of(axis, state_->coordinates));
    const std::size_t length = (block.*array.values).size();
    if (length != expected) {
      throw std::invalid_argument(text("results: '", array.name, "' has ", length, " values instead of ", expected));
    }
  }
  state_->somebody_has_a_block(true);
  state_->write_round(block);
}

void ResultsWriter::finish() {
  while (state_->somebody_has_a_block(false)) state_->write_round({});
  state_->communicator.all_reduce_sum(std::span(&state_->regions, 1));
  if (const auto expected = static_cast<int64_t>(state_->coordinates.regions.size()); state_->regions != expected) {
    throw std::invalid_argument(text("results: ", state_->regions, " regions were appended instead of ", expected));
  }
  state_->file->close();
  on_rank_zero(state_->communicator, [&] {
    // The ranks have written the temporary together; what is left is to give it its name safely.
    replace_file(state_->path, [](const fs::path&) {});
  });
  state_->finished = true;
}

struct ResultsReader::State {
  ArrayFile file;
  ResultsCoordinates coordinates;
  SharedResults shared;
};

ResultsReader::ResultsReader(const fs::path& path) : state_(new State{ArrayFile::open(path), {}, {}}) {
  const ArrayFile& file = state_->file;
  if (!file.has_attribute("", "file_kind") || file.text_attribute("", "file_kind") != kKind) {
    throw UserError(text("'", path.string(), "' is not a results file. Expected the results.h5 of a run folder."));
  }
  const int64_t version = file.integer_attribute("", "format_version");
  if (version != kResultsFormatVersion) {
    throw UserError(text("'", path.string(), "' has results format version ", version, "; this program reads version ",
                         kResultsFormatVersion, ". Run `dcmmm train` again to write it anew."));
  }
  state_->coordinates = {file.labels("region"), file.labels("week"), file.labels("channel"), file.labels("control")};
  SharedResults& shared = state_->shared;
  shared.decay_C = file.read<double>("decay");
  shared.exponent_C = file.read<double>("exponent");
  shared.half_saturation_C = file.read<double>("half_saturation");
  // A file from before carry-over could be delayed has no peaks.
  shared.peak_C = file.has_array("peak")
                      ? file.read<double>("peak")
                      : std::vector<double>(shared.decay_C.size(), std::numeric_limits<double>::quiet_NaN());
  // A file from before there were frequencies has none.
  if (file.has_array("frequency_control")) shared.frequency_control_C = file.read<double>("frequency_control");
  shared.adstock_kind = file.text_attribute("", "adstock_kind");
  shared.saturation_kind = file.text_attribute("", "saturation_kind");
  // A file from before these were kept has none of them.
  if (file.has_attribute("", "response_sd")) {
    shared.response_sd = file.real_attribute("", "response_sd");
    shared.drift_sd = file.real_attribute("", "drift_sd");
    shared.max_lag = file.integer_attribute("", "max_lag");
  }
  shared.origin = file.integer_attribute("", "origin");
  shared.holdout_weeks = file.integer_attribute("", "holdout_weeks");
  shared.panel_checksum = file.text_attribute("", "panel_checksum");
  shared.follows_demand_C = file.read<double>("follows_demand");
  shared.local_slope_C = file.read<double>("local_slope");
  ChannelDraws& draws = shared.draws;
  draws.count = static_cast<int64_t>(file.labels("draw").size());
  if (draws.count > 0)
    for (const DrawArray& array : kDrawArrays) draws.*array.values = file.read<double>(array.name);
  shared.graph = read_graph(file);
  ForecastIntervals& intervals = shared.intervals;
  for (const std::string& end : file.labels("interval_group")) intervals.group_end_G.push_back(std::stoll(end));
  for (const std::string& level : file.labels("interval_level")) intervals.level_L.push_back(std::stod(level));
  intervals.quantile_GL = file.read<double>("interval_quantile");
  const std::vector<double> national = file.read<double>("interval_national");
  intervals.national_factor = national[0];
  intervals.national_degrees = national[1];
}

ResultsReader::~ResultsReader() = default;

const ResultsCoordinates& ResultsReader::coordinates() const { return state_->coordinates; }

const SharedResults& ResultsReader::shared() const { return state_->shared; }

std::vector<double> ResultsReader::read_array(const std::string& name, int64_t first, int64_t count) const {
  std::vector<int64_t> shape = state_->file.shape(name), start(shape.size(), 0);
  start[0] = first;
  shape[0] = count;
  return state_->file.read<double>(name, start, shape);
}

ResultBlock ResultsReader::read(int64_t first, int64_t count) const {
  ResultBlock block;
  block.first_region = first;
  block.regions = count;
  for (const RegionArray& array : region_arrays()) block.*array.values = read_array(array.name, first, count);
  return block;
}

}  // namespace dcmmm
