// A descent's sizes, where its parameters lie, and its baselines' factors, as the GPU's step reads them.
// Shapes: E members, R regions of this rank, T training weeks.
#pragma once

#include <vector>

#include "model/cuda/step.hpp"
#include "trainer/device_descent.hpp"

namespace dcmmm::cuda {

Shape shape_of(const Descent& descent);
Places places_of(const ParameterLayout& layout);

/// The factors of all regions' baselines (kernels/baseline.hpp); zeros for regions without a weighted cell, and, of the
/// level, at persistence 1.
struct BaselineFactors {
  std::vector<double> lower_ERT, inverse_diagonal_ERT, level_weight_ERT, level_denominator_ER;
};

BaselineFactors factors_of(const FitData& data, int64_t weeks);

/// A tensor's numbers as Real, row-major.
template <class Real>
std::vector<Real> numbers(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(c10::CppTypeToScalarType<Real>::value).contiguous();
  return {flat.const_data_ptr<Real>(), flat.const_data_ptr<Real>() + flat.numel()};
}

}  // namespace dcmmm::cuda
