// A graph of the channels inside the prediction, as the reference package has it (docs/reference.md): a channel's
// response is blended with those of its parents. Shapes: E members, C channels.
#pragma once

#include <ATen/ATen.h>

#include "model/options.hpp"

namespace dcmmm {

/// Weights A [E, C, C] of the edges from row to column, in (0, 1): sigmoid(logit / temperature), 0 where the kind
/// allows no edge (the diagonal; for kTriangular all edges to an earlier channel).
at::Tensor adjacency_weights(const ModelOptions& options, const at::Tensor& logit_ECC);

/// M [E, C, C] such that blended responses are h M: h'_j = (1 - mix_j) h_j + mix_j sum_i h_i A_ij, mix =
/// sigmoid(logit).
at::Tensor mixing_matrix(const at::Tensor& weight_ECC, const at::Tensor& mix_logit_EC);

/// h [E] of NOTEARS (Zheng et al. 2018): tr exp(A o A) - C, 0 where and only where A has no cycle.
at::Tensor acyclicity(const at::Tensor& weight_ECC);

}  // namespace dcmmm
