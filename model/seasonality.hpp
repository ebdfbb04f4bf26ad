// Shared temporal patterns: the yearly season's harmonics, and a linear trend when asked for.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "model/options.hpp"

namespace dcmmm {

/// Columns of the pattern matrix: sine and cosine of each harmonic, then the trend.
int64_t pattern_count(const ModelOptions& options);

/// Patterns [T, S] (float64) of the weeks first_week ... first_week + weeks - 1, counted from the panel's first week;
/// `period` steps make a year. The trend is in years from the panel's start.
at::Tensor temporal_patterns(const ModelOptions& options, double period, int64_t first_week, int64_t weeks);

/// Sum over patterns of coefficients [E, n, S] times patterns [T, S], [E, n, T]: in the patterns' order, whatever n,
/// which a matrix product doesn't promise.
at::Tensor sum_of_patterns(const at::Tensor& coefficient_EnS, const at::Tensor& patterns_TS);

}  // namespace dcmmm
