// Panels with known truth, region by region: what the model must be able to recover.
// Shapes: R regions of a block, T weeks, C media channels, K controls.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/panel.hpp"

namespace dcmmm {

/// What makes a panel hard to read; one difficulty each. `kSeason` is what there was before the others.
enum class SyntheticKind {
  kClean,        // none: constant coefficients, no channel follows anything
  kSeason,       // the last channel follows the season, coefficients move slowly by 20 %
  kCollinear,    // channels move together in pairs (correlation .9), nationally and in every region
  kRagged,       // rows are missing at regions' first or last weeks and in between
  kHeavyTailed,  // noise is Student-t(3), and each week has a shock that all regions share
  kDrifting,     // coefficients move by 40 % of their mean over 52 to 130 weeks, alike in all regions
};

/// The kind of a name such as "heavy_tailed", and back. Throws UserError that names `synth.kind`.
SyntheticKind synthetic_kind(const std::string& name);
std::string synthetic_kind_name(SyntheticKind kind);

/// Of log spend that follows a graph.
enum class SyntheticNoise { kGaussian, kLaplace, kStudent };

/// The noise of a name such as "student", and back. Throws UserError that names `synth.graph_noise`.
SyntheticNoise synthetic_noise(const std::string& name);
std::string synthetic_noise_name(SyntheticNoise noise);

struct SyntheticOptions {
  SyntheticKind kind = SyntheticKind::kSeason;
  TimeStep step = TimeStep::kWeek;  // or kDay: `weeks` and all else that is said of weeks counts days
  int64_t regions = 190;
  int64_t weeks = 109;
  int64_t channels = 13;
  int64_t controls = 7;
  uint64_t seed = 1;
  double missing_rows = 0.0;  // expected share of rows that the panel misses, at most 0.25; where, is up to the kind
  double noise = 0.04;        // standard deviation of the target's noise, as a share of the region's level
  double media_share = 0.3;   // of the target, all channels together, about
  double exponent_low = 2.0, exponent_high = 3.5;  // Hill exponents are drawn from this range
  double seasonality = 0.1;                        // amplitude, as a share of the region's level
  double region_drift = 0.012;                     // standard deviation of a region's own baseline over 7 days
  double national_drift = 0.01;                    // and of the baseline that all regions share
  int64_t promotions = 0;                          // events of their own, a few days each, about every third month
  bool has_spend = false;                          // whether the panel holds spend, at one price per channel
  // Above 0: spend on the first channel is this share of the region's mean target of the last 4 weeks (times exp(.1
  // N)), and has no effect.
  double demand_following = 0.0;
  // Above 0: log spend follows a graph of so many edges, a share of them a week late (data/synthetic_graph.hpp).
  int64_t graph_edges = 0;
  double graph_lagged = 0.5;
  SyntheticNoise graph_noise = SyntheticNoise::kStudent;
};

/// What the panel was made from. Shares and rois are those of the observed cells, known once all regions were made.
struct SyntheticTruth {
  std::vector<std::string> channels, controls;
  std::vector<double> decay_C;            // of the normalised geometric adstock, per week
  std::vector<double> exponent_C;         // of the Hill curve
  std::vector<double> half_saturation_C;  // adstocked media at half of the effect, as a multiple of the national mean
  std::vector<double> media_unit_C;       // media units per head that such a multiple of 1 stands for, about
  std::vector<double> cost_C;             // currency per media unit; 1 without spend
  // [source, target]: effect of a channel's log media on another one's in the same and in the next week.
  std::vector<double> edges_CC, lagged_edges_CC;
  std::vector<double> persistence_C;    // of log media, where they follow a graph; otherwise empty, as is
  std::vector<double> total_effect_CC;  // [source, target]: where the target's log media settle for a lasting 1 more
  std::vector<double>
      coefficient_TC;  // height of the Hill curve, as a share of the region's level; regions vary around it
  std::vector<std::string> promotions;
  std::vector<double> promotion_effect_P;  // on the target, as a share of the region's level, while it lasts
  std::vector<double> weekday_effect_W;    // the same of each weekday, Monday first; empty unless steps are days
  std::vector<double> control_effect_K;    // on the target, as a share of the region's level
  std::vector<double> contribution_C;      // KPI units, over all observed cells
  std::vector<double> media_C;             // media units, or currency with spend, over all observed cells
  std::vector<double> share_C;             // contribution / target
  std::vector<double> roi_C;               // contribution / media_C
  std::vector<double> slope_C;             // d contribution / d log of all the channel's media, KPI units
  double target = 0.0;                     // sum over observed cells
  double media_share = 0.0;
  int64_t observed_cells = 0;
  // By week, over that week's observed cells: KPI units, media units or currency, squared KPI units, cells.
  std::vector<double> contribution_TC, media_TC, target_T;
  std::vector<double> squared_noise_T;  // (target - what the panel is made from, without noise and shocks)^2
  std::vector<int64_t> cells_T;
  // The same for the last kTruthHoldouts weeks, for a forecast that knows all but noise, shocks and how the baseline
  // moves after the last week before them: squared KPI units.
  std::array<double, 2> squared_forecast_error{};
  // Steady response, weekly per region on average, when every region runs at `kTruthCurveStep * point` times its own
  // mean.
  std::vector<double> response_CP;  // KPI units a week
  std::vector<double> spend_C;      // what a multiple of 1 stands for: media units, or currency, a week
  std::vector<double> range_C;      // the multiple that 95 % of the observed region-weeks stay below
  std::vector<double> height_RC;    // of the regions' curves, in multiples of the nation's; empty for large panels
};

/// Panels of at most so many regions times channels keep the heights of their regions' curves in the truth.
inline constexpr int64_t kTruthHeights = 100'000;
/// Holdouts that the truth has floors for, in weeks.
inline constexpr std::array<int64_t, 2> kTruthHoldouts = {8, 13};
/// Points of a response curve in the truth: multiples 0, 0.1, ..., 4 of each region's mean week.
inline constexpr int64_t kTruthCurvePoints = 41;
inline constexpr double kTruthCurveStep = 0.1;

/// The parts that a block's target is the sum of, in KPI units, before noise; also where a row is missing.
struct TruthBlock {
  std::vector<double> baseline_RT;
  std::vector<double> seasonality_RT;  // with weekdays and promotions
  std::vector<double> controls_RT;
  std::vector<double> media_RTC;
};

/// Names and weeks (Mondays from 2023-01-02, or days from then on) of the panel, weekdays and promotions among the
/// controls as after an import. Throws UserError that names the `synth` key out of range.
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
