// A panel in memory: what every region (a DMA) spent, saw and sold in every week.
// Shapes: R regions held by this rank, T weeks, C media channels, K controls. Row-major, last letter fastest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/large_vector.hpp"

namespace dcmmm {

/// The distance between two weeks of the panel (steps may be days, weeks or months).
enum class TimeStep { kDay, kWeek, kMonth };

/// Steps in one year: 365.25, 52.18 or 12.
double seasonal_period(TimeStep step);

/// "days", "weeks" or "months", for messages.
const char* steps_name(TimeStep step);

/// How the names of controls begin that stand for events (data/events.hpp): the last ones of a panel.
inline const std::string kEventPrefix = "event:";
inline bool is_event(const std::string& control) { return control.starts_with(kEventPrefix); }

/// Names of everything along the panel's axes; the same on every rank, whatever regions it holds.
struct PanelCoordinates {
  std::vector<std::string> regions;   // all regions of the panel, in file order
  std::vector<std::string> weeks;     // T labels: ISO dates ("2024-03-25") or integers ("0"), ascending, without gaps
  std::vector<std::string> channels;  // C display names
  std::vector<std::string> controls;  // K display names
  std::vector<std::string> channel_columns;  // C column names as in the source: what `predict` looks for in future rows
  std::vector<std::string> control_columns;  // K column names as in the source
  std::string region_column, time_column, target_column;  // as in the source
  TimeStep step = TimeStep::kWeek;
  bool has_spend = false;     // spend_RTC holds currency; otherwise ROI is per media unit
  std::string source;         // file name of the import's source, or "synthetic"
  std::string source_sha256;  // digest of the source file's bytes

  int64_t events() const { return std::count_if(controls.begin(), controls.end(), is_event); }
};

struct Panel;

/// Where the media, controls and spend of a panel are read from that is too large to be held.
class PanelBlocks {
 public:
  virtual ~PanelBlocks() = default;
  /// `count` regions from `first` on, counted in the whole panel, without the regions' names. Any thread may call it.
  virtual Panel read(int64_t first, int64_t count) const = 0;
};

/// The data of R consecutive regions, `first_region` being the first one's place in `coordinates.regions`.
struct Panel {
  PanelCoordinates coordinates;
  int64_t first_region = 0;
  int64_t regions = 0;            // R, how many regions are held here
  LargeVector<double> target_RT;  // KPI units; 0 where not observed
  LargeVector<uint8_t>
      observed_RT;  // 1 where the row exists and its target is known (of future weeks: where it exists)
  // 1: a row without a target whose media are all 0, which nothing else tells from a missing row; empty: there is none.
  LargeVector<uint8_t> dark_RT = {};
  std::vector<double> media_RTC;     // media units (>= 0); 0 where the row is missing
  std::vector<double> controls_RTK;  // carried forward within the region; 0 before its first row
  std::vector<double> population_R;  // 0 where not known
  std::vector<double> spend_RTC;     // currency; empty unless coordinates.has_spend
  // Null: all is held. Otherwise media, controls and spend are empty here, and RegionBlock or slice_regions reads them;
  // targets may be in a file.
  std::shared_ptr<const PanelBlocks> blocks = nullptr;

  int64_t weeks() const { return static_cast<int64_t>(coordinates.weeks.size()); }
  int64_t channels() const { return static_cast<int64_t>(coordinates.channels.size()); }
  int64_t controls() const { return static_cast<int64_t>(coordinates.controls.size()); }
};

/// All values of some of a panel's regions: those that it holds, or read for the time being. Regions are counted in the
/// panel.
class RegionBlock {
 public:
  RegionBlock(const Panel& panel, int64_t first, int64_t count)
      : read_(panel.blocks ? panel.blocks->read(panel.first_region + first, count) : Panel()),
        panel_(panel.blocks ? read_ : panel),
        first_(panel.blocks ? first : 0) {}
  RegionBlock(const RegionBlock&) = delete;
  RegionBlock& operator=(const RegionBlock&) = delete;

  const double* media_TC(int64_t region) const { return at(panel_.media_RTC, region, panel_.channels()); }
  const double* controls_TK(int64_t region) const { return at(panel_.controls_RTK, region, panel_.controls()); }
  const double* spend_TC(int64_t region) const { return at(panel_.spend_RTC, region, panel_.channels()); }

 private:
  const double* at(const std::vector<double>& values, int64_t region, int64_t width) const {
    return values.data() + (region - first_) * panel_.weeks() * width;
  }

  Panel read_;
  const Panel& panel_;
  int64_t first_;
};

/// A copy of `count` of the panel's regions, `first` counted from its own first one.
Panel slice_regions(const Panel& panel, int64_t first, int64_t count);

/// A copy of the panel's weeks [first, first + count): nothing of the other weeks is left.
Panel slice_weeks(const Panel& panel, int64_t first, int64_t count);

}  // namespace dcmmm
