// A checkpoint's arrays as tensors.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "checkpoints/checkpoint_file.hpp"

namespace dcmmm {

/// The array of this name, of its own type. Throws DamagedFileError where it is missing.
at::Tensor tensor_of(const Checkpoint& checkpoint, const std::string& name);
bool has_array(const Checkpoint& checkpoint, const std::string& name);

/// REQUIRES: contiguous, float64 or int64.
std::vector<double> to_reals(const at::Tensor& tensor);
std::vector<int64_t> to_integers(const at::Tensor& tensor);

}  // namespace dcmmm
