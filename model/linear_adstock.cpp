#include <vector>

#include "model/kernels/media.hpp"
#include "model/operations.hpp"

// E members, R regions, T weeks, C channels.
namespace dcmmm {

AdstockHillOutput linear_adstock(const at::Tensor& media_RTC, const at::Tensor& inverse_scale_ERC,
                                 const at::Tensor& decay_EC, const at::Tensor& carry_in_ERC) {
  const at::Tensor scaled_ERTC =
      (media_RTC.unsqueeze(0) * inverse_scale_ERC.unsqueeze(2)).clamp_max(kernels::kMaxScaledMedia);
  const at::Tensor decay_E1C = decay_EC.unsqueeze(1);
  at::Tensor carried = carry_in_ERC.defined() ? carry_in_ERC : at::zeros_like(inverse_scale_ERC);
  std::vector<at::Tensor> weeks;
  for (int64_t t = 0; t < media_RTC.size(1); ++t) {
    carried = decay_E1C * carried + (1.0 - decay_E1C) * scaled_ERTC.select(2, t);
    weeks.push_back(carried);
  }
  const at::Tensor response = weeks.empty() ? scaled_ERTC : at::stack(weeks, 2);
  return {response, carried.detach()};
}

}  // namespace dcmmm
