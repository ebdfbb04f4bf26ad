// The GRU's kernels for registers of one width. Compiled with -ffast-math, so that exp and tanh run on whole registers
// (libmvec), once for each width: gru.cpp and gru_wide.cpp. Values are checked for NaN elsewhere.
#pragma once

#include <cmath>

#include "model/kernels/gru.hpp"
#include "model/kernels/sigmoid.hpp"
#include "model/kernels/tile_product.hpp"

namespace dcmmm::kernels {

// Numbers that a block needs: the state, a week's gates (or their gradients), the state before, the inputs' gradients.
template <class Real>
int64_t gru_scratch(const GruPacked<Real>& weights, int64_t rows) {
  return rows * (6 * weights.padded + weights.padded_inputs);
}

template <class Real, int kBytes>
void gru_forward_block(const GruPacked<Real>& weights, const GruForward<Real>& block, Real* scratch) {
  const int64_t rows = block.rows, weeks = block.weeks, I = weights.inputs, H = weights.hidden, G = weights.padded;
  constexpr int64_t kPanel = 2 * Register<Real, kBytes>::kLanes;
  Real *state_NG = scratch, *gates_N4G = scratch + rows * G;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < H; ++j)
      state_NG[row * G + j] = block.state_in_NH != nullptr ? block.state_in_NH[row * H + j] : Real(0);
  for (int64_t week = 0; week < weeks; ++week) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t j = 0; j < 4 * G; ++j) gates_N4G[row * 4 * G + j] = weights.bias_4G[j];
    const Real* input = block.input_NTI + week * I;
    const Real* packed = weights.forward_input.data();
    multiply<Real, kBytes>({rows, 2 * G, I, input, weeks * I, 1, packed, I * kPanel, kPanel, gates_N4G, 4 * G});
    multiply<Real, kBytes>(
        {rows, G, I, input, weeks * I, 1, packed + 2 * G * I, I * kPanel, kPanel, gates_N4G + 3 * G, 4 * G});
    multiply<Real, kBytes>(
        {rows, 3 * G, H, state_NG, G, 1, weights.forward_hidden.data(), H * kPanel, kPanel, gates_N4G, 4 * G});
    for (int64_t row = 0; row < rows; ++row) {
      const Real* gates = gates_N4G + row * 4 * G;
      Real *state = state_NG + row * G, *after = block.state_NTH + (row * weeks + week) * H;
      Real* saved = block.saved_NT4H != nullptr ? block.saved_NT4H + (row * weeks + week) * 4 * H : nullptr;
#pragma GCC ivdep
      for (int64_t j = 0; j < H; ++j) {
        const Real reset = sigmoid(gates[j]), update = sigmoid(gates[G + j]);
        const Real fresh = std::tanh(gates[3 * G + j] + reset * gates[2 * G + j]);
        if (saved != nullptr) {
          saved[j] = reset;
          saved[H + j] = update;
          saved[2 * H + j] = fresh;
          saved[3 * H + j] = gates[2 * G + j];
        }
        state[j] = after[j] = fresh + update * (state[j] - fresh);
      }
    }
  }
}

template <class Real, int kBytes>
void gru_backward_block(const GruPacked<Real>& weights, const GruBackward<Real>& block, Real* scratch) {
  const int64_t rows = block.rows, weeks = block.weeks, I = weights.inputs, H = weights.hidden, G = weights.padded;
  const int64_t J = weights.padded_inputs;
  constexpr int64_t kPanel = 2 * Register<Real, kBytes>::kLanes;
  // dL/dh_t through the later weeks; dL/d(the gates' columns): reset, update, the new gate's hidden and input product.
  Real *later_NG = scratch, *gates_N4G = later_NG + rows * G, *before_NG = gates_N4G + rows * 4 * G,
       *to_input_NJ = before_NG + rows * G;
  for (int64_t i = 0; i < rows * 5 * G; ++i) scratch[i] = Real(0);  // the padding stays so
  for (int64_t week = weeks - 1; week >= 0; --week) {
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t cell = row * weeks + week;
      const Real *saved = block.saved_NT4H + cell * 4 * H, *outside = block.grad_state_NTH + cell * H;
      const Real* state_before = week > 0                       ? block.state_NTH + (cell - 1) * H
                                 : block.state_in_NH != nullptr ? block.state_in_NH + row * H
                                                                : nullptr;
      Real *gates = gates_N4G + row * 4 * G, *later = later_NG + row * G, *before = before_NG + row * G;
      for (int64_t j = 0; j < H; ++j) before[j] = state_before != nullptr ? state_before[j] : Real(0);
#pragma GCC ivdep
      for (int64_t j = 0; j < H; ++j) {
        const Real reset = saved[j], update = saved[H + j], fresh = saved[2 * H + j];
        const Real grad = later[j] + outside[j];
        const Real grad_fresh = grad * (Real(1) - update) * (Real(1) - fresh * fresh);
        gates[j] = grad_fresh * saved[3 * H + j] * reset * (Real(1) - reset);
        gates[G + j] = grad * (before[j] - fresh) * update * (Real(1) - update);
        gates[2 * G + j] = grad_fresh * reset;
        gates[3 * G + j] = grad_fresh;
        later[j] = grad * update;
      }
#pragma GCC ivdep
      for (int64_t j = 0; j < 4 * G; ++j) block.grad_bias_4G[j] += gates[j];
    }
    multiply<Real, kBytes>(
        {rows, G, 3 * G, gates_N4G, 4 * G, 1, weights.backward_hidden.data(), 3 * G * kPanel, kPanel, later_NG, G});
    const Real* input = block.input_NTI + week * I;
    multiply<Real, kBytes>({H, 3 * G, rows, before_NG, 1, G, gates_N4G, kPanel, 4 * G, block.grad_weight_hidden_H3G,
                            3 * G});
    multiply<Real, kBytes>(
        {I, 2 * G, rows, input, 1, weeks * I, gates_N4G, kPanel, 4 * G, block.grad_weight_input_I3G, 3 * G});
    multiply<Real, kBytes>({I, G, rows, input, 1, weeks * I, gates_N4G + 3 * G, kPanel, 4 * G,
                            block.grad_weight_input_I3G + 2 * G, 3 * G});
    if (block.grad_input_NTI == nullptr) continue;
    for (int64_t i = 0; i < rows * J; ++i) to_input_NJ[i] = Real(0);
    const Real* packed = weights.backward_input.data();
    multiply<Real, kBytes>({rows, J, 2 * G, gates_N4G, 4 * G, 1, packed, 3 * G * kPanel, kPanel, to_input_NJ, J});
    multiply<Real, kBytes>({rows, J, G, gates_N4G + 3 * G, 4 * G, 1, packed + 2 * G * kPanel, 3 * G * kPanel, kPanel,
                            to_input_NJ, J});
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < I; ++i)
        block.grad_input_NTI[(row * weeks + week) * I + i] = to_input_NJ[row * J + i];
  }
}

}  // namespace dcmmm::kernels
