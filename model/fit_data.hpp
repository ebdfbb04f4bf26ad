// A rank's regions as the model sees them: raw data once, and for each member what differs between fits.
// Shapes: E members, R regions of this rank, T weeks, C channels, K controls.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/panel.hpp"
#include "model/lifts.hpp"
#include "model/options.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// One member of a batch of fits of one architecture: what may differ between members. Settings default to those of
/// ModelOptions, where they are explained.
struct Member {
  int64_t origin = 0;  // trains on weeks [0, origin)
  uint64_t seed = 0;   // of the GRU's starting weights

  double stiffness = ModelOptions().stiffness, persistence = ModelOptions().persistence;
  double size_power = ModelOptions().size_power;
  double huber_delta = ModelOptions().huber_delta;
  double weight_decay = 0;  // of the descent
  double ridge = ModelOptions().ridge, ridge_controls = ModelOptions().ridge_controls,
         ridge_media = ModelOptions().ridge_media, ridge_patterns = ModelOptions().ridge_patterns;
  // Where the curves start and their priors are centred.
  double decay = ModelOptions().decay, exponent = ModelOptions().exponent,
         half_saturation = ModelOptions().half_saturation;
  bool media = ModelOptions().media, controls = ModelOptions().controls;  // whether they have effects
  bool share_of_voice = ModelOptions().share_of_voice;
  MediaUnit media_unit = ModelOptions().media_unit;
  std::vector<FrequencyOf> frequencies = {};  // the same for all members
  double size_offset = ModelOptions().size_offset;
  double media_prior = 0;       // the ridge pulls the media towards this share of the target, in equal parts
  uint64_t bootstrap_seed = 0;  // of random weights of regions and of blocks of weeks; 0: every cell counts once
};

/// A member with the settings of `options`.
Member member_of(const ModelOptions& options, int64_t origin, uint64_t seed);

struct FitData {
  at::ScalarType type = at::kFloat;
  std::vector<Member> members;
  int64_t regions = 0, weeks = 0, channels = 0, controls = 0;
  int64_t events = 0;       // the last of the controls: 0 or 1, neither centred nor scaled
  int64_t all_regions = 0;  // of the panel, over all ranks

  // Raw, shared by the members. Media and controls of a panel that is read in blocks are float32 whatever `type` is.
  at::Tensor target_RT, media_RTC, control_RTK;
  std::vector<FrequencyOf> frequencies;  // F channels with reach and frequency; these controls have no effect of theirs
  at::Tensor control_known_RT;  // 1 from the region's first row on: before it there is nothing to carry forward

  // Fitted on each member's training weeks only.
  at::Tensor target_scale_ER;  // m_r, the region's size: its mean target, less the member's offset; KPI units (float64)
  at::Tensor inverse_media_scale_ERC;  // scaled units per media unit
  at::Tensor control_mean_ERK, inverse_control_scale_ERK;
  at::Tensor cell_weight_ERT;   // M: 1 on observed training cells, less where Huber's weights say so, else 0
  at::Tensor region_weight_ER;  // w_r, mean 1 over usable cells; 0 for regions without a usable history
  at::Tensor week_weight_ET;    // of the bootstrap's blocks of weeks, on top of Huber's; undefined without a bootstrap
  at::Tensor stiffness_ER;      // of each region's baseline (float64)
  std::vector<double> persistence_E;
  std::vector<LiftObservation> lifts;  // what was measured of contributions, beside the cells
  at::Tensor national_EN;  // level that all regions share, in units of m_r, over the panel's weeks and some after them;
                           // undefined: 0
  at::Tensor drift_ENC;    // added to the coefficients' inverse softplus, alike in all regions; undefined: 0
  std::vector<double> cells_E;  // observed training cells of usable regions over all ranks (n); 1 at the least
  std::vector<double> national_target_scale_E;  // mean target over usable regions, KPI units; 0: there are none

  int64_t member_count() const { return static_cast<int64_t>(members.size()); }
  int64_t last_origin() const;  // weeks that any member trains on

  /// Some members alone; the tensors share their memory with this.
  FitData only(int64_t first, int64_t count = 1) const;

  /// Raw media of a chunk's first weeks, [n, weeks, C].
  at::Tensor media(Chunk chunk, int64_t weeks) const;
  /// Frequencies in units of kFrequencyUnit, [n, weeks, F]; undefined without any.
  at::Tensor frequency(Chunk chunk, int64_t weeks) const;
  /// The same of raw controls [n, T, K].
  at::Tensor frequency_of(const at::Tensor& control_nTK) const;
  /// y' = y / m_r of a chunk, [E, n, weeks]; 0 for regions whose mean is 0.
  at::Tensor scaled_target(Chunk chunk, int64_t weeks) const;
  /// z' = clip((z - mean) / (sd + .1 mean sd), -4, 4) of a chunk, [E, n, weeks, K].
  at::Tensor scaled_controls(Chunk chunk, int64_t weeks) const;
};

/// Scales, masks and weights of all members. Media are measured in their member's unit; population needs one of every
/// region. `notes` gets what a user should know: regions that predict their mean, dead channels (this rank's).
/// Collective (national means are sums over ranks).
FitData make_fit_data(const Panel& panel, const std::vector<Member>& members, at::ScalarType type,
                      const RegionLoop& loop, std::vector<std::string>* notes = nullptr);

/// z' of raw controls [R, T, K] for given means and inverse scales [E, R, K]; `known` [R, T] or undefined.
at::Tensor scale_controls(const at::Tensor& control_RTK, const at::Tensor& known_RT, const at::Tensor& mean_ERK,
                          const at::Tensor& inverse_scale_ERK);

}  // namespace dcmmm
