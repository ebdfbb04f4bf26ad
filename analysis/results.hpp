// What a fit says about every region and week: predictions and the components that sum to them, in the target's own
// units. Shapes: R regions of a block, T weeks, C channels, K controls.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/panel.hpp"
#include "graph/graph.hpp"
#include "trainer/forecast_interval.hpp"

namespace dcmmm {

/// One point of the model's answer for the regions [first_region, first_region + regions). Components are additive:
/// predicted = baseline + trend + seasonality + sum_k control + sum_c media, in every region and week.
struct ResultBlock {
  int64_t first_region = 0;
  int64_t regions = 0;
  std::vector<double> predicted_RT, baseline_RT, trend_RT, seasonality_RT;  // KPI units
  std::vector<double> control_RTK, media_RTC;                               // KPI units
  std::vector<double> coefficient_RTC;     // KPI units a week at full saturation (beta m_r)
  std::vector<double> target_scale_R;      // m_r: the region's size, KPI units
  std::vector<double> media_scale_RC;      // media units a week that one scaled unit x' = 1 stands for
  std::vector<double> scale_factor_R;      // 1 + s_r on the shared temporal patterns
  std::vector<double> baseline_level_R;    // the level the baseline returns to, KPI units
  std::vector<double> lower_RT, upper_RT;  // 90 % interval of the prediction, KPI units; NaN where there is none
  std::vector<double> noise_scale_R;   // of the region's own forecast errors (ForecastIntervals::scale_R), KPI units
  std::vector<double> sample_scale_R;  // root mean square of the errors in training weeks, KPI units
};

/// What else the channels' figures may be: draws from an ensemble, or from a posterior. Intervals of any level are
/// computed from them at export. D draws, a row each; without an ensemble D is 0.
struct ChannelDraws {
  int64_t count = 0;                    // D
  std::vector<double> contribution_DC;  // sum over all regions and weeks of the panel, KPI units
  std::vector<double> coefficient_DC;   // KPI units a week at full saturation: mean over each region's observed weeks,
                                        // then over regions
  std::vector<double> decay_DC, exponent_DC, half_saturation_DC;  // as in SharedResults
};

/// What is shared by all regions.
struct SharedResults {
  std::vector<double> decay_C;            // adstock decay a week, in (0, 1)
  std::vector<double> exponent_C;         // Hill exponent
  std::vector<double> half_saturation_C;  // in scaled units x'
  std::vector<double> peak_C;             // weeks until the carry-over peaks; NaN where it is geometric
  std::vector<double>
      frequency_control_C;  // the control that is the channel's frequency, whose curve it then is; -1: none
  std::string adstock_kind = "geometric";  // or "delayed", or "mixed" where channels differ
  std::string saturation_kind = "hill";    // or "none": responses are linear, exponent and half-saturation are NaN
  int64_t max_lag = 13;                    // weeks that a delayed carry-over lasts
  int64_t origin = 0;                      // first holdout week; weeks [0, origin) are training weeks
  int64_t holdout_weeks = 0;               // weeks [origin, origin + holdout_weeks) are the holdout
  std::string panel_checksum;              // of the panel file that was fitted (PanelFile::checksum)
  ChannelDraws draws;
  // The gate's verdict (likelihood/gate.hpp); empty: not asked.
  std::vector<double> follows_demand_C;  // 1: the channel's effect isn't identified
  std::vector<double> local_slope_C;     // of the target on the channel within regions
  bool is_identified(std::size_t channel) const { return follows_demand_C.empty() || follows_demand_C[channel] == 0; }
  bool has_frequency(std::size_t channel) const {
    return !frequency_control_C.empty() && frequency_control_C[channel] >= 0;
  }
  /// Whether the response is linear in the channel's media: without curves, or where the curve is the frequency's.
  bool is_linear(std::size_t channel) const { return saturation_kind == "none" || has_frequency(channel); }
  Graph graph;                  // of the channels; empty: not asked
  ForecastIntervals intervals;  // without scale_R, which blocks hold as noise_scale_R
  // Where the likelihood estimated them, else 0: sds of the regions' relative differences in their response to media,
  // and of a coefficient's relative drift in a week.
  double response_sd = 0, drift_sd = 0;
};

}  // namespace dcmmm
