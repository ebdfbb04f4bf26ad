// A GRU over a whole sequence and its output layer, on the CPU: a block of rows at a time, all products in register
// tiles, fused gates; the weights' gradients are summed while a week's values are in the cache. Shapes: N rows of a
// block (regions of one member), T weeks, C outputs, H hidden units, I inputs: M that move (they have gradients), F
// fixed ones, S the same in all rows. G and D are H and C padded to whole registers. Row-major, last letter fastest.
#pragma once

#include <cstdint>
#include <vector>

namespace dcmmm::kernels {

/// One member's weights, [rows x columns] as PyTorch has them.
template <class Real>
struct GruWeightView {
  int64_t inputs, hidden, outputs;
  const Real *input_3HI, *hidden_3HH, *bias_input_3H, *bias_hidden_3H, *output_CH, *bias_output_C;
};

/// The same, packed for the tiles of the forward or of the backward. Gates are ordered reset, update, new, as in
/// PyTorch.
template <class Real>
struct GruPacked {
  GruPacked(const GruWeightView<Real>& weights, bool for_backward);

  int64_t inputs, hidden, outputs;
  int bytes;                                      // of a register
  int64_t padded, padded_inputs, padded_outputs;  // G; I and C padded
  // Panels of the transposes for the forward, of the weights themselves for the backward.
  std::vector<Real> input_panels, hidden_panels, output_panels;
  std::vector<Real> bias_4G;  // of the gates' columns: reset, update, the new gate's hidden and its input product
  std::vector<Real> bias_output_D;
};

/// Where a block's inputs lie: moving - shift, fixed, shared.
template <class Real>
struct GruInputs {
  int64_t moving, fixed, shared;  // M, F, S; their sum is I
  Real shift;
  const Real* moving_NTM;
  const Real* fixed_NTF;
  int64_t fixed_week;  // from one week of fixed_NTF to the next, at least F
  const Real* shared_TS;
};

template <class Real>
struct GruForward {
  int64_t rows, weeks;
  GruInputs<Real> input;
  const Real* state_in_NH;  // before the first week; null: 0
  Real scale;
  // Weeks come first, so that a week's values lie side by side.
  Real* state_TNH;   // out: after each week
  Real* saved_TN4H;  // out: reset, update, new, and the new gate's hidden product, for the backward; may be null
  Real* output_NTC;  // out: scale * tanh(W h_t + b)
};

/// h_t = (1 - z) n + z h_{t-1}, n = tanh(x_n + r (h W_n + b_n)) (Cho et al. 2014, as in cuDNN and torch.nn.GRU).
template <class Real>
void gru_forward(const GruPacked<Real>& weights, const GruForward<Real>& block);

/// Added to by every block: the transposes of the weights' gradients, with padding, and those of the biases.
template <class Real>
struct GruGradient {
  Real *input_I3G, *hidden_H3G, *output_HD;
  Real* bias_4G;  // of the gates' columns, as GruPacked's
  Real* bias_output_D;
};

template <class Real>
struct GruBackward {
  int64_t rows, weeks;
  GruInputs<Real> input;
  const Real* state_in_NH;  // null: 0
  Real scale;
  const Real* state_TNH;
  const Real* saved_TN4H;
  const Real* output_NTC;
  const Real* grad_output_NTC;
  Real* grad_moving_NTM;  // out; may be null
  GruGradient<Real> gradient;
};

template <class Real>
void gru_backward(const GruPacked<Real>& weights, const GruBackward<Real>& block);

// The same with registers of 64 bytes (gru_wide.cpp).
void gru_forward_wide(const GruPacked<float>& weights, const GruForward<float>& block, float* scratch);
void gru_forward_wide(const GruPacked<double>& weights, const GruForward<double>& block, double* scratch);
void gru_backward_wide(const GruPacked<float>& weights, const GruBackward<float>& block, float* scratch);
void gru_backward_wide(const GruPacked<double>& weights, const GruBackward<double>& block, double* scratch);

}  // namespace dcmmm::kernels
