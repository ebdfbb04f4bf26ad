#include "model/kernels/gru.hpp"

#include <algorithm>

#include "model/kernels/gru_block.hpp"
#include "model/kernels/registers.hpp"

namespace dcmmm::kernels {
namespace {

int64_t round_up(int64_t count, int64_t lanes) { return (count + lanes - 1) / lanes * lanes; }

// Panels of two registers' columns, [panel][inner][columns of a panel], of the matrix that value(inner, column) gives.
template <class Real, class Value>
std::vector<Real> pack(int64_t inner, int64_t columns, int64_t panel, const Value& value) {
  std::vector<Real> out(static_cast<size_t>(inner * round_up(columns, panel)), Real(0));
  for (int64_t column = 0; column < columns; ++column) {
    Real* to = out.data() + column / panel * panel * inner + column % panel;
    for (int64_t k = 0; k < inner; ++k) to[k * panel] = value(k, column);
  }
  return out;
}

}  // namespace

template <class Real>
GruPacked<Real>::GruPacked(const GruWeightView<Real>& from, bool for_backward)
    : inputs(from.inputs), hidden(from.hidden), outputs(from.outputs), bytes(register_bytes()) {
  const int64_t lanes = bytes / static_cast<int64_t>(sizeof(Real)), panel = panel_columns<Real>(bytes);
  const int64_t H = hidden, I = inputs, C = outputs, G = round_up(hidden, lanes);
  padded = G;
  padded_inputs = round_up(inputs, lanes);
  padded_outputs = round_up(outputs, lanes);
  // Of all gates' columns, with padding: each one's row among the weights; -1 in the padding, whose values are 0.
  std::vector<int64_t> row_3G(static_cast<size_t>(3 * G), -1);
  for (int64_t gate = 0; gate < 3; ++gate)
    for (int64_t j = 0; j < H; ++j) row_3G[gate * G + j] = gate * H + j;
  const auto of_gates = [&](int64_t place, const Real* weight, int64_t width, int64_t i) {
    return row_3G[place] >= 0 ? weight[row_3G[place] * width + i] : Real(0);
  };
  if (for_backward) {
    input_panels = pack<Real>(3 * G, I, panel, [&](int64_t g, int64_t i) { return of_gates(g, from.input_3HI, I, i); });
    hidden_panels =
        pack<Real>(3 * G, H, panel, [&](int64_t g, int64_t j) { return of_gates(g, from.hidden_3HH, H, j); });
    output_panels = pack<Real>(C, H, panel, [&](int64_t c, int64_t j) { return from.output_CH[c * H + j]; });
    return;
  }
  input_panels = pack<Real>(I, 3 * G, panel, [&](int64_t i, int64_t g) { return of_gates(g, from.input_3HI, I, i); });
  hidden_panels = pack<Real>(H, 3 * G, panel, [&](int64_t j, int64_t g) { return of_gates(g, from.hidden_3HH, H, j); });
  output_panels = pack<Real>(H, C, panel, [&](int64_t j, int64_t c) { return from.output_CH[c * H + j]; });
  bias_4G.assign(static_cast<size_t>(4 * G), Real(0));
  for (int64_t j = 0; j < H; ++j) {
    for (int64_t gate = 0; gate < 2; ++gate)
      bias_4G[gate * G + j] = from.bias_input_3H[gate * H + j] + from.bias_hidden_3H[gate * H + j];
    bias_4G[2 * G + j] = from.bias_hidden_3H[2 * H + j];
    bias_4G[3 * G + j] = from.bias_input_3H[2 * H + j];
  }
  bias_output_D.assign(static_cast<size_t>(padded_outputs), Real(0));
  std::copy_n(from.bias_output_C, C, bias_output_D.begin());
}

template <class Real>
void gru_forward(const GruPacked<Real>& weights, const GruForward<Real>& block) {
  std::vector<Real> scratch(static_cast<size_t>(gru_scratch(weights, block.rows)));
  if (weights.bytes == 64)
    gru_forward_wide(weights, block, scratch.data());
  else
    gru_forward_block<Real, 32>(weights, block, scratch.data());
}

template <class Real>
void gru_backward(const GruPacked<Real>& weights, const GruBackward<Real>& block) {
  std::vector<Real> scratch(static_cast<size_t>(gru_scratch(weights, block.rows)));
  if (weights.bytes == 64)
    gru_backward_wide(weights, block, scratch.data());
  else
    gru_backward_block<Real, 32>(weights, block, scratch.data());
}

#define DCMMM_INSTANTIATE(Real)                                               \
  template struct GruPacked<Real>;                                            \
  template void gru_forward(const GruPacked<Real>&, const GruForward<Real>&); \
  template void gru_backward(const GruPacked<Real>&, const GruBackward<Real>&);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::kernels
