#include <memory>
#include <optional>

#include "model/kernels/gru.hpp"
#include "model/operations.hpp"

// E members, R regions, T weeks, I inputs, H hidden units, G of them with padding, B blocks of regions.
namespace dcmmm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Regions of one thread's block: many enough that a week's products use each packed weight often, few enough that a
// week's gates stay in the cache. Fixed by the shape, since the weights' gradients are summed block by block.
int64_t rows_at_once(int64_t hidden) { return hidden <= 64 ? 48 : 96; }

int64_t block_count(int64_t regions, int64_t hidden) {
  return (regions + rows_at_once(hidden) - 1) / rows_at_once(hidden);
}

// Calls work(member, block, first region, regions) for blocks of regions, in parallel.
template <class Work>
void for_each_block(int64_t members, int64_t regions, int64_t hidden, const Work& work) {
  const int64_t blocks = block_count(regions, hidden), size = rows_at_once(hidden);
  at::parallel_for(0, members * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t first = index % blocks * size;
      work(index / blocks, index % blocks, first, std::min(size, regions - first));
    }
  });
}

template <class Real>
std::vector<kernels::GruPacked<Real>> packed(const at::Tensor& weight_input, const at::Tensor& weight_hidden,
                                             const at::Tensor& bias_input, const at::Tensor& bias_hidden) {
  std::vector<kernels::GruPacked<Real>> out;
  for (int64_t e = 0; e < weight_input.size(0); ++e)
    out.emplace_back(weight_input.size(2), weight_hidden.size(2), weight_input[e].const_data_ptr<Real>(),
                     weight_hidden[e].const_data_ptr<Real>(), bias_input[e].const_data_ptr<Real>(),
                     bias_hidden[e].const_data_ptr<Real>());
  return out;
}

// [E, B, rows, 3 or 4 G] sums of blocks -> [E, 3H, rows]: over blocks, transposed, without the padding.
at::Tensor weight_gradient(const at::Tensor& of_blocks, int64_t rows, int64_t gates, int64_t padded, int64_t hidden) {
  return of_blocks.sum(1)
      .view({of_blocks.size(0), rows, gates, padded})
      .narrow(3, 0, hidden)
      .permute({0, 2, 3, 1})
      .reshape({of_blocks.size(0), gates * hidden, rows});
}

class GruNode : public torch::autograd::Function<GruNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& inputs, const at::Tensor& weight_input,
                            const at::Tensor& weight_hidden, const at::Tensor& bias_input,
                            const at::Tensor& bias_hidden, const std::optional<at::Tensor>& given_state_in,
                            bool with_gradient) {
    const at::Tensor state_in = given_state_in.value_or(at::Tensor());
    const int64_t members = inputs.size(0), regions = inputs.size(1), weeks = inputs.size(2), I = inputs.size(3),
                  hidden = weight_hidden.size(2);
    at::Tensor states = at::empty({members, regions, weeks, hidden}, inputs.options());
    at::Tensor saved =
        with_gradient ? at::empty({members, regions, weeks, 4 * hidden}, inputs.options()) : at::Tensor();
    AT_DISPATCH_FLOATING_TYPES(inputs.scalar_type(), "gru_sequence", [&] {
      const auto weights = packed<scalar_t>(weight_input, weight_hidden, bias_input, bias_hidden);
      for_each_block(members, regions, hidden, [&](int64_t member, int64_t, int64_t first, int64_t rows) {
        const int64_t row = member * regions + first, cell = row * weeks;
        kernels::gru_forward<scalar_t>(
            weights[member],
            {rows, weeks, inputs.const_data_ptr<scalar_t>() + cell * I,
             state_in.defined() ? state_in.const_data_ptr<scalar_t>() + row * hidden : nullptr,
             states.data_ptr<scalar_t>() + cell * hidden,
             saved.defined() ? saved.data_ptr<scalar_t>() + cell * 4 * hidden : nullptr});
      });
    });
    context->save_for_backward(
        {inputs, weight_input, weight_hidden, bias_input, bias_hidden, state_in, states, saved});
    return states;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto kept = context->get_saved_variables();
    const at::Tensor &inputs = kept[0], &weight_hidden = kept[2], &state_in = kept[5], &states = kept[6],
                     &saved = kept[7];
    const int64_t members = inputs.size(0), regions = inputs.size(1), weeks = inputs.size(2), I = inputs.size(3),
                  hidden = weight_hidden.size(2), blocks = block_count(regions, hidden);
    const at::Tensor grad_states = gradients[0].contiguous();
    at::Tensor grad_inputs = context->needs_input_grad(0) ? at::empty_like(inputs) : at::Tensor();
    at::Tensor grad_weight_input, grad_weight_hidden, grad_bias;
    int64_t padded = 0;
    AT_DISPATCH_FLOATING_TYPES(inputs.scalar_type(), "gru_sequence_backward", [&] {
      const auto weights = packed<scalar_t>(kept[1], kept[2], kept[3], kept[4]);
      const int64_t G = padded = weights[0].padded;
      grad_weight_input = at::zeros({members, blocks, I * 3 * G}, inputs.options());
      grad_weight_hidden = at::zeros({members, blocks, hidden * 3 * G}, inputs.options());
      grad_bias = at::zeros({members, blocks, 4 * G}, inputs.options());
      for_each_block(members, regions, hidden, [&](int64_t member, int64_t block, int64_t first, int64_t rows) {
        const int64_t row = member * regions + first, cell = row * weeks, sums = member * blocks + block;
        kernels::gru_backward<scalar_t>(
            weights[member],
            {rows, weeks, inputs.const_data_ptr<scalar_t>() + cell * I,
             state_in.defined() ? state_in.const_data_ptr<scalar_t>() + row * hidden : nullptr,
             states.const_data_ptr<scalar_t>() + cell * hidden, saved.const_data_ptr<scalar_t>() + cell * 4 * hidden,
             grad_states.const_data_ptr<scalar_t>() + cell * hidden,
             grad_inputs.defined() ? grad_inputs.data_ptr<scalar_t>() + cell * I : nullptr,
             grad_weight_input.data_ptr<scalar_t>() + sums * I * 3 * G,
             grad_weight_hidden.data_ptr<scalar_t>() + sums * hidden * 3 * G,
             grad_bias.data_ptr<scalar_t>() + sums * 4 * G});
      });
    });
    // Reset and update have one bias each in effect; the new gate's two differ.
    const at::Tensor bias = weight_gradient(grad_bias, 1, 4, padded, hidden).squeeze(2);
    const at::Tensor of_hidden = bias.narrow(1, 0, 3 * hidden);
    const at::Tensor of_input = at::cat({bias.narrow(1, 0, 2 * hidden), bias.narrow(1, 3 * hidden, hidden)}, 1);
    return {grad_inputs,
            weight_gradient(grad_weight_input, I, 3, padded, hidden),
            weight_gradient(grad_weight_hidden, hidden, 3, padded, hidden),
            of_input,
            of_hidden,
            {},
            {}};
  }
};

}  // namespace

at::Tensor gru_sequence(const at::Tensor& inputs_ERTI, const GruWeights& weights, const at::Tensor& state_in_ERH) {
  const bool with_gradient =
      at::GradMode::is_enabled() &&
      (inputs_ERTI.requires_grad() || weights.input_E3HI.requires_grad() || weights.hidden_E3HH.requires_grad() ||
       weights.bias_input_E3H.requires_grad() || weights.bias_hidden_E3H.requires_grad());
  return GruNode::apply(
      inputs_ERTI.contiguous(), weights.input_E3HI.contiguous(), weights.hidden_E3HH.contiguous(),
      weights.bias_input_E3H.contiguous(), weights.bias_hidden_E3H.contiguous(),
      state_in_ERH.defined() ? std::optional(state_in_ERH.contiguous()) : std::optional<at::Tensor>(), with_gradient);
}

}  // namespace dcmmm
