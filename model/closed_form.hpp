// The first phase: all that is linear, solved exactly. Generalised least squares with the baseline profiled out,
// effects of media non-negative. Shapes: F = C + K + S linear terms (media responses, controls, patterns), row-major.
#pragma once

#include <cstdint>
#include <vector>

namespace dcmmm {

/// A coefficient that the closed form puts at zero starts here: softplus can't reach zero. Small enough that it is zero
/// in every table (a thousandth of a percent of the target, whatever constant the target holds), large enough for
/// float32: its slope keeps all digits there, and softplus itself, as log(1 + exp(v)) (kernels/media_block.hpp), two of
/// them.
inline constexpr double kCoefficientFloor = 1e-5;

/// min over theta of theta'A theta / 2 - b'theta with theta_i >= 0 for the first `non_negative` terms: the active-set
/// method of Lawson and Hanson 1974 (chapter 23) on the normal equations. A is symmetric positive definite, F x F.
/// Throws NumericalError when A isn't positive definite.
std::vector<double> solve_non_negative(const std::vector<double>& matrix_FF, const std::vector<double>& right_F,
                                       int64_t non_negative);

/// The same with a sign for each term: 1 (never below 0), -1 (never above) or 0 (free).
std::vector<double> solve_signed(const std::vector<double>& matrix_FF, const std::vector<double>& right_F,
                                 const std::vector<int>& sign_F);

}  // namespace dcmmm
