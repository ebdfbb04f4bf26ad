#include <optional>

#include "model/kernels/gru.hpp"
#include "model/operations.hpp"

// E members, R regions, T weeks, I inputs, H hidden units, S = T + 1 states.
namespace dcmmm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr int64_t kRowsAtOnce =
    16;  // regions of one thread's block: enough for the register tile, small enough for the cache

// Calls work(member, first region, regions) for blocks of regions, in parallel.
template <class Work>
void for_each_block(int64_t members, int64_t regions, const Work& work) {
  const int64_t blocks = (regions + kRowsAtOnce - 1) / kRowsAtOnce;
  at::parallel_for(0, members * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t first = index % blocks * kRowsAtOnce;
      work(index / blocks, first, std::min(kRowsAtOnce, regions - first));
    }
  });
}

class GruNode : public torch::autograd::Function<GruNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& inputs, const at::Tensor& weight_input,
                            const at::Tensor& weight_hidden, const at::Tensor& bias_input,
                            const at::Tensor& bias_hidden, const std::optional<at::Tensor>& given_state_in) {
    const at::Tensor state_in = given_state_in.value_or(at::Tensor());
    const int64_t members = inputs.size(0), regions = inputs.size(1), weeks = inputs.size(2),
                  hidden = weight_hidden.size(2);
    const at::Tensor gates = at::baddbmm(bias_input.unsqueeze(1), inputs.reshape({members, regions * weeks, -1}),
                                         weight_input.transpose(1, 2));
    const at::Tensor weight_hidden_t = weight_hidden.transpose(1, 2).contiguous();
    at::Tensor states = at::empty({members, regions, weeks + 1, hidden}, inputs.options());
    if (state_in.defined())
      states.select(2, 0).copy_(state_in);
    else
      states.select(2, 0).zero_();
    at::Tensor saved = at::empty({members, regions, weeks, 4 * hidden}, inputs.options());
    AT_DISPATCH_FLOATING_TYPES(inputs.scalar_type(), "gru_sequence", [&] {
      for_each_block(members, regions, [&](int64_t member, int64_t first, int64_t rows) {
        const int64_t row = member * regions + first;
        kernels::gru_forward<scalar_t>({rows, weeks, hidden,
                                        gates.const_data_ptr<scalar_t>() + row * weeks * 3 * hidden,
                                        weight_hidden_t.const_data_ptr<scalar_t>() + member * 3 * hidden * hidden,
                                        bias_hidden.const_data_ptr<scalar_t>() + member * 3 * hidden,
                                        states.data_ptr<scalar_t>() + row * (weeks + 1) * hidden,
                                        saved.data_ptr<scalar_t>() + row * weeks * 4 * hidden});
      });
    });
    context->save_for_backward({inputs, weight_input, weight_hidden, states, saved});
    return states.narrow(2, 1, weeks).contiguous();
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto kept = context->get_saved_variables();
    const at::Tensor &inputs = kept[0], &weight_input = kept[1], &weight_hidden = kept[2], &states = kept[3],
                     &saved = kept[4];
    const int64_t members = inputs.size(0), regions = inputs.size(1), weeks = inputs.size(2),
                  hidden = weight_hidden.size(2);
    const at::Tensor grad_states = gradients[0].contiguous();
    at::Tensor to_input = at::empty({members, regions * weeks, 3 * hidden}, inputs.options());
    at::Tensor to_hidden = at::empty_like(to_input);
    AT_DISPATCH_FLOATING_TYPES(inputs.scalar_type(), "gru_sequence_backward", [&] {
      for_each_block(members, regions, [&](int64_t member, int64_t first, int64_t rows) {
        const int64_t row = member * regions + first;
        kernels::gru_backward<scalar_t>({rows, weeks, hidden,
                                         weight_hidden.const_data_ptr<scalar_t>() + member * 3 * hidden * hidden,
                                         states.const_data_ptr<scalar_t>() + row * (weeks + 1) * hidden,
                                         saved.const_data_ptr<scalar_t>() + row * weeks * 4 * hidden,
                                         grad_states.const_data_ptr<scalar_t>() + row * weeks * hidden,
                                         to_input.data_ptr<scalar_t>() + row * weeks * 3 * hidden,
                                         to_hidden.data_ptr<scalar_t>() + row * weeks * 3 * hidden});
      });
    });
    // The weights' gradients are one product over all regions and weeks.
    const at::Tensor before = states.narrow(2, 0, weeks).reshape({members, regions * weeks, hidden});
    const at::Tensor grad_inputs = at::bmm(to_input, weight_input).view(inputs.sizes());
    const at::Tensor grad_weight_input = at::bmm(to_input.transpose(1, 2), inputs.view({members, regions * weeks, -1}));
    const at::Tensor grad_weight_hidden = at::bmm(to_hidden.transpose(1, 2), before);
    return {grad_inputs, grad_weight_input, grad_weight_hidden, to_input.sum(1), to_hidden.sum(1), {}};
  }
};

}  // namespace

at::Tensor gru_sequence(const at::Tensor& inputs_ERTI, const GruWeights& weights, const at::Tensor& state_in_ERH) {
  return GruNode::apply(
      inputs_ERTI.contiguous(), weights.input_E3HI.contiguous(), weights.hidden_E3HH.contiguous(),
      weights.bias_input_E3H.contiguous(), weights.bias_hidden_E3H.contiguous(),
      state_in_ERH.defined() ? std::optional(state_in_ERH.contiguous()) : std::optional<at::Tensor>());
}

}  // namespace dcmmm
