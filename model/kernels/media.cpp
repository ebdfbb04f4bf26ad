#include "model/kernels/media.hpp"

#include "model/kernels/media_block.hpp"
#include "model/kernels/registers.hpp"

namespace dcmmm::kernels {
namespace {

// Room for one column; whether the registers are wide.
template <class Real>
bool prepare(int64_t weeks, std::vector<Real>& scratch) {
  const int bytes = register_bytes();
  const auto count = static_cast<size_t>(media_scratch<Real>(weeks, bytes));
  if (scratch.size() < count) scratch.resize(count);
  return bytes == 64;
}

}  // namespace

template <class Real>
void adstock_hill_forward(const AdstockHill<Real>& region, std::vector<Real>& scratch) {
  if (prepare(region.weeks, scratch))
    adstock_hill_forward_wide(region, scratch.data());
  else
    adstock_hill_forward_block<Real, 32>(region, scratch.data());
}

template <class Real>
void adstock_hill_backward(const AdstockHill<Real>& region, const Real* grad_response_TC, double* grad_decay_C,
                           double* grad_exponent_C, double* grad_log_half_C, std::vector<Real>& scratch) {
  if (prepare(region.weeks, scratch))
    adstock_hill_backward_wide(region, grad_response_TC, grad_decay_C, grad_exponent_C, grad_log_half_C,
                               scratch.data());
  else
    adstock_hill_backward_block<Real, 32>(region, grad_response_TC, grad_decay_C, grad_exponent_C, grad_log_half_C,
                                          scratch.data());
}

template <class Real>
void channel_effect_forward(const ChannelEffect<Real>& region, std::vector<Real>& scratch) {
  if (prepare(region.weeks, scratch))
    channel_effect_forward_wide(region, scratch.data());
  else
    channel_effect_forward_block<Real, 32>(region, scratch.data());
}

template <class Real>
void channel_effect_backward(const ChannelEffect<Real>& region, const Real* grad_effect_T, Real* grad_response_TC,
                             Real* grad_deviation_TC, double* grad_offset_C, std::vector<Real>& scratch) {
  if (prepare(region.weeks, scratch))
    channel_effect_backward_wide(region, grad_effect_T, grad_response_TC, grad_deviation_TC, grad_offset_C,
                                 scratch.data());
  else
    channel_effect_backward_block<Real, 32>(region, grad_effect_T, grad_response_TC, grad_deviation_TC, grad_offset_C,
                                            scratch.data());
}

#define DCMMM_INSTANTIATE(Real)                                                                         \
  template void adstock_hill_forward(const AdstockHill<Real>&, std::vector<Real>&);                     \
  template void adstock_hill_backward(const AdstockHill<Real>&, const Real*, double*, double*, double*, \
                                      std::vector<Real>&);                                              \
  template void channel_effect_forward(const ChannelEffect<Real>&, std::vector<Real>&);                 \
  template void channel_effect_backward(const ChannelEffect<Real>&, const Real*, Real*, Real*, double*, \
                                        std::vector<Real>&);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::kernels
