// Between a fit and its checkpoint: every tensor by name with its dimensions, exact to the bit (docs/file-formats.md).
#pragma once

#include <string>

#include "checkpoints/checkpoint_file.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {

/// Everything that resuming and forecasting need; `config` is the resolved YAML. Collective.
Checkpoint make_checkpoint(const Fit& fit, const std::string& config, const std::string& panel_checksum);

/// Puts a prepared fit (same panel, same settings) into the checkpoint's state, bit for bit. The checkpoint must hold
/// this rank's regions; the caller has compared panel checksums. Throws UserError when it belongs to another model.
void restore_fit(const Checkpoint& checkpoint, Fit& fit);

/// What `predict` needs of a checkpoint: scales, parameters, states, without any panel. Of the plain fit alone (E = 1):
/// an ensemble's other members only say how far it may be off.
struct Forecaster {
  Mmm model;
  FitData scales;
  at::Tensor shared_EP, local_ERL;
  TimeState state;
  int64_t weeks = 0;  // of the panel: the first future week's number
  at::Tensor
      last_control_RK;  // the panel's last known controls, carried forward where a future one is missing (float64)
  std::optional<ForecastIntervals> intervals;  // where the run calibrated some
  int64_t held_out = 0;              // the panel's last weeks that weren't trained on: forecasts begin so far off
  at::Tensor has_past_R = {};        // whether the region had a target in any training week
  at::Tensor recent_media_RWC = {};  // the panel's last weeks of media, which missing future rows continue (float64)
};

/// Reads a forecaster from a checkpoint that holds all regions.
Forecaster make_forecaster(const Checkpoint& checkpoint, const ModelOptions& options);

/// Predictions [R, H] (KPI units, of the plain fit) of the H weeks after the panel, from raw media [R, H, C] and
/// controls [R, H, K] (float64).
at::Tensor forecast(const Forecaster& forecaster, const at::Tensor& media_RHC, const at::Tensor& control_RHK);

}  // namespace dcmmm
