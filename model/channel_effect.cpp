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
kernels::ChannelEffect<Real> region_view(const at::Tensor& response, const at::Tensor& log_mean,
                                         const at::Tensor& offset, const at::Tensor& deviation, int64_t row) {
  const int64_t regions = response.size(1), weeks = response.size(2), channels = response.size(3);
  const int64_t member = row / regions, cells = row * weeks * channels;
  return {weeks,
          channels,
          response.const_data_ptr<Real>() + cells,
          log_mean.const_data_ptr<Real>() + member * channels,
          offset.const_data_ptr<Real>() + row * channels,
          deviation.defined() ? deviation.const_data_ptr<Real>() + cells : nullptr,
          nullptr};
}

class ChannelEffectNode : public torch::autograd::Function<ChannelEffectNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& response, const at::Tensor& log_mean,
                            const at::Tensor& offset, const std::optional<at::Tensor>& given_deviation) {
    const at::Tensor deviation = given_deviation.value_or(at::Tensor());
    const int64_t members = response.size(0), regions = response.size(1), weeks = response.size(2);
    at::Tensor effect = at::empty({members, regions, weeks}, response.options());
    AT_DISPATCH_FLOATING_TYPES(response.scalar_type(), "channel_effect", [&] {
      scalar_t* out = effect.data_ptr<scalar_t>();
      at::parallel_for(0, members * regions, 1, [&](int64_t begin, int64_t end) {
        std::vector<scalar_t> scratch;
        for (int64_t row = begin; row < end; ++row) {
          auto view = region_view<scalar_t>(response, log_mean, offset, deviation, row);
          view.effect_T = out + row * weeks;
          kernels::channel_effect_forward(view, scratch);
        }
      });
    });
    context->save_for_backward({response, log_mean, offset, deviation});
    return effect;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &response = saved[0], &deviation = saved[3];
    const at::Tensor grad_effect = gradients[0].contiguous();
    const int64_t members = response.size(0), regions = response.size(1), weeks = response.size(2),
                  channels = response.size(3);
    at::Tensor grad_response = at::empty_like(response);
    at::Tensor grad_deviation = deviation.defined() ? at::empty_like(deviation) : at::Tensor();
    at::Tensor grad_offset = at::zeros({members, regions, channels}, response.options().dtype(at::kDouble));
    AT_DISPATCH_FLOATING_TYPES(response.scalar_type(), "channel_effect_backward", [&] {
      const scalar_t* grad = grad_effect.const_data_ptr<scalar_t>();
      scalar_t* to_response = grad_response.data_ptr<scalar_t>();
      scalar_t* to_deviation = deviation.defined() ? grad_deviation.data_ptr<scalar_t>() : nullptr;
      double* to_offset = grad_offset.data_ptr<double>();
      at::parallel_for(0, members * regions, 1, [&](int64_t begin, int64_t end) {
        std::vector<scalar_t> scratch;
        for (int64_t row = begin; row < end; ++row) {
          const int64_t cells = row * weeks * channels;
          kernels::channel_effect_backward(region_view<scalar_t>(response, saved[1], saved[2], deviation, row),
                                           grad + row * weeks, to_response + cells,
                                           to_deviation != nullptr ? to_deviation + cells : nullptr,
                                           to_offset + row * channels, scratch);
        }
      });
    });
    return {grad_response, grad_offset.sum(1).to(response.scalar_type()), grad_offset.to(response.scalar_type()),
            grad_deviation};
  }
};

}  // namespace

at::Tensor channel_effect(const at::Tensor& response_ERTC, const at::Tensor& log_mean_EC, const at::Tensor& offset_ERC,
                          const at::Tensor& deviation_ERTC) {
  return ChannelEffectNode::apply(
      response_ERTC.contiguous(), log_mean_EC.contiguous(), offset_ERC.contiguous(),
      deviation_ERTC.defined() ? std::optional(deviation_ERTC.contiguous()) : std::optional<at::Tensor>());
}

}  // namespace dcmmm
