// Panels with known truth, region by region: what the model must be able to recover.
// Shapes: R regions of a block, T weeks, C media channels, K controls.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/panel.hpp"

namespace dcmmm {

struct SyntheticOptions {
  int64_t regions = 190;
  int64_t weeks = 109;
  int64_t channels = 13;
  int64_t controls = 7;
  uint64_t seed = 1;
  double missing_rows =
      0.0;              // expected share of rows that the panel misses, at regions' first or last weeks; at most 0.25
  double noise = 0.04;  // standard deviation of the target's noise, as a share of the region's level
  double media_share = 0.3;                        // of the target, all channels together, about
  double exponent_low = 2.0, exponent_high = 3.5;  // Hill exponents are drawn from this range
  double seasonality = 0.1;                        // amplitude, as a share of the region's level
  double region_drift = 0.012;                     // weekly standard deviation of a region's own baseline
  double national_drift = 0.01;                    // and of the baseline that all regions share
  bool has_spend = false;                          // whether the panel holds spend, at one price per channel
};

/// What the panel was made from. Shares and rois are those of the observed cells, known once all regions were made.
struct SyntheticTruth {
  std::vector<std::string> channels, controls;
  std::vector<double> decay_C;            // of the normalised geometric adstock, per week
  std::vector<double> exponent_C;         // of the Hill curve
  std::vector<double> half_saturation_C;  // adstocked media at half of the effect, as a multiple of the national mean
  std::vector<double> media_unit_C;       // media units per head that such a multiple of 1 stands for, about
  std::vector<double> cost_C;             // currency per media unit; 1 without spend
  std::vector<double> edges_CC;  // [source, target]: weight of the same week's effect of a channel on another one
  std::vector<double>
      coefficient_TC;  // height of the Hill curve, as a share of the region's level; regions vary around it
  std::vector<double> control_effect_K;  // on the target, as a share of the region's level
  std::vector<double> contribution_C;    // KPI units, over all observed cells
  std::vector<double> media_C;           // media units, or currency with spend, over all observed cells
  std::vector<double> share_C;           // contribution / target
  std::vector<double> roi_C;             // contribution / media_C
  double target = 0.0;                   // sum over observed cells
  double media_share = 0.0;
  int64_t observed_cells = 0;
};

/// The parts that a block's target is the sum of, in KPI units, before noise; also where a row is missing.
struct TruthBlock {
  std::vector<double> baseline_RT;
  std::vector<double> seasonality_RT;
  std::vector<double> controls_RT;
  std::vector<double> media_RTC;
};

/// Names and weeks (Mondays from 2023-01-02) of the panel. Throws UserError that names the `synth` key out of range.
PanelCoordinates synthetic_coordinates(const SyntheticOptions& options);

/// Makes the panel in blocks of at most `block_regions` regions, in order, and returns its truth. Memory is set by the
/// block. A region depends on the options and its own number only, so not on the size of the block nor on how many
/// regions there are. Every block carries the coordinates.
SyntheticTruth generate_panel(const SyntheticOptions& options,
                              const std::function<void(const Panel& block, const TruthBlock& truth)>& sink,
                              int64_t block_regions = 256);

/// The truth as JSON, with options, units and descriptions: `truth.json` beside a panel file.
std::string truth_json(const SyntheticOptions& options, const SyntheticTruth& truth);

}  // namespace dcmmm
