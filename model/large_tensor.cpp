#include "model/large_tensor.hpp"

#include "common/large_vector.hpp"

namespace dcmmm {

at::Tensor large_zeros(at::IntArrayRef shape, at::ScalarType type) {
  if (!keeps_large_arrays_in_files()) return at::zeros(shape, type);
  const size_t bytes = static_cast<size_t>(c10::multiply_integers(shape)) * c10::elementSize(type);
  const auto release = [bytes](void* memory) { free_large(memory, bytes); };
  return at::from_blob(allocate_large(bytes), shape, release, type);
}

at::Tensor large_copy(const at::Tensor& values) { return large_copy(values, values.scalar_type()); }

at::Tensor large_copy(const at::Tensor& values, at::ScalarType type) {
  if (!keeps_large_arrays_in_files()) return values.to(type, /*non_blocking=*/false, /*copy=*/true).contiguous();
  at::Tensor out = large_zeros(values.sizes(), type);
  return out.copy_(values);
}

}  // namespace dcmmm
