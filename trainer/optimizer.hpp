// AdamW over a flat buffer (Loshchilov and Hutter 2019), with a learning rate for each member and parameter; the
// gradient is clipped on the way.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace dcmmm {

struct AdamW {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double clip = std::numeric_limits<double>::infinity();  // the largest norm of a row's gradient

  /// Updates `parameters` in place. parameters, gradient, first and second moment: [E, ..., P] of one floating type
  /// (the gradient's may be double besides), contiguous. A row (last axis) whose gradient is longer than `clip` is
  /// taken as that long. rate_E: the step's learning rate of each member (0 leaves the member as it is, moments
  /// included), decay_E its weight decay; rate_multiple_P along the last axis; `step` counts from 1.
  void update(at::Tensor& parameters, const at::Tensor& gradient, at::Tensor& first_moment, at::Tensor& second_moment,
              const std::vector<double>& rate_E, const std::vector<double>& decay_E,
              const std::vector<double>& rate_multiple_P, int64_t step) const;
};

/// Share of the learning rate at a step (from 0): linear warm-up, then cosine from 1 to `last`.
double schedule(int64_t step, int64_t steps, int64_t warmup_steps, double last);

}  // namespace dcmmm
