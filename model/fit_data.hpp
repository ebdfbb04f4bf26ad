// A rank's regions as the model sees them: raw data once, and for each member what differs between fits.
// Shapes: E members, R regions of this rank, T weeks, C channels, K controls.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/panel.hpp"
#include "model/options.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// One member of a batch of fits of one architecture.
struct Member {
  int64_t origin = 0;  // trains on weeks [0, origin)
  uint64_t seed = 0;
};

struct FitData {
  at::ScalarType type = at::kFloat;
  std::vector<Member> members;
  int64_t regions = 0, weeks = 0, channels = 0, controls = 0;
  int64_t events = 0;       // the last of the controls: 0 or 1, neither centred nor scaled
  int64_t all_regions = 0;  // of the panel, over all ranks

  // Raw, shared by the members.
  at::Tensor target_RT, media_RTC, control_RTK;
  at::Tensor control_known_RT;  // 1 from the region's first row on: before it there is nothing to carry forward

  // Fitted on each member's training weeks only.
  at::Tensor target_scale_ER;          // m_r, KPI units (float64)
  at::Tensor inverse_media_scale_ERC;  // scaled units per media unit
  at::Tensor control_mean_ERK, inverse_control_scale_ERK;
  at::Tensor cell_weight_ERT;   // M: 1 on observed training cells, less where Huber's weights say so, else 0
  at::Tensor region_weight_ER;  // w_r, mean 1 over cells; 0 for regions without a usable history
  std::vector<double> cells_E;  // observed training cells over all ranks (n)

  std::vector<std::string>
      notes;  // what a user should know: regions that predict their mean, dead channels (this rank's)

  int64_t member_count() const { return static_cast<int64_t>(members.size()); }
  int64_t last_origin() const;  // weeks that any member trains on

  /// y' = y / m_r of a chunk, [E, n, weeks]; 0 for regions whose mean is 0.
  at::Tensor scaled_target(Chunk chunk, int64_t weeks) const;
  /// z' = clip((z - mean) / (sd + .1 mean sd), -4, 4) of a chunk, [E, n, weeks, K].
  at::Tensor scaled_controls(Chunk chunk, int64_t weeks) const;
};

/// Scales, masks and weights of all members. Collective (national means are sums over ranks).
FitData make_fit_data(const Panel& panel, const std::vector<Member>& members, const ModelOptions& options,
                      at::ScalarType type, const RegionLoop& loop);

/// z' of raw controls [R, T, K] for given means and inverse scales [E, R, K]; `known` [R, T] or undefined.
at::Tensor scale_controls(const at::Tensor& control_RTK, const at::Tensor& known_RT, const at::Tensor& mean_ERK,
                          const at::Tensor& inverse_scale_ERK);

}  // namespace dcmmm
