// The logistic function for kernels that are compiled with -ffast-math.
#pragma once

#include <algorithm>
#include <cmath>

namespace dcmmm::kernels {

/// 1 / (1 + exp(-x)). Fast-math turns the division into a product with an approximate reciprocal, which makes NaN of
/// 1 / infinity; so exp must not overflow, and beyond +-60 the function doesn't change any more.
template <class Real>
[[gnu::always_inline]] inline Real sigmoid(Real value) {
  return Real(1) / (Real(1) + std::exp(-std::min(std::max(value, Real(-60)), Real(60))));
}

}  // namespace dcmmm::kernels
