#include <vector>

#include "model/kernels/media.hpp"
#include "model/operations.hpp"

// E members, R regions, T weeks, C channels.
namespace dcmmm {
namespace {

// Carries scaled media [E, R, T, C] over, week by week.
AdstockHillOutput carried_over(const at::Tensor& scaled_ERTC, const at::Tensor& decay_EC,
                               const at::Tensor& carry_in_ERC) {
  const at::Tensor decay_E1C = decay_EC.unsqueeze(1);
  at::Tensor carried =
      carry_in_ERC.defined()
          ? carry_in_ERC
          : at::zeros({scaled_ERTC.size(0), scaled_ERTC.size(1), scaled_ERTC.size(3)}, scaled_ERTC.options());
  std::vector<at::Tensor> weeks;
  for (int64_t t = 0; t < scaled_ERTC.size(2); ++t) {
    carried = decay_E1C * carried + (1.0 - decay_E1C) * scaled_ERTC.select(2, t);
    weeks.push_back(carried);
  }
  const at::Tensor response = weeks.empty() ? scaled_ERTC : at::stack(weeks, 2);
  return {response, carried.detach()};
}

at::Tensor scaled(const at::Tensor& media_RTC, const at::Tensor& inverse_scale_ERC) {
  return (media_RTC.unsqueeze(0) * inverse_scale_ERC.unsqueeze(2)).clamp_max(kernels::kMaxScaledMedia);
}

}  // namespace

AdstockHillOutput linear_adstock(const at::Tensor& media_RTC, const at::Tensor& inverse_scale_ERC,
                                 const at::Tensor& decay_EC, const at::Tensor& carry_in_ERC) {
  return carried_over(scaled(media_RTC, inverse_scale_ERC), decay_EC, carry_in_ERC);
}

AdstockHillOutput reach_adstock(const at::Tensor& reach_RTC, const at::Tensor& frequency_RTC,
                                const at::Tensor& inverse_scale_ERC, const at::Tensor& decay_EC,
                                const at::Tensor& exponent_EC, const at::Tensor& log_half_EC,
                                const at::Tensor& carry_in_ERC) {
  const auto in_time = [](const at::Tensor& by_EC) { return by_EC.unsqueeze(1).unsqueeze(1); };
  const at::Tensor saturation_ERTC = at::sigmoid(
      in_time(exponent_EC) * ((frequency_RTC.unsqueeze(0) + kernels::kHillOffset).log() - in_time(log_half_EC)));
  return carried_over(scaled(reach_RTC, inverse_scale_ERC) * saturation_ERTC, decay_EC, carry_in_ERC);
}

}  // namespace dcmmm
