// The media kernels for registers of 64 bytes: compiled as gru_wide.cpp is.
#include "model/kernels/media_block.hpp"

namespace dcmmm::kernels {

#define DCMMM_WIDE(Real)                                                                                               \
  void adstock_hill_forward_wide(const AdstockHill<Real>& region, Real* scratch) {                                     \
    adstock_hill_forward_block<Real, 64>(region, scratch);                                                             \
  }                                                                                                                    \
  void adstock_hill_backward_wide(const AdstockHill<Real>& region, const Real* grad_response_TC, double* grad_decay_C, \
                                  double* grad_exponent_C, double* grad_log_half_C, Real* scratch) {                   \
    adstock_hill_backward_block<Real, 64>(region, grad_response_TC, grad_decay_C, grad_exponent_C, grad_log_half_C,    \
                                          scratch);                                                                    \
  }                                                                                                                    \
  void channel_effect_forward_wide(const ChannelEffect<Real>& region, Real* scratch) {                                 \
    channel_effect_forward_block<Real, 64>(region, scratch);                                                           \
  }                                                                                                                    \
  void channel_effect_backward_wide(const ChannelEffect<Real>& region, const Real* grad_effect_T,                      \
                                    Real* grad_response_TC, Real* grad_deviation_TC, double* grad_offset_C,            \
                                    Real* scratch) {                                                                   \
    channel_effect_backward_block<Real, 64>(region, grad_effect_T, grad_response_TC, grad_deviation_TC, grad_offset_C, \
                                            scratch);                                                                  \
  }
DCMMM_WIDE(float)
DCMMM_WIDE(double)

}  // namespace dcmmm::kernels
