// One row of model/penalty_table.hpp: plain numbers, which a GPU's update reads as they are.
#pragma once

#include <cstdint>

namespace dcmmm {

/// What is added to the loss for one parameter x, with theta = softplus(x) where `is_log`, else x:
/// prior (x - center)^2 + ridge (theta - ridge_center)^2 + l1 |theta|.
struct ParameterPenalty {
  double prior = 0, center = 0, ridge = 0, ridge_center = 0, l1 = 0;
  int64_t is_log = 0;
};

}  // namespace dcmmm
