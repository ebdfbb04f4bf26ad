#include "planning/responses.hpp"

#include <algorithm>

#include "model/kernels/media.hpp"
#include "planning/kernels/carry_response.hpp"

namespace dcmmm {
namespace {

kernels::CarryResponse view(const Responses& in, int64_t region, int64_t channel, const double* scaled_H) {
  const int64_t C = in.channels, T = in.weeks;
  return {in.draws,
          in.horizon,
          T,
          scaled_H,
          in.base(region, channel),
          in.carry_DCT.data() + channel * T,
          C,
          in.saturates ? in.exponent_DC.data() + channel : nullptr,
          in.saturates ? in.log_half_DC.data() + channel : nullptr,
          in.factor_RDC.data() + region * in.draws * C + channel,
          in.coefficient_RCT.data() + (region * C + channel) * T};
}

}  // namespace

RegionResponse::RegionResponse(const Responses& responses)
    : responses_(responses),
      scaled_H_(static_cast<size_t>(responses.horizon)),
      workspace_(static_cast<size_t>(kernels::workspace_size(responses.draws, responses.weeks))) {}

void RegionResponse::outcome(int64_t region, int64_t channel, const double* spend_H, double* outcome_D) {
  const double unit = responses_.unit_RC[region * responses_.channels + channel];
  for (int64_t t = 0; t < responses_.horizon; ++t)
    scaled_H_[t] = unit > 0 ? std::min(spend_H[t] / unit, kernels::kMaxScaledMedia) : 0;
  kernels::carry_response(view(responses_, region, channel, scaled_H_.data()), workspace_.data(), outcome_D);
}

void RegionResponse::gradient(int64_t region, int64_t channel, const double* spend_H, const double* weight_D,
                              double* outcome_D, double* gradient_H) {
  const int64_t H = responses_.horizon;
  const double unit = responses_.unit_RC[region * responses_.channels + channel];
  for (int64_t t = 0; t < H; ++t) scaled_H_[t] = unit > 0 ? std::min(spend_H[t] / unit, kernels::kMaxScaledMedia) : 0;
  std::fill_n(gradient_H, H, 0.0);
  kernels::carry_response_gradient(view(responses_, region, channel, scaled_H_.data()), weight_D, workspace_.data(),
                                   outcome_D, gradient_H);
  for (int64_t t = 0; t < H; ++t)
    gradient_H[t] = unit > 0 && scaled_H_[t] < kernels::kMaxScaledMedia ? gradient_H[t] / unit : 0;
}

void add_idle_outcome(const Responses& responses, int64_t region, int64_t channel, double* outcome_D) {
  RegionResponse response(responses);
  const std::vector<double> nothing_H(static_cast<size_t>(responses.horizon), 0.0);
  response.outcome(region, channel, nothing_H.data(), outcome_D);
}

}  // namespace dcmmm
