#include "model/kernels/gru.hpp"

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
GruPacked<Real>::GruPacked(int64_t inputs, int64_t hidden, const Real* weight_input_3HI, const Real* weight_hidden_3HH,
                           const Real* bias_input_3H, const Real* bias_hidden_3H)
    : inputs(inputs), hidden(hidden), bytes(register_bytes()) {
  const int64_t lanes = bytes / static_cast<int64_t>(sizeof(Real)), panel = panel_columns<Real>(bytes);
  const int64_t H = hidden, I = inputs, G = round_up(hidden, lanes);
  padded_inputs = round_up(inputs, lanes);
  padded = G;
  // A column of the gates, or a place of their sum, is `gate`'s j-th; 0 in the padding.
  const auto of_gate = [&](int64_t place, const auto& weight) { return place % G < H ? weight(place / G * H + place % G) : Real(0); };
  const auto input = [&](int64_t gate, int64_t i) { return weight_input_3HI[gate * I + i]; };
  const auto state = [&](int64_t gate, int64_t j) { return weight_hidden_3HH[gate * H + j]; };
  forward_input = pack<Real>(I, 3 * G, panel, [&](int64_t i, int64_t column) {
    return of_gate(column, [&](int64_t gate) { return input(gate, i); });
  });
  forward_hidden = pack<Real>(H, 3 * G, panel, [&](int64_t j, int64_t column) {
    return of_gate(column, [&](int64_t gate) { return state(gate, j); });
  });
  backward_input = pack<Real>(3 * G, I, panel, [&](int64_t place, int64_t i) {
    return of_gate(place, [&](int64_t gate) { return input(gate, i); });
  });
  backward_hidden = pack<Real>(3 * G, H, panel, [&](int64_t place, int64_t j) {
    return of_gate(place, [&](int64_t gate) { return state(gate, j); });
  });
  bias_4G.assign(static_cast<size_t>(4 * G), Real(0));
  for (int64_t j = 0; j < H; ++j) {
    for (int64_t gate = 0; gate < 2; ++gate)
      bias_4G[gate * G + j] = bias_input_3H[gate * H + j] + bias_hidden_3H[gate * H + j];
    bias_4G[2 * G + j] = bias_hidden_3H[2 * H + j];
    bias_4G[3 * G + j] = bias_input_3H[2 * H + j];
  }
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

#define DCMMM_INSTANTIATE(Real)                                              \
  template class GruPacked<Real>;                                            \
  template void gru_forward(const GruPacked<Real>&, const GruForward<Real>&); \
  template void gru_backward(const GruPacked<Real>&, const GruBackward<Real>&);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::kernels
