// Tensors as long as the panel: in files where the panel is too large to be held (common/large_vector.hpp).
#pragma once

#include <ATen/ATen.h>

namespace dcmmm {

/// Zeros on the CPU.
at::Tensor large_zeros(at::IntArrayRef shape, at::ScalarType type);

/// A contiguous copy, of the same or another type.
at::Tensor large_copy(const at::Tensor& values);
at::Tensor large_copy(const at::Tensor& values, at::ScalarType type);

}  // namespace dcmmm
