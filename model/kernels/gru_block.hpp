// The GRU's kernels for registers of one width. Compiled with -ffast-math, so that exp and tanh run on whole registers
// (libmvec), once for each width: gru.cpp and gru_wide.cpp; hence the width among each function's parameters. Values
// are checked for NaN elsewhere.
#pragma once

#include <cmath>

#include "model/kernels/gru.hpp"
#include "model/kernels/sigmoid.hpp"
#include "model/kernels/tile_product.hpp"

namespace dcmmm::kernels {

// A row's inputs and outputs are a few numbers a week, far from the next row's: so many weeks of them pass at once
// between the rows' places and the block's own, where a week's rows lie side by side.
inline constexpr int64_t kWeeksAtOnce = 8;

// Numbers that a block needs: the state before the first week, the gradient of a week's state, its gates (or their
// gradients); of some weeks the inputs, their gradients, and the outputs.
template <class Real>
int64_t gru_scratch(const GruPacked<Real>& weights, int64_t rows) {
  return rows * (weights.hidden + 5 * weights.padded +
                 kWeeksAtOnce * (weights.inputs + weights.padded_inputs + weights.padded_outputs));
}

// The state before the first week.
template <class Real, int kBytes>
void first_state(const Real* given_NH, int64_t count, Real* state_NH) {
  for (int64_t i = 0; i < count; ++i) state_NH[i] = given_NH != nullptr ? given_NH[i] : Real(0);
}

// The inputs of W weeks from `first` on, a week's rows side by side.
template <class Real, int kBytes>
void gather_inputs(const GruInputs<Real>& from, int64_t rows, int64_t weeks, int64_t first, int64_t count,
                   Real* input_WNI) {
  const int64_t inputs = from.moving + from.fixed + from.shared;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t week = 0; week < count; ++week) {
      const int64_t cell = row * weeks + first + week;
      Real* to = input_WNI + (week * rows + row) * inputs;
      for (int64_t i = 0; i < from.moving; ++i) to[i] = from.moving_NTM[cell * from.moving + i] - from.shift;
      to += from.moving;
      for (int64_t i = 0; i < from.fixed; ++i) to[i] = from.fixed_NTF[cell * from.fixed_week + i];
      to += from.fixed;
      for (int64_t i = 0; i < from.shared; ++i) to[i] = from.shared_TS[(first + week) * from.shared + i];
    }
}

// The other way: the first M of J numbers of each row and week.
template <class Real, int kBytes>
void scatter(const Real* from_WNJ, int64_t width, int64_t rows, int64_t weeks, int64_t first, int64_t count, int64_t M,
             Real* to_NTM) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t week = 0; week < count; ++week)
      for (int64_t i = 0; i < M; ++i)
        to_NTM[(row * weeks + first + week) * M + i] = from_WNJ[(week * rows + row) * width + i];
}

template <class Real, int kBytes>
void fill_rows(int64_t rows, int64_t width, const Real* values, Real* to) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < width; ++j) to[row * width + j] = values[j];
}

// sums += the rows' sum; `width` in whole registers.
template <class Real, int kBytes>
void add_rows(int64_t rows, int64_t width, const Real* values, Real* sums) {
  using Vector = typename Register<Real, kBytes>::Type;
  for (int64_t j = 0; j < width; j += Register<Real, kBytes>::kLanes) {
    Vector sum = *reinterpret_cast<const Vector*>(sums + j);
    for (int64_t row = 0; row < rows; ++row) sum += *reinterpret_cast<const Vector*>(values + row * width + j);
    *reinterpret_cast<Vector*>(sums + j) = sum;
  }
}

// Asks for numbers of weeks that come next, which lie too far away for the processor to foresee.
template <class Real, int kBytes>
void ask_for(const Real* row, int64_t count) {
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(Real));
  for (int64_t i = 0; i < count; i += kLine) __builtin_prefetch(row + i, 0, 2);
}

// The same for the weeks that are gathered next, spread over the weeks until then: the share-th of `shares` parts of
// the rows.
template <class Real, int kBytes>
void ask_for_weeks(const Real* values_NTK, int64_t K, int64_t rows, int64_t weeks, int64_t first, int64_t count,
                   int64_t share, int64_t shares) {
  for (int64_t row = share * rows / shares; row < (share + 1) * rows / shares; ++row)
    ask_for<Real, kBytes>(values_NTK + (row * weeks + first) * K, count * K);
}

// A week's numbers.
template <class Real, int kBytes>
Ahead<kBytes> ahead_of(const Real* values_TN, int64_t week, int64_t count) {
  const Real* first = values_TN + week * count;
  return {reinterpret_cast<const char*>(first), reinterpret_cast<const char*>(first + count)};
}

template <class Real, int kBytes>
void gru_forward_block(const GruPacked<Real>& weights, const GruForward<Real>& block, Real* scratch) {
  const int64_t rows = block.rows, weeks = block.weeks;
  const int64_t I = weights.inputs, H = weights.hidden, G = weights.padded, D = weights.padded_outputs;
  constexpr int64_t kPanel = 2 * Register<Real, kBytes>::kLanes;
  Real *first_NH = scratch, *gates_N4G = first_NH + rows * H, *input_WNI = gates_N4G + rows * 4 * G,
       *output_WND = input_WNI + kWeeksAtOnce * rows * I;
  first_state<Real, kBytes>(block.state_in_NH, rows * H, first_NH);
  for (int64_t first = 0; first < weeks; first += kWeeksAtOnce) {
    const int64_t count = weeks - first < kWeeksAtOnce ? weeks - first : kWeeksAtOnce;
    gather_inputs<Real, kBytes>(block.input, rows, weeks, first, count, input_WNI);
    fill_rows<Real, kBytes>(count * rows, D, weights.bias_output_D.data(), output_WND);
    for (int64_t week = first; week < first + count; ++week) {
      Real* after_NH = block.state_TNH + week * rows * H;
      const Real* before_NH = week > 0 ? after_NH - rows * H : first_NH;
      const Real* input_NI = input_WNI + (week - first) * rows * I;
      const int64_t next = first + count, of_next = weeks - next < kWeeksAtOnce ? weeks - next : kWeeksAtOnce;
      ask_for_weeks<Real, kBytes>(block.input.moving_NTM, block.input.moving, rows, weeks, next, of_next, week - first,
                                  count);
      ask_for_weeks<Real, kBytes>(block.input.fixed_NTF, block.input.fixed_week, rows, weeks, next, of_next,
                                  week - first, count);
      Ahead<kBytes> ahead =
          block.saved_TN4H != nullptr ? ahead_of<Real, kBytes>(block.saved_TN4H, week, rows * 4 * H) : Ahead<kBytes>{};
      fill_rows<Real, kBytes>(rows, 4 * G, weights.bias_4G.data(), gates_N4G);
      const Real* packed = weights.input_panels.data();
      multiply<Real, kBytes>({rows, 2 * G, I, input_NI, I, 1, packed, I * kPanel, kPanel, gates_N4G, 4 * G}, ahead);
      multiply<Real, kBytes>(
          {rows, G, I, input_NI, I, 1, packed + 2 * G * I, I * kPanel, kPanel, gates_N4G + 3 * G, 4 * G}, ahead);
      multiply<Real, kBytes>(
          {rows, 3 * G, H, before_NH, H, 1, weights.hidden_panels.data(), H * kPanel, kPanel, gates_N4G, 4 * G}, ahead);
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
      multiply<Real, kBytes>({rows, D, H, after_NH, H, 1, weights.output_panels.data(), H * kPanel, kPanel,
                              output_WND + (week - first) * rows * D, D},
                             ahead);
    }
#pragma GCC ivdep
    for (int64_t i = 0; i < count * rows * D; ++i) output_WND[i] = block.scale * std::tanh(output_WND[i]);
    scatter<Real, kBytes>(output_WND, D, rows, weeks, first, count, weights.outputs, block.output_NTC);
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
       *input_WNI = gates_N4G + rows * 4 * G, *to_input_WNJ = input_WNI + kWeeksAtOnce * rows * I,
       *output_WND = to_input_WNJ + kWeeksAtOnce * rows * J;
  // The padding stays so.
  for (int64_t i = 0; i < rows * 5 * G; ++i) grad_state_NG[i] = Real(0);
  for (int64_t i = 0; i < kWeeksAtOnce * rows * D; ++i) output_WND[i] = Real(0);
  first_state<Real, kBytes>(block.state_in_NH, rows * H, first_NH);
  // At a scale of 0 nothing flows back, whatever the tanh was; 0 / 0 would be no number.
  const Real inverse_scale = block.scale > Real(0) ? Real(1) / block.scale : Real(0);
  for (int64_t end = weeks; end > 0; end -= kWeeksAtOnce) {
    const int64_t first = end > kWeeksAtOnce ? end - kWeeksAtOnce : 0, count = end - first;
    gather_inputs<Real, kBytes>(block.input, rows, weeks, first, count, input_WNI);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t week = 0; week < count; ++week) {
        const int64_t cell = (row * weeks + first + week) * C;
        Real* to = output_WND + (week * rows + row) * D;
        for (int64_t c = 0; c < C; ++c) {
          const Real value = block.output_NTC[cell + c] * inverse_scale;
          to[c] = block.grad_output_NTC[cell + c] * block.scale * (Real(1) - value * value);
        }
      }
    add_rows<Real, kBytes>(count * rows, D, output_WND, gradient.bias_output_D);
    if (block.grad_moving_NTM != nullptr)
      for (int64_t i = 0; i < count * rows * J; ++i) to_input_WNJ[i] = Real(0);
    for (int64_t week = end - 1; week >= first; --week) {
      const Real* state_NH = block.state_TNH + week * rows * H;
      const Real* before_NH = week > 0 ? state_NH - rows * H : first_NH;
      const int64_t next = first > kWeeksAtOnce ? first - kWeeksAtOnce : 0, of_next = first - next,
                    share = end - 1 - week;
      ask_for_weeks<Real, kBytes>(block.input.moving_NTM, M, rows, weeks, next, of_next, share, count);
      ask_for_weeks<Real, kBytes>(block.input.fixed_NTF, block.input.fixed_week, rows, weeks, next, of_next, share,
                                  count);
      ask_for_weeks<Real, kBytes>(block.output_NTC, C, rows, weeks, next, of_next, share, count);
      ask_for_weeks<Real, kBytes>(block.grad_output_NTC, C, rows, weeks, next, of_next, share, count);
      Ahead<kBytes> ahead =
          week > 0 ? ahead_of<Real, kBytes>(block.saved_TN4H, week - 1, rows * 4 * H) : Ahead<kBytes>{};
      const Real *input_NI = input_WNI + (week - first) * rows * I, *output_ND = output_WND + (week - first) * rows * D;
      multiply<Real, kBytes>(
          {rows, G, C, output_ND, D, 1, weights.output_panels.data(), C * kPanel, kPanel, grad_state_NG, G}, ahead);
      multiply<Real, kBytes>({H, D, rows, state_NH, 1, H, output_ND, kPanel, D, gradient.output_HD, D}, ahead);
      for (int64_t row = 0; row < rows; ++row) {
        const Real *saved = block.saved_TN4H + (week * rows + row) * 4 * H, *before = before_NH + row * H;
        Real *gates = gates_N4G + row * 4 * G, *grad_state = grad_state_NG + row * G;
        if (week > 1) ask_for<Real, kBytes>(before - rows * H, H);
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
      }
      add_rows<Real, kBytes>(rows, 4 * G, gates_N4G, gradient.bias_4G);
      multiply<Real, kBytes>(
          {rows, G, 3 * G, gates_N4G, 4 * G, 1, weights.hidden_panels.data(), 3 * G * kPanel, kPanel, grad_state_NG, G},
          ahead);
      multiply<Real, kBytes>({H, 3 * G, rows, before_NH, 1, H, gates_N4G, kPanel, 4 * G, gradient.hidden_H3G, 3 * G},
                             ahead);
      multiply<Real, kBytes>({I, 2 * G, rows, input_NI, 1, I, gates_N4G, kPanel, 4 * G, gradient.input_I3G, 3 * G},
                             ahead);
      multiply<Real, kBytes>(
          {I, G, rows, input_NI, 1, I, gates_N4G + 3 * G, kPanel, 4 * G, gradient.input_I3G + 2 * G, 3 * G}, ahead);
      if (block.grad_moving_NTM == nullptr) continue;
      const int64_t columns = (M + kLanes - 1) / kLanes * kLanes;  // moving inputs come first
      Real* to_input_NJ = to_input_WNJ + (week - first) * rows * J;
      const Real* packed = weights.input_panels.data();
      multiply<Real, kBytes>(
          {rows, columns, 2 * G, gates_N4G, 4 * G, 1, packed, 3 * G * kPanel, kPanel, to_input_NJ, J}, ahead);
      multiply<Real, kBytes>({rows, columns, G, gates_N4G + 3 * G, 4 * G, 1, packed + 2 * G * kPanel, 3 * G * kPanel,
                              kPanel, to_input_NJ, J},
                             ahead);
    }
    if (block.grad_moving_NTM != nullptr)
      scatter<Real, kBytes>(to_input_WNJ, J, rows, weeks, first, count, M, block.grad_moving_NTM);
  }
}

}  // namespace dcmmm::kernels
