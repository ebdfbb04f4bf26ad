// One step of the descent: forward and backward over this rank's regions, one all-reduce, clip, update.
// Shapes: E members, R regions of this rank, P shared and L local parameters.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "graph/graph_term.hpp"
#include "model/mmm.hpp"
#include "trainer/optimizer.hpp"
#include "trainer/options.hpp"

namespace dcmmm {

/// All that a step changes.
struct FitState {
  int64_t step = 0;  // steps done
  at::Tensor shared_EP, local_ERL;
  at::Tensor shared_first_EP, shared_second_EP;  // Adam's moments
  at::Tensor local_first_ERL, local_second_ERL;
  std::vector<double> active_E;  // factor on the learning rate: 1, less after steps that weren't finite; 0 once frozen
};

/// What a step saw, the same on every rank.
struct StepReport {
  std::vector<double> loss_E, data_E, deviation_E, region_E, penalty_E;
  std::vector<double>
      gradient_norm_E;  // of the shared gradient, before clipping; NaN where a region's own isn't finite
  double graph = 0;     // the graph's term
  double learning_rate = 0;
  double signals = 0;  // ranks that brought a signal, by the caller's encoding
  struct Seconds {     // of this rank: its slowest thread's chunks, the rest of the sum, the update
    double forward = 0, backward = 0, reduce = 0, update = 0;
  } seconds;

  bool is_finite(int64_t member) const {
    const auto e = static_cast<size_t>(member);
    return std::isfinite(loss_E[e]) && std::isfinite(gradient_norm_E[e]);
  }
};

/// Start of the descent from shared parameters [E, P] (float64) set by the closed form.
FitState make_fit_state(const ParameterLayout& layout, const FitData& data, const at::Tensor& shared_EP);

/// Factors on the learning rate of the shared or of the local parameters, P or L.
std::vector<double> learning_rates(const ParameterLayout& layout, const TrainerOptions& options, bool local);

/// Runs one step in place. `signal` is this rank's own (0: none). `graph`: takes a step along, its sums in the same
/// all-reduce; it has no parameter in common with the model, and neither clips nor freezes a member. A member whose
/// loss or gradient is not finite, on any rank, stays as it is. Collective.
StepReport train_step(const Mmm& model, const FitData& data, const Anchor& anchor, const TrainerOptions& options,
                      const RegionLoop& loop, FitState& state, double signal = 0, GraphTerm* graph = nullptr);

}  // namespace dcmmm
