// The GRU's kernels for registers of one width. Compiled with -ffast-math, so that exp and tanh run on whole registers
// (libmvec), once for each width: gru.cpp and gru_wide.cpp; hence the width among each function's parameters. Values
// are checked for NaN elsewhere.
#pragma once

#include <cmath>

#include "model/kernels/gru.hpp"
#include "model/kernels/sigmoid.hpp"
#include "model/kernels/tile_product.hpp"

namespace dcmmm::kernels {

// Numbers that a block needs: the state before the first week, the gradient of a week's state, its gates (or their
// gradients), its inputs and their gradients, its outputs.
template <class Real>
int64_t gru_scratch(const GruPacked<Real>& weights, int64_t rows) {
  return rows * (weights.hidden + 5 * weights.padded + 2 * weights.padded_inputs + weights.padded_outputs);
}

// The state before the first week.
template <class Real, int kBytes>
void first_state(const Real* given_NH, int64_t count, Real* state_NH) {
  for (int64_t i = 0; i < count; ++i) state_NH[i] = given_NH != nullptr ? given_NH[i] : Real(0);
}

// A week's inputs side by side.
template <class Real, int kBytes>
void gather_inputs(const GruInputs<Real>& from, int64_t rows, int64_t weeks, int64_t week, Real* input_NI) {
  const int64_t inputs = from.moving + from.fixed + from.shared;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t cell = row * weeks + week;
    Real* to = input_NI + row * inputs;
    for (int64_t i = 0; i < from.moving; ++i) to[i] = from.moving_NTM[cell * from.moving + i] - from.shift;
    to += from.moving;
    for (int64_t i = 0; i < from.fixed; ++i) to[i] = from.fixed_NTF[cell * from.fixed_week + i];
    to += from.fixed;
    for (int64_t i = 0; i < from.shared; ++i) to[i] = from.shared_TS[week * from.shared + i];
  }
}

template <class Real, int kBytes>
void fill_rows(int64_t rows, int64_t width, const Real* values, Real* to) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < width; ++j) to[row * width + j] = values[j];
}

template <class Real, int kBytes>
void gru_forward_block(const GruPacked<Real>& weights, const GruForward<Real>& block, Real* scratch) {
  const int64_t rows = block.rows, weeks = block.weeks;
  const int64_t I = weights.inputs, H = weights.hidden, C = weights.outputs, G = weights.padded,
                D = weights.padded_outputs;
  constexpr int64_t kPanel = 2 * Register<Real, kBytes>::kLanes;
  Real *first_NH = scratch, *gates_N4G = first_NH + rows * H, *output_ND = gates_N4G + rows * 4 * G,
       *input_NI = output_ND + rows * D;
  first_state<Real, kBytes>(block.state_in_NH, rows * H, first_NH);
  for (int64_t week = 0; week < weeks; ++week) {
    Real* after_NH = block.state_TNH + week * rows * H;
    const Real* before_NH = week > 0 ? after_NH - rows * H : first_NH;
    gather_inputs<Real, kBytes>(block.input, rows, weeks, week, input_NI);
    fill_rows<Real, kBytes>(rows, 4 * G, weights.bias_4G.data(), gates_N4G);
    const Real* packed = weights.forward_input.data();
    multiply<Real, kBytes>({rows, 2 * G, I, input_NI, I, 1, packed, I * kPanel, kPanel, gates_N4G, 4 * G});
    multiply<Real, kBytes>(
        {rows, G, I, input_NI, I, 1, packed + 2 * G * I, I * kPanel, kPanel, gates_N4G + 3 * G, 4 * G});
    multiply<Real, kBytes>(
        {rows, 3 * G, H, before_NH, H, 1, weights.forward_hidden.data(), H * kPanel, kPanel, gates_N4G, 4 * G});
    for (int64_t row = 0; row < rows; ++row) {
      const Real *gates = gates_N4G + row * 4 * G, *before = before_NH + row * H;
      Real* after = after_NH + row * H;
      Real* saved = block.saved_TN4H != nullptr ? block.saved_TN4H + (week * rows + row) * 4 * H : nullptr;
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
        after[j] = fresh + update * (before[j] - fresh);
      }
    }
    fill_rows<Real, kBytes>(rows, D, weights.bias_output_D.data(), output_ND);
    multiply<Real, kBytes>(
        {rows, D, H, after_NH, H, 1, weights.forward_output.data(), H * kPanel, kPanel, output_ND, D});
#pragma GCC ivdep
    for (int64_t i = 0; i < rows * D; ++i) output_ND[i] = block.scale * std::tanh(output_ND[i]);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t c = 0; c < C; ++c) block.output_NTC[(row * weeks + week) * C + c] = output_ND[row * D + c];
  }
}

template <class Real, int kBytes>
void gru_backward_block(const GruPacked<Real>& weights, const GruBackward<Real>& block, Real* scratch) {
  const int64_t rows = block.rows, weeks = block.weeks, M = block.input.moving;
  const int64_t I = weights.inputs, H = weights.hidden, C = weights.outputs, G = weights.padded,
                J = weights.padded_inputs, D = weights.padded_outputs;
  constexpr int64_t kPanel = 2 * Register<Real, kBytes>::kLanes;
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  const GruGradient<Real>& gradient = block.gradient;
  // dL/dh_t; dL/d(the gates' columns): reset, update, the new gate's hidden and input product; dL/d(output before its
  // tanh).
  Real *first_NH = scratch, *grad_state_NG = first_NH + rows * H, *gates_N4G = grad_state_NG + rows * G,
       *output_ND = gates_N4G + rows * 4 * G, *input_NI = output_ND + rows * D, *to_input_NJ = input_NI + rows * J;
  for (int64_t i = 0; i < rows * (5 * G + D); ++i) grad_state_NG[i] = Real(0);  // the padding stays so
  first_state<Real, kBytes>(block.state_in_NH, rows * H, first_NH);
  for (int64_t week = weeks - 1; week >= 0; --week) {
    const Real* state_NH = block.state_TNH + week * rows * H;
    const Real* before_NH = week > 0 ? state_NH - rows * H : first_NH;
    gather_inputs<Real, kBytes>(block.input, rows, weeks, week, input_NI);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t cell = (row * weeks + week) * C;
      Real* to = output_ND + row * D;
      for (int64_t c = 0; c < C; ++c) {
        const Real value = block.output_NTC[cell + c] / block.scale;
        to[c] = block.grad_output_NTC[cell + c] * block.scale * (Real(1) - value * value);
      }
      for (int64_t c = 0; c < D; ++c) gradient.bias_output_D[c] += to[c];
    }
    multiply<Real, kBytes>(
        {rows, G, C, output_ND, D, 1, weights.backward_output.data(), C * kPanel, kPanel, grad_state_NG, G});
    multiply<Real, kBytes>({H, D, rows, state_NH, 1, H, output_ND, kPanel, D, gradient.output_HD, D});
    for (int64_t row = 0; row < rows; ++row) {
      const Real *saved = block.saved_TN4H + (week * rows + row) * 4 * H, *before = before_NH + row * H;
      Real *gates = gates_N4G + row * 4 * G, *grad_state = grad_state_NG + row * G;
#pragma GCC ivdep
      for (int64_t j = 0; j < H; ++j) {
        const Real reset = saved[j], update = saved[H + j], fresh = saved[2 * H + j], grad = grad_state[j];
        const Real grad_fresh = grad * (Real(1) - update) * (Real(1) - fresh * fresh);
        gates[j] = grad_fresh * saved[3 * H + j] * reset * (Real(1) - reset);
        gates[G + j] = grad * (before[j] - fresh) * update * (Real(1) - update);
        gates[2 * G + j] = grad_fresh * reset;
        gates[3 * G + j] = grad_fresh;
        grad_state[j] = grad * update;
      }
#pragma GCC ivdep
      for (int64_t j = 0; j < 4 * G; ++j) gradient.bias_4G[j] += gates[j];
    }
    multiply<Real, kBytes>({rows, G, 3 * G, gates_N4G, 4 * G, 1, weights.backward_hidden.data(), 3 * G * kPanel, kPanel,
                            grad_state_NG, G});
    multiply<Real, kBytes>({H, 3 * G, rows, before_NH, 1, H, gates_N4G, kPanel, 4 * G, gradient.hidden_H3G, 3 * G});
    multiply<Real, kBytes>({I, 2 * G, rows, input_NI, 1, I, gates_N4G, kPanel, 4 * G, gradient.input_I3G, 3 * G});
    multiply<Real, kBytes>(
        {I, G, rows, input_NI, 1, I, gates_N4G + 3 * G, kPanel, 4 * G, gradient.input_I3G + 2 * G, 3 * G});
    if (block.grad_moving_NTM == nullptr) continue;
    const int64_t columns = (M + kLanes - 1) / kLanes * kLanes;  // moving inputs come first
    for (int64_t i = 0; i < rows * J; ++i) to_input_NJ[i] = Real(0);
    const Real* packed = weights.backward_input.data();
    multiply<Real, kBytes>({rows, columns, 2 * G, gates_N4G, 4 * G, 1, packed, 3 * G * kPanel, kPanel, to_input_NJ, J});
    multiply<Real, kBytes>({rows, columns, G, gates_N4G + 3 * G, 4 * G, 1, packed + 2 * G * kPanel, 3 * G * kPanel,
                            kPanel, to_input_NJ, J});
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < M; ++i) block.grad_moving_NTM[(row * weeks + week) * M + i] = to_input_NJ[row * J + i];
  }
}

}  // namespace dcmmm::kernels
