// The GRU's kernels for registers of 64 bytes: on x86-64 this file alone is compiled for AVX-512, and runs only where
// register_bytes() found it.
#include "model/kernels/gru_block.hpp"
#include "model/kernels/registers.hpp"

namespace dcmmm::kernels {

void gru_forward_wide(const GruPacked<float>& weights, const GruForward<float>& block, float* scratch) {
  gru_forward_block<float, 64>(weights, block, scratch);
}

void gru_forward_wide(const GruPacked<double>& weights, const GruForward<double>& block, double* scratch) {
  gru_forward_block<double, 64>(weights, block, scratch);
}

void gru_backward_wide(const GruPacked<float>& weights, const GruBackward<float>& block, float* scratch) {
  gru_backward_block<float, 64>(weights, block, scratch);
}

void gru_backward_wide(const GruPacked<double>& weights, const GruBackward<double>& block, double* scratch) {
  gru_backward_block<double, 64>(weights, block, scratch);
}

}  // namespace dcmmm::kernels
