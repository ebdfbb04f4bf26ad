// Points that fill the unit cube evenly.
#pragma once

#include <cstdint>
#include <vector>

namespace dcmmm {

/// LibTorch's engine knows the directions of so many dimensions.
inline constexpr int64_t kSobolDimensions = 21201;

/// Point `number` (from 0) of LibTorch's Sobol sequence (Joe and Kuo 2008), scrambled by a linear matrix and a digital
/// shift that follow from `seed` (Owen 1998; Matousek 1998). In [0, 1).
/// REQUIRES: 1 <= dimensions <= kSobolDimensions.
std::vector<double> sobol_point(uint64_t seed, int64_t number, int64_t dimensions);

}  // namespace dcmmm
