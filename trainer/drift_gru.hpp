// The GRU that moves the coefficients over time under the likelihood. Shapes: N weeks, T training weeks, I inputs, C
// channels, H hidden units.
#pragma once

#include <ATen/ATen.h>

#include "likelihood/drift_objective.hpp"

namespace dcmmm {

struct DriftGruOptions {
  int64_t hidden = 32;
  int64_t steps = 200;
  double learning_rate = 0.02;
  uint64_t seed = 0;  // of its starting weights
};

struct DriftGruFit {
  RowMatrix path_NC;  // relative deviation of each channel's coefficient, centred over the training weeks
  double first_objective = 0, last_objective = 0;  // before the first step and after the last
};

/// One GRU over time, the same for all regions: its inputs [N, I] are functions of the week, so its path goes on after
/// the training weeks. path = tanh(W o_t + w), centred so that shares stay. Descends (AdamW) on the objective and its
/// prior; the gradient of the path is all-reduced, then every rank takes the same step. Collective.
DriftGruFit train_drift_gru(const DriftObjective& objective, const at::Tensor& inputs_NI,
                            const DriftGruOptions& options);

}  // namespace dcmmm
