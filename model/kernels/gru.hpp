// The recurrent part of a GRU over a whole sequence, on the CPU: fused gates, one small product a week, a block of rows
// at a time. Shapes: N rows of a block (regions of one member), T weeks, H hidden units. Row-major, last letter
// fastest.
#pragma once

#include <cstdint>

namespace dcmmm::kernels {

/// Buffers of one block of N rows. Gates are ordered reset, update, new, as in PyTorch.
template <class Real>
struct GruForward {
  int64_t rows, weeks, hidden;
  const Real* gates_input_NT3H;     // x W_ih' + b_ih, all weeks at once
  const Real* weight_hidden_t_H3H;  // W_hh transposed
  const Real* bias_hidden_3H;
  Real* hidden_NSH;  // S = T + 1: the state before the first week, then after each week
  Real* saved_NT4H;  // reset, update, new, and the new gate's hidden product, for the backward
};

/// h_t = (1 - z) n + z h_{t-1}, n = tanh(x_n + r (h W_n + b_n)) (Cho et al. 2014, as in cuDNN and torch.nn.GRU).
template <class Real>
void gru_forward(const GruForward<Real>& block);

template <class Real>
struct GruBackward {
  int64_t rows, weeks, hidden;
  const Real* weight_hidden_3HH;
  const Real* hidden_NSH;
  const Real* saved_NT4H;
  const Real* grad_hidden_NTH;   // dL/dh_t from outside the recurrence
  Real* grad_gates_input_NT3H;   // out: dL/d(x W_ih' + b_ih)
  Real* grad_gates_hidden_NT3H;  // out: dL/d(h_{t-1} W_hh' + b_hh)
};

template <class Real>
void gru_backward(const GruBackward<Real>& block);

}  // namespace dcmmm::kernels
