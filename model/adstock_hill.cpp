#include <optional>
#include <vector>

#include "model/kernels/media.hpp"
#include "model/operations.hpp"

// E members, R regions, T weeks, C channels.
namespace dcmmm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

template <class Real>
kernels::AdstockHill<Real> region_view(const at::Tensor& media, const at::Tensor& scale, const at::Tensor& decay,
                                       const at::Tensor& exponent, const at::Tensor& log_half,
                                       const at::Tensor& carry_in, int64_t member, int64_t region) {
  const int64_t regions = media.size(0), weeks = media.size(1), channels = media.size(2);
  const int64_t row = member * regions + region;
  return {weeks,
          channels,
          media.const_data_ptr<Real>() + region * media.stride(0),
          scale.const_data_ptr<Real>() + row * channels,
          decay.const_data_ptr<Real>() + member * channels,
          exponent.const_data_ptr<Real>() + member * channels,
          log_half.const_data_ptr<Real>() + member * channels,
          carry_in.defined() ? carry_in.const_data_ptr<Real>() + row * channels : nullptr,
          nullptr,
          nullptr};
}

class AdstockHillNode : public torch::autograd::Function<AdstockHillNode> {
 public:
  static tensor_list forward(AutogradContext* context, const at::Tensor& media, const at::Tensor& scale,
                             const at::Tensor& decay, const at::Tensor& exponent, const at::Tensor& log_half,
                             const std::optional<at::Tensor>& given_carry_in) {
    const at::Tensor carry_in = given_carry_in.value_or(at::Tensor());
    const int64_t members = scale.size(0), regions = media.size(0), weeks = media.size(1), channels = media.size(2);
    at::Tensor response = at::empty({members, regions, weeks, channels}, media.options());
    at::Tensor carry_out = at::zeros({members, regions, channels}, media.options());
    AT_DISPATCH_FLOATING_TYPES(media.scalar_type(), "adstock_hill", [&] {
      scalar_t* out = response.data_ptr<scalar_t>();
      scalar_t* carry = carry_out.data_ptr<scalar_t>();
      at::parallel_for(0, members * regions, 1, [&](int64_t begin, int64_t end) {
        std::vector<scalar_t> scratch;
        for (int64_t row = begin; row < end; ++row) {
          auto view =
              region_view<scalar_t>(media, scale, decay, exponent, log_half, carry_in, row / regions, row % regions);
          view.response_TC = out + row * weeks * channels;
          view.carry_out_C = carry + row * channels;
          kernels::adstock_hill_forward(view, scratch);
        }
      });
    });
    context->save_for_backward({media, scale, decay, exponent, log_half, carry_in});
    context->mark_non_differentiable({carry_out});
    return {response, carry_out};
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &media = saved[0], &scale = saved[1], &decay = saved[2];
    const at::Tensor grad_response = gradients[0].contiguous();
    const int64_t members = scale.size(0), regions = media.size(0), weeks = media.size(1), channels = media.size(2);
    // One row of sums a region, added up in region order afterwards: the same bits for any number of threads.
    at::Tensor sums = at::zeros({3, members, regions, channels}, media.options().dtype(at::kDouble));
    double* to = sums.data_ptr<double>();
    const int64_t plane = members * regions * channels;
    AT_DISPATCH_FLOATING_TYPES(media.scalar_type(), "adstock_hill_backward", [&] {
      const scalar_t* grad = grad_response.const_data_ptr<scalar_t>();
      at::parallel_for(0, members * regions, 1, [&](int64_t begin, int64_t end) {
        std::vector<scalar_t> scratch;
        for (int64_t row = begin; row < end; ++row) {
          const auto view =
              region_view<scalar_t>(media, scale, decay, saved[3], saved[4], saved[5], row / regions, row % regions);
          double* row_sums = to + row * channels;
          kernels::adstock_hill_backward(view, grad + row * weeks * channels, row_sums, row_sums + plane,
                                         row_sums + 2 * plane, scratch);
        }
      });
    });
    const at::Tensor totals = sums.sum(2).to(media.scalar_type());
    return {{}, {}, totals[0], totals[1], totals[2], {}};
  }
};

}  // namespace

AdstockHillOutput adstock_hill(const at::Tensor& media_RTC, const at::Tensor& inverse_scale_ERC,
                               const at::Tensor& decay_EC, const at::Tensor& exponent_EC, const at::Tensor& log_half_EC,
                               const at::Tensor& carry_in_ERC) {
  // The first weeks of a panel's regions stay where they are.
  const bool dense_regions = media_RTC.stride(2) == 1 && media_RTC.stride(1) == media_RTC.size(2);
  const auto out = AdstockHillNode::apply(
      dense_regions ? media_RTC : media_RTC.contiguous(), inverse_scale_ERC.contiguous(), decay_EC.contiguous(),
      exponent_EC.contiguous(), log_half_EC.contiguous(),
      carry_in_ERC.defined() ? std::optional(carry_in_ERC.contiguous()) : std::optional<at::Tensor>());
  return {out[0], out[1]};
}

}  // namespace dcmmm
