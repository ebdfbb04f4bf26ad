// A rank's regions as the likelihood sees them: scaled by their training weeks.
// Shapes: R regions of this rank, T weeks, C channels, K controls, S temporal patterns.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/large_vector.hpp"
#include "data/experiments.hpp"
#include "likelihood/carry_over.hpp"

namespace dcmmm {

inline constexpr double kWeeksOfYear = 52.18;

/// Sums over a panel's observed training cells.
struct PanelTotals {
  std::vector<char> off_C;
  std::vector<double> spend_C;
  double total_target = 0;
};

struct LikelihoodData {
  int64_t regions = 0, weeks = 0, origin = 0;  // trains on weeks [0, origin)
  int64_t channels = 0, controls = 0, patterns = 0;
  int64_t events = 0;                 // the last of the controls
  double year = kWeeksOfYear;         // steps of the panel in a year
  LargeVector<double> target_RT;      // y / m_r; anything where not observed
  LargeVector<double> weight_RT;      // 1 on observed training cells, less where Huber's weights say so, else 0
  LargeVector<float> media_RTC;       // x', all weeks
  LargeVector<float> control_RTK;     // z', all weeks
  LargeVector<float> frequency_RTC;   // of channels with reach and frequency, kFrequencyUnit; empty: there are none
  std::vector<char> has_frequency_C;  // 1: the channel is one of those; empty: none is
  std::vector<double> pattern_TS;     // all weeks
  std::vector<double> size_R;         // m_r, KPI units; 0: no usable history
  std::vector<double> log_size_R;     // log(m_r / mean of m_r)
  std::vector<double> error_scale_R;  // scale of a region's errors and of its level's, geometric mean 1
  double total_target = 0;            // sum of y over observed training cells of all ranks, KPI units
  bool has_guesses = false;           // some media are guesses (model/missing_media.hpp); the same on every rank
  LargeVector<uint8_t> has_row_RT;    // where there are guesses: 0: the cell's media are one
  std::vector<char> off_C;            // 1: no media in any region's training cells, so no effect; empty: none is off
  std::vector<double> spend_C;        // the same of the channels' spend, currency; empty where it isn't known

  std::vector<Experiment> experiments;  // with weeks in [0, origin); the same on every rank

  bool has_region_spend = false;  // the same on every rank
  std::vector<double> spend_RC;   // spend by region; empty without it

  // While curves, effects and scales are found with a sample (counted_regions.hpp): off_C, spend_C and total_target are
  // those of its regions. The same on every rank but counted_R.
  bool on_sample = false;
  std::vector<char> counted_R;       // 0: without the region
  std::optional<PanelTotals> whole;  // of all regions

  bool is_usable(int64_t region) const { return size_R[static_cast<size_t>(region)] > 0; }
  bool counts(int64_t region) const {
    return is_usable(region) && (!on_sample || counted_R[static_cast<size_t>(region)] != 0);
  }
  bool is_off(int64_t channel) const { return !off_C.empty() && off_C[static_cast<size_t>(channel)] != 0; }
  ChannelMedia media_of(int64_t region, int64_t channel) const {
    const int64_t place = region * weeks * channels + channel;
    const bool has_frequency = !has_frequency_C.empty() && has_frequency_C[static_cast<size_t>(channel)] != 0;
    return {media_RTC.data() + place, channels, is_off(channel),
            has_frequency ? frequency_RTC.data() + place : nullptr};
  }
};

}  // namespace dcmmm
