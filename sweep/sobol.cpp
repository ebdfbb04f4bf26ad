// Shapes: D dimensions, B bits of a coordinate.
#include "sweep/sobol.hpp"

#include <ATen/Functions.h>

#include "common/random.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kBits = 30;  // of LibTorch's engine
constexpr uint64_t kStream = 0x536f626f6c;

}  // namespace

std::vector<double> sobol_point(uint64_t seed, int64_t number, int64_t dimensions) {
  const auto whole = at::TensorOptions(at::kLong);
  at::Tensor state_DB = at::zeros({dimensions, kBits}, whole);
  at::_sobol_engine_initialize_state_(state_DB, dimensions);

  // As torch.quasirandom.SobolEngine scrambles, but with random bits of this project's own streams.
  RandomStream random(seed, kStream);
  at::Tensor shift_D = at::zeros({dimensions}, whole);
  at::Tensor matrix_DBB = at::zeros({dimensions, kBits, kBits}, whole);
  auto* shift = shift_D.data_ptr<int64_t>();
  auto* matrix = matrix_DBB.data_ptr<int64_t>();
  for (int64_t d = 0; d < dimensions; ++d) {
    for (int64_t b = 0; b < kBits; ++b) shift[d] |= static_cast<int64_t>(random.uniform() < 0.5) << b;
    for (int64_t row = 0; row < kBits; ++row) {
      for (int64_t column = 0; column < row; ++column)
        matrix[(d * kBits + row) * kBits + column] = static_cast<int64_t>(random.uniform() < 0.5);
      matrix[(d * kBits + row) * kBits + row] = 1;
    }
  }
  at::_sobol_engine_scramble_(state_DB, matrix_DBB, dimensions);

  // The first point is the shift itself; each later one flips the directions of one more bit.
  at::Tensor point_D = shift_D.clone();
  if (number > 0) at::_sobol_engine_ff_(point_D, number, state_DB, dimensions, 0);
  std::vector<double> out(static_cast<size_t>(dimensions));
  for (int64_t d = 0; d < dimensions; ++d)
    out[static_cast<size_t>(d)] = static_cast<double>(point_D.data_ptr<int64_t>()[d]) / (int64_t{1} << kBits);
  return out;
}

}  // namespace dcmmm
