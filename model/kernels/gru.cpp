// Compiled with -ffast-math, so that exp and tanh run eight at a time (libmvec); values are checked for NaN elsewhere.
#include "model/kernels/gru.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/kernels/sigmoid.hpp"

namespace dcmmm::kernels {
namespace {

constexpr int64_t kTileRows = 4, kTileVectors = 2;

// A register of 32 bytes (AVX2), as GCC's and clang's vector extension; unaligned in memory.
template <class Real>
struct Register {
  static constexpr int64_t kLanes = 32 / sizeof(Real);
  typedef Real Type __attribute__((vector_size(32), aligned(alignof(Real))));
};

// out[rows x columns] = (or +=) left[rows x inner] right[inner x columns]; a tile of 4 x 2 registers stays in
// registers.
template <class Real, int64_t kRows>
void multiply_rows(int64_t columns, int64_t inner, const Real* left, int64_t left_stride, const Real* right, Real* out,
                   int64_t out_stride, const Real* bias) {
  using Vector = typename Register<Real>::Type;
  constexpr int64_t kLanes = Register<Real>::kLanes, kTileColumns = kTileVectors * kLanes;
  int64_t column = 0;
  for (; column + kTileColumns <= columns; column += kTileColumns) {
    Vector tile[kRows][kTileVectors];
    for (int64_t i = 0; i < kRows; ++i) {
      const Real* start = (bias != nullptr ? bias : out + i * out_stride) + column;
      for (int64_t j = 0; j < kTileVectors; ++j) tile[i][j] = *reinterpret_cast<const Vector*>(start + j * kLanes);
    }
    for (int64_t k = 0; k < inner; ++k) {
      Vector row[kTileVectors];
      for (int64_t j = 0; j < kTileVectors; ++j)
        row[j] = *reinterpret_cast<const Vector*>(right + k * columns + column + j * kLanes);
      for (int64_t i = 0; i < kRows; ++i)
        for (int64_t j = 0; j < kTileVectors; ++j) tile[i][j] += left[i * left_stride + k] * row[j];
    }
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t j = 0; j < kTileVectors; ++j)
        *reinterpret_cast<Vector*>(out + i * out_stride + column + j * kLanes) = tile[i][j];
  }
  for (; column < columns; ++column) {
    for (int64_t i = 0; i < kRows; ++i) {
      Real sum = bias != nullptr ? bias[column] : out[i * out_stride + column];
      for (int64_t k = 0; k < inner; ++k) sum += left[i * left_stride + k] * right[k * columns + column];
      out[i * out_stride + column] = sum;
    }
  }
}

template <class Real>
void multiply(int64_t rows, int64_t columns, int64_t inner, const Real* left, int64_t left_stride, const Real* right,
              Real* out, int64_t out_stride, const Real* bias) {
  int64_t row = 0;
  for (; row + kTileRows <= rows; row += kTileRows)
    multiply_rows<Real, kTileRows>(columns, inner, left + row * left_stride, left_stride, right, out + row * out_stride,
                                   out_stride, bias);
  for (; row < rows; ++row)
    multiply_rows<Real, 1>(columns, inner, left + row * left_stride, left_stride, right, out + row * out_stride,
                           out_stride, bias);
}

}  // namespace

template <class Real>
void gru_forward(const GruForward<Real>& block) {
  const int64_t hidden = block.hidden, gates = 3 * hidden, weeks = block.weeks;
  const int64_t state_stride = (weeks + 1) * hidden;
  std::vector<Real> product(static_cast<size_t>(block.rows * gates));
  for (int64_t week = 0; week < weeks; ++week) {
    multiply(block.rows, gates, hidden, block.hidden_NSH + week * hidden, state_stride, block.weight_hidden_t_H3H,
             product.data(), gates, block.bias_hidden_3H);
    for (int64_t row = 0; row < block.rows; ++row) {
      const Real* input = block.gates_input_NT3H + (row * weeks + week) * gates;
      const Real* recurrent = product.data() + row * gates;
      const Real* before = block.hidden_NSH + row * state_stride + week * hidden;
      Real* after = block.hidden_NSH + row * state_stride + (week + 1) * hidden;
      Real* saved = block.saved_NT4H + (row * weeks + week) * 4 * hidden;
#pragma GCC ivdep
      for (int64_t j = 0; j < hidden; ++j) {
        const Real reset = sigmoid(input[j] + recurrent[j]);
        const Real update = sigmoid(input[hidden + j] + recurrent[hidden + j]);
        const Real fresh = std::tanh(input[2 * hidden + j] + reset * recurrent[2 * hidden + j]);
        saved[j] = reset;
        saved[hidden + j] = update;
        saved[2 * hidden + j] = fresh;
        saved[3 * hidden + j] = recurrent[2 * hidden + j];
        after[j] = (Real(1) - update) * fresh + update * before[j];
      }
    }
  }
}

template <class Real>
void gru_backward(const GruBackward<Real>& block) {
  const int64_t hidden = block.hidden, gates = 3 * hidden, weeks = block.weeks;
  const int64_t state_stride = (weeks + 1) * hidden;
  std::vector<Real> grad_state(static_cast<size_t>(block.rows * hidden), Real(0));  // dL/dh_t through the later weeks
  for (int64_t week = weeks - 1; week >= 0; --week) {
    for (int64_t row = 0; row < block.rows; ++row) {
      const int64_t cell = row * weeks + week;
      const Real* saved = block.saved_NT4H + cell * 4 * hidden;
      const Real* before = block.hidden_NSH + row * state_stride + week * hidden;
      const Real* outside = block.grad_hidden_NTH + cell * hidden;
      Real* to_input = block.grad_gates_input_NT3H + cell * gates;
      Real* to_hidden = block.grad_gates_hidden_NT3H + cell * gates;
      Real* state = grad_state.data() + row * hidden;
#pragma GCC ivdep
      for (int64_t j = 0; j < hidden; ++j) {
        const Real reset = saved[j], update = saved[hidden + j], fresh = saved[2 * hidden + j];
        const Real grad = state[j] + outside[j];
        const Real grad_fresh = grad * (Real(1) - update) * (Real(1) - fresh * fresh);
        const Real grad_update = grad * (before[j] - fresh) * update * (Real(1) - update);
        const Real grad_reset = grad_fresh * saved[3 * hidden + j] * reset * (Real(1) - reset);
        to_input[j] = to_hidden[j] = grad_reset;
        to_input[hidden + j] = to_hidden[hidden + j] = grad_update;
        to_input[2 * hidden + j] = grad_fresh;
        to_hidden[2 * hidden + j] = grad_fresh * reset;
        state[j] = grad * update;
      }
    }
    multiply<Real>(block.rows, hidden, gates, block.grad_gates_hidden_NT3H + week * gates, weeks * gates,
                   block.weight_hidden_3HH, grad_state.data(), hidden, nullptr);
  }
}

template void gru_forward(const GruForward<float>&);
template void gru_forward(const GruForward<double>&);
template void gru_backward(const GruBackward<float>&);
template void gru_backward(const GruBackward<double>&);

}  // namespace dcmmm::kernels
