#include "trainer/checkpoint_tensors.hpp"

#include <algorithm>

namespace dcmmm {

at::Tensor tensor_of(const Checkpoint& checkpoint, const std::string& name) {
  const NamedArray& array = checkpoint.array(name);
  return std::visit(
      [&](const auto& values) {
        using Element = typename std::decay_t<decltype(values)>::value_type;
        at::Tensor tensor = at::empty(array.shape, c10::CppTypeToScalarType<Element>::value);
        std::copy(values.begin(), values.end(), tensor.template data_ptr<Element>());
        return tensor;
      },
      array.values);
}

bool has_array(const Checkpoint& checkpoint, const std::string& name) {
  return std::any_of(checkpoint.arrays.begin(), checkpoint.arrays.end(),
                     [&](const NamedArray& array) { return array.name == name; });
}

std::vector<double> to_reals(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<double>(), tensor.const_data_ptr<double>() + tensor.numel()};
}

std::vector<int64_t> to_integers(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<int64_t>(), tensor.const_data_ptr<int64_t>() + tensor.numel()};
}

}  // namespace dcmmm
