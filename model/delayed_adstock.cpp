#include <optional>

#include "model/kernels/delayed_adstock.hpp"
#include "model/operations.hpp"

// E members, R regions, T weeks, C channels, L lags.
namespace dcmmm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

template <class Real>
kernels::DelayedAdstock<Real> region_view(const at::Tensor& media, const at::Tensor& scale, const at::Tensor& weight,
                                          const at::Tensor& history, int64_t row) {
  const int64_t regions = media.size(0), weeks = media.size(1), channels = media.size(2), lags = weight.size(1);
  return {weeks,
          channels,
          lags,
          media.const_data_ptr<Real>() + row % regions * weeks * channels,
          scale.const_data_ptr<Real>() + row * channels,
          weight.const_data_ptr<Real>() + row / regions * lags * channels,
          history.defined() ? history.const_data_ptr<Real>() + row * (lags - 1) * channels : nullptr,
          nullptr,
          nullptr};
}

class DelayedAdstockNode : public torch::autograd::Function<DelayedAdstockNode> {
 public:
  static tensor_list forward(AutogradContext* context, const at::Tensor& media, const at::Tensor& scale,
                             const at::Tensor& weight, const std::optional<at::Tensor>& given_history) {
    const at::Tensor history = given_history.value_or(at::Tensor());
    const int64_t members = scale.size(0), regions = media.size(0), weeks = media.size(1), channels = media.size(2);
    const int64_t before = weight.size(1) - 1;
    at::Tensor adstock = at::empty({members, regions, weeks, channels}, media.options());
    at::Tensor history_out = at::empty({members, regions, before, channels}, media.options());
    AT_DISPATCH_FLOATING_TYPES(media.scalar_type(), "delayed_adstock", [&] {
      scalar_t* out = adstock.data_ptr<scalar_t>();
      scalar_t* last = history_out.data_ptr<scalar_t>();
      at::parallel_for(0, members * regions, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          auto view = region_view<scalar_t>(media, scale, weight, history, row);
          view.adstock_TC = out + row * weeks * channels;
          view.history_out_LC = last + row * before * channels;
          kernels::delayed_adstock_forward(view);
        }
      });
    });
    context->save_for_backward({media, scale, weight, history});
    context->mark_non_differentiable({history_out});
    return {adstock, history_out};
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &media = saved[0], &scale = saved[1], &weight = saved[2];
    const at::Tensor grad_adstock = gradients[0].contiguous();
    const int64_t members = scale.size(0), regions = media.size(0), weeks = media.size(1), channels = media.size(2);
    const int64_t lags = weight.size(1);
    // One row of sums a region, added up in region order afterwards: the same bits for any number of threads.
    at::Tensor sums = at::zeros({members, regions, lags, channels}, media.options().dtype(at::kDouble));
    double* to = sums.data_ptr<double>();
    AT_DISPATCH_FLOATING_TYPES(media.scalar_type(), "delayed_adstock_backward", [&] {
      const scalar_t* grad = grad_adstock.const_data_ptr<scalar_t>();
      at::parallel_for(0, members * regions, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          kernels::delayed_adstock_backward(region_view<scalar_t>(media, scale, weight, saved[3], row),
                                            grad + row * weeks * channels, to + row * lags * channels);
        }
      });
    });
    return {{}, {}, sums.sum(1).to(media.scalar_type()), {}};
  }
};

}  // namespace

DelayedAdstockOutput delayed_adstock(const at::Tensor& media_RTC, const at::Tensor& inverse_scale_ERC,
                                     const at::Tensor& weight_ELC, const at::Tensor& history_in_ERLC) {
  const auto out = DelayedAdstockNode::apply(
      media_RTC.contiguous(), inverse_scale_ERC.contiguous(), weight_ELC.contiguous(),
      history_in_ERLC.defined() ? std::optional(history_in_ERLC.contiguous()) : std::optional<at::Tensor>());
  return {out[0], out[1]};
}

at::Tensor delayed_weights(const at::Tensor& decay_EC, const at::Tensor& peak_EC, int64_t lags) {
  const at::Tensor lag_L1 = at::arange(lags, decay_EC.options()).unsqueeze(-1);
  return at::softmax(decay_EC.log().unsqueeze(1) * (lag_L1 - peak_EC.unsqueeze(1)).square(), 1);
}

}  // namespace dcmmm
