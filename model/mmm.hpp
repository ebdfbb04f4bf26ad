// DeepCausalMMM on one rank: from parameters to effects, loss and forecasts (docs/model.md).
// Shapes: E members, R (or n) regions of a chunk, T weeks, C channels, K controls, S patterns, P/L shared/local
// parameters, H hidden units, F = C + K + S linear terms.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/fit_data.hpp"
#include "model/operations.hpp"
#include "model/options.hpp"
#include "model/parameters.hpp"

namespace dcmmm {

/// What the fit learned, beside the parameters: set by the closed form, kept through the descent, stored in
/// checkpoints.
struct Anchor {
  at::Tensor prior_center_EP;      // where the priors pull the shared parameters (float64)
  at::Tensor ridge_metric_EF;      // diagonal of the closed form's A, per linear term (float64)
  at::Tensor ridge_center_EF;      // where the ridge pulls the linear terms (float64)
  std::vector<double> variance_E;  // s2: weighted variance left by the closed form
  // Of data.lifts, E x X: the standard deviation of the measurement, with what the regions' own coefficients add; 0: it
  // doesn't count. And what the closed form says of the lift without any measurement, with its standard deviation.
  std::vector<double> lift_sd_EX, panel_lift_EX, panel_lift_sd_EX;

  /// Some members alone; the tensors share their memory with this.
  Anchor only(int64_t first, int64_t count) const;
};

/// States of everything that runs on in time, after the last week of the panel.
struct TimeState {
  at::Tensor adstock_ERC;
  at::Tensor media_ERLC;   // x' of the last max_lag - 1 weeks of the delayed channels; undefined without these
  at::Tensor gru_ERH;      // undefined without GRU
  at::Tensor baseline_ER;  // in units of m_r
  at::Tensor level_ER;     // what the baseline returns to
};

/// The terms of f of a chunk, in units of m_r.
struct Effects {
  at::Tensor response_ERTC;   // Hill-transformed adstock
  at::Tensor deviation_ERTC;  // the GRU's move of the coefficients' logs; undefined without GRU
  at::Tensor media_ERT;       // summed over channels
  at::Tensor control_ERT, pattern_ERT;
  at::Tensor adstock_out_ERC, media_out_ERLC, gru_out_ERH;
  at::Tensor total() const { return media_ERT + control_ERT + pattern_ERT; }
};

/// Measured lifts as they enter a loss whose part of them is no sum over regions: their values at the step's start
/// tell each region's slope.
struct LiftPull {
  at::Tensor slope_EX;  // d loss / d lift
  at::Tensor loss_E;    // squares of (lift - measured) / sd, halved, tempered as the priors are

  /// Some members alone; the tensors share their memory with this.
  LiftPull only(int64_t first, int64_t count) const {
    return {slope_EX.narrow(0, first, count), loss_E.narrow(0, first, count)};
  }
};

/// Loss of a chunk, per member; `total` carries the gradient, all terms divided by global counts.
struct ChunkLoss {
  at::Tensor total_E;
  at::Tensor data_E, deviation_E, region_E;  // its terms, detached
};

class Mmm {
 public:
  Mmm(const ModelOptions& options, double seasonal_period, int64_t channels, int64_t controls, int64_t events = 0);

  const ParameterLayout& layout() const { return layout_; }
  const ModelOptions& options() const { return options_; }
  double seasonal_period() const { return seasonal_period_; }

  /// Terms of f over the first `weeks` weeks of a chunk. shared [E, P]; local [E, n, L] of the chunk.
  Effects effects(const FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_EnL, Chunk chunk,
                  int64_t weeks) const;

  /// The same over future weeks from states: raw media and controls [n, T, .] of weeks first_week, first_week + 1, ...
  Effects future_effects(const FitData& scales, const at::Tensor& shared_EP, const at::Tensor& local_EnL,
                         const TimeState& state, const at::Tensor& media_nTC, const at::Tensor& control_nTK,
                         Chunk chunk, int64_t first_week) const;

  /// Data term with the baseline profiled out, the penalty of the GRU's deviations, and the priors of the region
  /// effects. With `pull`, `total` has the measured lifts' gradient, too (not their value, which is in the pull);
  /// `first_region` is this rank's.
  ChunkLoss chunk_loss(const FitData& data, const Anchor& anchor, const at::Tensor& shared_EP,
                       const at::Tensor& local_EnL, Chunk chunk, const LiftPull* pull = nullptr,
                       int64_t first_region = 0) const;

  /// What data.lifts come to, [E, X] in KPI units (float64), of a chunk's regions, for given effects.
  at::Tensor lifts(const FitData& data, const Effects& effect, const at::Tensor& shared_EP, const at::Tensor& local_EnL,
                   Chunk chunk, int64_t first_region) const;

  /// The same of all regions, E x X. Collective.
  std::vector<double> all_lifts(const FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_ERL,
                                const RegionLoop& loop) const;

  /// How data.lifts pull at these parameters. Collective.
  LiftPull lift_pull(const FitData& data, const Anchor& anchor, const at::Tensor& shared_EP,
                     const at::Tensor& local_ERL, const RegionLoop& loop) const;

  /// Sets controls of a known sign that went past 0 back to it.
  void keep_signs(at::Tensor& shared_EP) const;

  /// Priors and ridge of the shared parameters, per member; the same on every rank, so it is added once, after the
  /// reduce.
  at::Tensor shared_penalty(const FitData& data, const Anchor& anchor, const at::Tensor& shared_EP) const;

  /// First phase: sets coefficient means, controls and patterns of `shared` (float64) by the closed form for its
  /// curves, and returns the anchor. Collective.
  Anchor closed_form(const FitData& data, at::Tensor& shared_EP, const RegionLoop& loop) const;

  /// y' - f - b of all the rank's regions over the training weeks, [E, R, T], in units of m_r.
  at::Tensor residuals(const FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_ERL,
                       const RegionLoop& loop) const;

  /// Huber: cell weights min(1, delta sd / |residual|) with a robust sd over all cells of all ranks. Where a residual
  /// isn't finite the weight stays. Collective.
  void refresh_cell_weights(FitData& data, const at::Tensor& residual_ERT, const RegionLoop& loop) const;

  /// Baselines of a chunk over all weeks for given effects.
  Baseline baseline(const FitData& data, const at::Tensor& total_EnT, Chunk chunk) const;

  /// decay, exponent and log half-saturation [E, C] of shared parameters; the peak [E, D] of the D delayed channels in
  /// weeks, undefined without these; the blend of the channels' responses, undefined without adjacency.
  struct Curves {
    at::Tensor decay_EC, exponent_EC, log_half_EC, peak_ED, mixing_ECC;
  };
  Curves curves(const at::Tensor& shared_EP) const;

  /// Carry-over, saturation and what channels pass on to each other: h of raw media [n, T, C], linear in the
  /// carried-over media without model.hill, and its states after the last week. `frequency` [n, T, F] is that of the F
  /// channels of options().frequencies (FitData::frequency), whose curve it is; undefined without any.
  struct Response {
    at::Tensor response_ERTC, adstock_out_ERC, media_out_ERLC;
  };
  Response respond(const at::Tensor& media_nTC, const at::Tensor& frequency_nTF, const at::Tensor& inverse_scale_EnC,
                   const Curves& curve, const at::Tensor& adstock_EnC = {}, const at::Tensor& media_EnLC = {}) const;

 private:
  // Lifts as rows of the closed form: times coefficients they give the lift; and the sum over regions of the square of
  // the tested channel's part.
  struct LiftRows {
    std::vector<double> row_EXC, square_EX;
  };
  LiftRows lift_rows(const FitData& data, const at::Tensor& shared_EP, const RegionLoop& loop) const;
  at::Tensor lift_responses(const FitData& data, const Curves& curve, const at::Tensor& response_ERTC, size_t place,
                            const at::Tensor& rows, Chunk chunk) const;
  Response respond_alone(const at::Tensor& media_nTC, const at::Tensor& frequency_nTF,
                         const at::Tensor& inverse_scale_EnC, const Curves& curve, const at::Tensor& adstock_EnC,
                         const at::Tensor& media_EnLC) const;
  Effects run(const FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_EnL,
              const at::Tensor& media_nTC, const at::Tensor& frequency_nTF, const at::Tensor& controls_EnTK,
              const at::Tensor& patterns_TS, const TimeState* state, Chunk chunk, int64_t first_week) const;

  ModelOptions options_;
  double seasonal_period_;
  ParameterLayout layout_;
};

}  // namespace dcmmm
