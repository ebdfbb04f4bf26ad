// Gradients against finite differences, in float64.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "common/random.hpp"

namespace dcmmm::testing {

/// Normal values of a shape, the same for the same seed.
inline at::Tensor normal_tensor(std::vector<int64_t> shape, uint64_t seed, double scale = 1, double mean = 0) {
  at::Tensor values = at::empty(shape, at::kDouble);
  RandomStream random(seed, 7);
  for (int64_t i = 0; i < values.numel(); ++i) values.data_ptr<double>()[i] = mean + scale * random.normal();
  return values;
}

using ScalarFunction = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

/// Checks dF/d(input) for every input: central differences of fourth order, at most `most` evenly spread elements of
/// each. Agreement to 1e-6 of the element, or of a thousandth of the input's largest gradient, below which differences
/// are noise.
inline void expect_gradients(const ScalarFunction& function, const std::vector<at::Tensor>& inputs, int64_t most = 60) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.detach().clone().requires_grad_(true));
  const auto gradients = torch::autograd::grad({function(leaves)}, leaves);
  const at::NoGradGuard no_gradient;
  for (size_t k = 0; k < inputs.size(); ++k) {
    const at::Tensor gradient = gradients[k].contiguous();
    ASSERT_EQ(gradient.sizes(), inputs[k].sizes()) << "input " << k;
    const double largest = gradient.abs().max().item<double>();
    EXPECT_GT(largest, 0) << "input " << k << " has no gradient at all";
    const int64_t stride = std::max<int64_t>(1, gradient.numel() / most);
    for (int64_t i = 0; i < gradient.numel(); i += stride) {
      const auto at_distance = [&](double distance) {
        std::vector<at::Tensor> moved;
        for (const at::Tensor& input : inputs) moved.push_back(input.detach().clone());
        moved[k].data_ptr<double>()[i] += distance;
        return function(moved).item<double>();
      };
      constexpr double h = 1e-3;
      const double expected =
          (8 * (at_distance(h) - at_distance(-h)) - (at_distance(2 * h) - at_distance(-2 * h))) / (12 * h);
      const double found = gradient.const_data_ptr<double>()[i];
      EXPECT_NEAR(found, expected, 1e-6 * std::max(std::abs(expected), 1e-3 * largest))
          << "input " << k << ", element " << i;
    }
  }
}

}  // namespace dcmmm::testing
