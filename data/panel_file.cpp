// Shapes: R regions, T weeks, C media channels, K controls.
#include "data/panel_file.hpp"

#include <algorithm>
#include <mutex>
#include <type_traits>
#include <utility>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/array_file.hpp"
#include "data/panel_file_layout.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// What came before: the same without a seal.
constexpr int64_t kUnsealedFormatVersion = 1;
constexpr int64_t kBlockRegions = 1024;  // of targets that are read at once

}  // namespace

struct PanelFile::State {
  ArrayFile file;
  PanelCoordinates coordinates;
  std::vector<int64_t> observed_cells_R;
  std::string checksum;

  [[noreturn]] void fail(const std::string& problem) const {
    throw DamagedFileError(text("Can't read the panel file '", file.path().string(), "': ", problem,
                                ". Import its data again (`dcmmm import`), or use another copy of the file."));
  }

  void check_kind() const {
    const std::string kind = file.has_attribute("", "file_kind") ? file.text_attribute("", "file_kind") : "";
    if (kind.empty()) fail("it is not a file of dcmmm");
    if (kind != kPanelFileKind) {
      throw UserError(text("'", file.path().string(), "' is a ", kind,
                           " file, not a panel. Give the file that `dcmmm import` or `dcmmm synth` wrote."));
    }
    const int64_t version = file.integer_attribute("", "format_version");
    if (version == kPanelFormatVersion && !file.is_sealed()) fail("the seal at its beginning was altered");
    if (version != kPanelFormatVersion && version != kUnsealedFormatVersion) {
      throw UserError(text("The panel file '", file.path().string(), "' has format version ", version,
                           "; this program reads versions ", kUnsealedFormatVersion, " and ", kPanelFormatVersion,
                           ". Import its data again with this program, or use the program that wrote it."));
    }
  }

  void read_names() {
    coordinates.regions = file.labels("region");
    coordinates.weeks = file.labels("week");
    coordinates.channels = file.labels("channel");
    coordinates.controls = file.labels("control");
    coordinates.channel_columns = file.labels("channel_column");
    coordinates.control_columns = file.labels("control_column");
    coordinates.region_column = file.text_attribute("", "region_column");
    coordinates.time_column = file.text_attribute("", "time_column");
    coordinates.target_column = file.text_attribute("", "target_column");
    const std::string step = file.text_attribute("", "time_step");
    const auto known = std::find(kTimeStepNames.begin(), kTimeStepNames.end(), step);
    if (known == kTimeStepNames.end()) fail(text("its time step is '", step, "' instead of day, week or month"));
    coordinates.step = static_cast<TimeStep>(known - kTimeStepNames.begin());
    coordinates.has_spend = file.has_array("spend");
    coordinates.source = file.text_attribute("", "source");
    coordinates.source_sha256 = file.text_attribute("", "source_sha256");
    checksum = file.text_attribute("", "checksum");
    if (file.text_attribute("", "header_sha256") != header_digest(coordinates, checksum)) {
      fail("its names and labels were altered after it was written");
    }
  }

  void check_array(const std::string& name, ElementType type, const std::vector<std::string>& dimensions) const {
    if (!file.has_array(name)) fail(text("the array '", name, "' is missing"));
    if (file.element_type(name) != type || file.dimensions(name) != dimensions) {
      fail(text("the array '", name, "' should stand on ", join(dimensions, " x "), ", but has another type or shape"));
    }
    for (const auto& dimension : dimensions) {
      // An array's own shape is what is read; HDF5 doesn't tie it to the scales' lengths.
      const auto axis = static_cast<size_t>(&dimension - dimensions.data());
      if (file.shape(name)[axis] != file.dimension_length(dimension)) {
        fail(text("the array '", name, "' has ", file.shape(name)[axis], " elements along ", dimension, " instead of ",
                  file.dimension_length(dimension)));
      }
    }
  }
};

PanelFile::PanelFile(const fs::path& path) : state_(new State{ArrayFile::open(path), {}, {}, {}}) {
  State& state = *state_;
  state.check_kind();
  state.read_names();
  state.check_array("target", ElementType::kFloat64, {"region", "week"});
  state.check_array("observed", ElementType::kUInt8, {"region", "week"});
  if (state.file.has_array("dark")) state.check_array("dark", ElementType::kUInt8, {"region", "week"});
  state.check_array("media", ElementType::kFloat64, {"region", "week", "channel"});
  state.check_array("controls", ElementType::kFloat64, {"region", "week", "control"});
  if (state.coordinates.has_spend) {
    state.check_array("spend", ElementType::kFloat64, {"region", "week", "channel"});
  }
  state.check_array("population", ElementType::kFloat64, {"region"});
  state.check_array("observed_cells", ElementType::kInt64, {"region"});
  state.observed_cells_R = state.file.read<int64_t>("observed_cells");
}

PanelFile::~PanelFile() = default;
PanelFile::PanelFile(PanelFile&&) noexcept = default;

const PanelCoordinates& PanelFile::coordinates() const { return state_->coordinates; }
const std::vector<int64_t>& PanelFile::observed_cells() const { return state_->observed_cells_R; }
const std::string& PanelFile::checksum() const { return state_->checksum; }

// HDF5 is read by one thread at a time.
class FileBlocks final : public PanelBlocks {
 public:
  explicit FileBlocks(const fs::path& path) : file_(path), names_(file_.coordinates()) { names_.regions.clear(); }

  Panel read(int64_t first, int64_t count) const override {
    const std::lock_guard lock(mutex_);
    const LargeArraysOnHeap on_heap;  // gone before the system would write them
    return file_.read_all(first, count, names_);
  }
  Panel targets(int64_t first, int64_t count) const { return file_.read_targets(first, count, file_.coordinates()); }

 private:
  PanelFile file_;
  PanelCoordinates names_;
  mutable std::mutex mutex_;
};

Panel PanelFile::read_targets(int64_t first, int64_t count, const PanelCoordinates& names) const {
  const ArrayFile& file = state_->file;
  const auto R = static_cast<int64_t>(state_->coordinates.regions.size());
  if (first < 0 || count < 0 || first > R || count > R - first) {
    throw UserError(text("Regions ", first, " to ", first + count, " of '", file.path().string(),
                         "' were asked for; it has ", R, "."));
  }
  Panel panel;
  panel.coordinates = names;
  panel.first_region = first;
  panel.regions = count;
  const auto T = panel.weeks();
  panel.target_RT.reserve(static_cast<size_t>(count * T));
  panel.observed_RT.reserve(static_cast<size_t>(count * T));
  const bool has_dark = file.has_array("dark");
  if (has_dark) panel.dark_RT.reserve(static_cast<size_t>(count * T));
  const auto share = [&](int64_t region) { return static_cast<double>(region) / static_cast<double>(count); };
  for (int64_t done = 0; done < count; done += kBlockRegions) {
    const int64_t regions = std::min(kBlockRegions, count - done);
    const auto append = [&](auto& to, const char* name) {
      using Element = typename std::decay_t<decltype(to)>::value_type;
      const std::vector<Element> block = file.read<Element>(name, {first + done, 0}, {regions, T});
      to.insert(to.end(), block.begin(), block.end());
    };
    append(panel.target_RT, "target");
    append(panel.observed_RT, "observed");
    if (has_dark) append(panel.dark_RT, "dark");
    if (count > kBlockRegions) release_large_arrays(share(done), share(done + regions));  // else a block, soon gone
  }
  panel.population_R = file.read<double>("population", {first}, {count});
  return panel;
}

Panel PanelFile::read(int64_t first, int64_t count) const { return read_all(first, count, state_->coordinates); }

Panel PanelFile::read_all(int64_t first, int64_t count, const PanelCoordinates& names) const {
  Panel panel = read_targets(first, count, names);
  const ArrayFile& file = state_->file;
  const int64_t T = panel.weeks(), C = panel.channels(), K = panel.controls();
  panel.media_RTC = file.read<double>("media", {first, 0, 0}, {count, T, C});
  panel.controls_RTK = file.read<double>("controls", {first, 0, 0}, {count, T, K});
  if (panel.coordinates.has_spend) panel.spend_RTC = file.read<double>("spend", {first, 0, 0}, {count, T, C});
  return panel;
}

Panel PanelFile::read_in_blocks(const fs::path& path, int64_t first, int64_t count) {
  auto blocks = std::make_shared<const FileBlocks>(path);
  Panel panel = blocks->targets(first, count);
  panel.blocks = std::move(blocks);
  return panel;
}

}  // namespace dcmmm
