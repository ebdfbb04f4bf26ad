// A GRU over a whole sequence, on the CPU: a block of rows at a time, all products in register tiles, fused gates; the
// weights' gradients are summed while a week's values are in the cache. Shapes: N rows of a block (regions of one
// member), T weeks, I inputs, H hidden units, G = H padded to whole registers. Row-major, last letter fastest.
#pragma once

#include <cstdint>
#include <vector>

namespace dcmmm::kernels {

/// One member's weights, packed for the tiles. Gates are ordered reset, update, new, as in PyTorch.
template <class Real>
class GruPacked {
 public:
  GruPacked(int64_t inputs, int64_t hidden, const Real* weight_input_3HI, const Real* weight_hidden_3HH,
            const Real* bias_input_3H, const Real* bias_hidden_3H);

  int64_t inputs, hidden;
  int bytes;              // of a register
  int64_t padded;         // G
  int64_t padded_inputs;  // I padded to whole registers
  // Panels of the weights' transposes (for the forward), of the weights (for the backward), biases of the gates'
  // columns: reset, update, the new gate's hidden and its input product.
  std::vector<Real> forward_input, forward_hidden, backward_input, backward_hidden, bias_4G;
};

template <class Real>
struct GruForward {
  int64_t rows, weeks;
  const Real* input_NTI;
  const Real* state_in_NH;  // before the first week; null: 0
  Real* state_NTH;          // out: after each week
  Real* saved_NT4H;         // out: reset, update, new, and the new gate's hidden product, for the backward; may be null
};

/// h_t = (1 - z) n + z h_{t-1}, n = tanh(x_n + r (h W_n + b_n)) (Cho et al. 2014, as in cuDNN and torch.nn.GRU).
template <class Real>
void gru_forward(const GruPacked<Real>& weights, const GruForward<Real>& block);

template <class Real>
struct GruBackward {
  int64_t rows, weeks;
  const Real* input_NTI;
  const Real* state_in_NH;  // null: 0
  const Real* state_NTH;
  const Real* saved_NT4H;
  const Real* grad_state_NTH;   // dL/dh_t from outside the recurrence
  Real* grad_input_NTI;         // out; may be null
  Real* grad_weight_input_I3G;  // added to: the transposes of dL/dW, rows padded
  Real* grad_weight_hidden_H3G;
  Real* grad_bias_4G;  // added to: of the gates' columns, as GruPacked's
};

template <class Real>
void gru_backward(const GruPacked<Real>& weights, const GruBackward<Real>& block);

// The same with registers of 64 bytes (gru_wide.cpp).
void gru_forward_wide(const GruPacked<float>& weights, const GruForward<float>& block, float* scratch);
void gru_forward_wide(const GruPacked<double>& weights, const GruForward<double>& block, double* scratch);
void gru_backward_wide(const GruPacked<float>& weights, const GruBackward<float>& block, float* scratch);
void gru_backward_wide(const GruPacked<double>& weights, const GruBackward<double>& block, double* scratch);

}  // namespace dcmmm::kernels
