// Shapes: R regions, T weeks, C media channels, K controls.
#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/array_file.hpp"
#include "data/panel_file.hpp"
#include "data/panel_file_layout.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// 1-D arrays by region are written at the end, in chunks of this many regions.
constexpr int64_t kFlatChunk = 65536;

// Reading 20,000 x 156 x 13 takes longer unpacking than it saves on disk.
constexpr bool kCompressPanels = false;

}  // namespace

struct PanelWriter::State {
  fs::path path;
  PendingFile pending_file;  // goes last: the file under its temporary name is closed by then
  PanelCoordinates coordinates;
  bool has_dark;
  ArrayFile file;
  int64_t chunk_regions = 1;
  int64_t written = 0;  // regions in the file
  Panel pending;  // regions that don't fill a chunk yet: only whole chunks are written, whatever the caller's blocks
  std::vector<double> population_R;
  std::vector<int64_t> observed_cells_R;
  Sha256 digest;

  State(const fs::path& final_path, const PanelCoordinates& names, bool with_dark)
      : path(final_path),
        pending_file(final_path),
        coordinates(names),
        has_dark(with_dark),
        file(ArrayFile::create_sealed(pending_file.temporary())) {}

  int64_t regions() const { return static_cast<int64_t>(coordinates.regions.size()); }

  void write_names() {
    file.set_attribute("", "file_kind", kPanelFileKind);
    file.set_attribute("", "format_version", kPanelFormatVersion);
    file.set_attribute("", "Conventions", "CF-1.10");
    file.add_coordinate("region", coordinates.regions);
    file.add_coordinate("week", coordinates.weeks);
    file.add_coordinate("channel", coordinates.channels);
    file.add_coordinate("control", coordinates.controls);
    file.add_labels("channel_column", "channel", coordinates.channel_columns);
    file.add_labels("control_column", "control", coordinates.control_columns);
    file.set_attribute("", "region_column", coordinates.region_column);
    file.set_attribute("", "time_column", coordinates.time_column);
    file.set_attribute("", "target_column", coordinates.target_column);
    file.set_attribute("", "time_step", kTimeStepNames[static_cast<size_t>(coordinates.step)]);
    file.set_attribute("", "source", coordinates.source);
    file.set_attribute("", "source_sha256", coordinates.source_sha256);
    add_coordinates(digest, coordinates);
  }

  void make_arrays() {
    const auto T = static_cast<int64_t>(coordinates.weeks.size());
    const auto C = static_cast<int64_t>(coordinates.channels.size());
    const auto K = static_cast<int64_t>(coordinates.controls.size());
    const int64_t region_bytes = std::max<int64_t>(1, T * std::max({C, K, int64_t{1}}) * 8);
    chunk_regions = regions_per_chunk(regions(), region_bytes);
    const auto by_region = [&](const std::vector<int64_t>& chunk, const char* units, const char* description) {
      return ArrayLayout{.chunk = chunk, .units = units, .description = description, .compress = kCompressPanels};
    };
    const auto flat = [&](const char* units, const char* description) {
      return ArrayLayout{
          .chunk = {kFlatChunk}, .units = units, .description = description, .compress = kCompressPanels};
    };
    file.add_array("target", ElementType::kFloat64, {"region", "week"},
                   by_region({chunk_regions, T}, "KPI units", "target; 0 where not observed"));
    file.add_array("observed", ElementType::kUInt8, {"region", "week"},
                   by_region({chunk_regions, T}, "1", "1 where the row exists and its target is known"));
    if (has_dark)
      file.add_array("dark", ElementType::kUInt8, {"region", "week"},
                     by_region({chunk_regions, T}, "1", "1 where a row has neither a target nor any media"));
    file.add_array("media", ElementType::kFloat64, {"region", "week", "channel"},
                   by_region({chunk_regions, T, C}, "media units", "media activity; 0 where the row is missing"));
    file.add_array(
        "controls", ElementType::kFloat64, {"region", "week", "control"},
        by_region({chunk_regions, T, K}, "", "controls; carried forward within the region, 0 before its first row"));
    if (coordinates.has_spend) {
      file.add_array("spend", ElementType::kFloat64, {"region", "week", "channel"},
                     by_region({chunk_regions, T, C}, "currency", "money spent; 0 where the row is missing"));
    }
    file.add_array("population", ElementType::kFloat64, {"region"}, flat("persons", "population; 0 where not known"));
    file.add_array("observed_cells", ElementType::kInt64, {"region"}, flat("1", "observed weeks of the region"));
  }

  void check(const Panel& block) const {
    const auto refuse = [&](const std::string& problem) {
      throw UserError(text("Can't write '", path.string(), "': a block of the panel ", problem, "."));
    };
    const int64_t next = written + pending.regions;
    if (block.first_region != next) refuse(text("begins at region ", block.first_region, " instead of ", next));
    if (block.regions < 0 || block.regions > regions() - next) {
      refuse(text("holds ", block.regions, " regions where ", regions() - next, " are still to come"));
    }
    const auto R = static_cast<size_t>(block.regions), RT = R * coordinates.weeks.size();
    const size_t RTC = RT * coordinates.channels.size(), RTK = RT * coordinates.controls.size();
    if (block.target_RT.size() != RT || block.observed_RT.size() != RT || block.dark_RT.size() != (has_dark ? RT : 0) ||
        block.media_RTC.size() != RTC || block.controls_RTK.size() != RTK || block.population_R.size() != R ||
        block.spend_RTC.size() != (coordinates.has_spend ? RTC : 0)) {
      refuse("doesn't hold as many values as its regions, weeks, channels and controls ask for");
    }
  }

  /// Region by region, so that the digest doesn't depend on the blocks.
  void digest_region(const Panel& block, size_t r) {
    const size_t T = coordinates.weeks.size(), TC = T * coordinates.channels.size(),
                 TK = T * coordinates.controls.size();
    digest.add_values(std::span(block.target_RT).subspan(r * T, T));
    digest.add_values(std::span(block.observed_RT).subspan(r * T, T));
    if (has_dark) digest.add_values(std::span(block.dark_RT).subspan(r * T, T));
    digest.add_values(std::span(block.media_RTC).subspan(r * TC, TC));
    digest.add_values(std::span(block.controls_RTK).subspan(r * TK, TK));
    digest.add_values(std::span(block.population_R).subspan(r, 1));
    if (coordinates.has_spend) digest.add_values(std::span(block.spend_RTC).subspan(r * TC, TC));
    const auto weeks = std::span(block.observed_RT).subspan(r * T, T);
    observed_cells_R.push_back(std::count_if(weeks.begin(), weeks.end(), [](uint8_t seen) { return seen != 0; }));
    population_R.push_back(block.population_R[r]);
  }

  void write_regions(const Panel& block, int64_t from, int64_t count) {
    const auto T = static_cast<int64_t>(coordinates.weeks.size());
    const auto C = static_cast<int64_t>(coordinates.channels.size());
    const auto K = static_cast<int64_t>(coordinates.controls.size());
    const auto write = [&](const char* name, const auto& values, int64_t region_size, std::vector<int64_t> box) {
      using Element = typename std::decay_t<decltype(values)>::value_type;
      std::vector<int64_t> start(box.size(), 0);
      start[0] = written;
      file.write<Element>(
          name, start, box,
          std::span(values).subspan(static_cast<size_t>(from * region_size), static_cast<size_t>(count * region_size)));
    };
    write("target", block.target_RT, T, {count, T});
    write("observed", block.observed_RT, T, {count, T});
    if (has_dark) write("dark", block.dark_RT, T, {count, T});
    write("media", block.media_RTC, T * C, {count, T, C});
    write("controls", block.controls_RTK, T * K, {count, T, K});
    if (coordinates.has_spend) write("spend", block.spend_RTC, T * C, {count, T, C});
    written += count;
  }

  void flush_pending() {
    const int64_t count = pending.regions;
    const Panel block = std::exchange(pending, Panel{});
    write_regions(block, 0, count);
  }

  /// Moves the block's regions [from, from + count) to those that wait for a whole chunk.
  void keep(const Panel& block, int64_t from, int64_t count) {
    const auto T = static_cast<int64_t>(coordinates.weeks.size());
    const auto copy = [&](auto& to, const auto& values, int64_t size) {
      to.insert(to.end(), values.begin() + from * size, values.begin() + (from + count) * size);
    };
    copy(pending.target_RT, block.target_RT, T);
    copy(pending.observed_RT, block.observed_RT, T);
    if (has_dark) copy(pending.dark_RT, block.dark_RT, T);
    copy(pending.media_RTC, block.media_RTC, T * static_cast<int64_t>(coordinates.channels.size()));
    copy(pending.controls_RTK, block.controls_RTK, T * static_cast<int64_t>(coordinates.controls.size()));
    if (coordinates.has_spend) {
      copy(pending.spend_RTC, block.spend_RTC, T * static_cast<int64_t>(coordinates.channels.size()));
    }
    pending.regions += count;
  }
};

PanelWriter::PanelWriter(const fs::path& path, const PanelCoordinates& coordinates, bool has_dark)
    : state_(std::make_unique<State>(path, coordinates, has_dark)) {
  state_->write_names();
  state_->make_arrays();
}

PanelWriter::~PanelWriter() = default;

void PanelWriter::append(const Panel& block) {
  State& state = *state_;
  state.check(block);
  for (size_t r = 0; r < static_cast<size_t>(block.regions); ++r) state.digest_region(block, r);
  int64_t from = 0;
  if (state.pending.regions > 0) {
    from = std::min(block.regions, state.chunk_regions - state.pending.regions);
    state.keep(block, 0, from);
    if (state.pending.regions == state.chunk_regions) state.flush_pending();
  }
  const int64_t whole = (block.regions - from) / state.chunk_regions * state.chunk_regions;
  if (whole > 0) state.write_regions(block, from, whole);
  state.keep(block, from + whole, block.regions - from - whole);
}

void PanelWriter::finish() {
  State& state = *state_;
  if (state.pending.regions > 0) state.flush_pending();
  if (state.written != state.regions()) {
    throw UserError(text("Can't write '", state.path.string(), "': only ", state.written, " of its ", state.regions(),
                         " regions came."));
  }
  state.file.write<double>("population", {0}, {state.regions()}, state.population_R);
  state.file.write<int64_t>("observed_cells", {0}, {state.regions()}, state.observed_cells_R);
  const std::string checksum = state.digest.hexadecimal();
  state.file.set_attribute("", "checksum", checksum);
  state.file.set_attribute("", "header_sha256", header_digest(state.coordinates, checksum));
  state.file.close();
  state.pending_file.publish();
}

void write_panel_file(const fs::path& path, const Panel& panel) {
  constexpr int64_t kBlockRegions = 256;  // some MiB
  PanelWriter writer(path, panel.coordinates, !panel.dark_RT.empty());
  if (panel.blocks) {
    for (int64_t first = 0; first < panel.regions; first += kBlockRegions)
      writer.append(panel.blocks->read(first, std::min(kBlockRegions, panel.regions - first)));
  } else {
    writer.append(panel);
  }
  writer.finish();
}

}  // namespace dcmmm
