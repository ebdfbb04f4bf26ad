// AdamW over a flat buffer in one pass (Loshchilov and Hutter 2019), with a learning rate for each member and
// parameter.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace dcmmm {

struct AdamW {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.0;

  /// Updates `parameters` in place. parameters, gradient, first and second moment: [E, ..., P] of one floating type,
  /// contiguous; rate_E: the step's learning rate of each member (0 leaves the member as it is, moments included);
  /// rate_multiple_P along the last axis; `step` counts from 1.
  void update(at::Tensor& parameters, const at::Tensor& gradient, at::Tensor& first_moment, at::Tensor& second_moment,
              const std::vector<double>& rate_E, const std::vector<double>& rate_multiple_P, int64_t step) const;
};

/// Share of the learning rate at a step (from 0): linear warm-up, then cosine from 1 to `last`.
double schedule(int64_t step, int64_t steps, int64_t warmup_steps, double last);

}  // namespace dcmmm
