#include <optional>

#include "model/kernels/gru.hpp"
#include "model/operations.hpp"

// E members, R regions, T weeks, I inputs (M moving, F fixed, S shared), H hidden units (G with padding), C outputs (D
// with padding), B blocks of regions.
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
std::vector<kernels::GruPacked<Real>> packed(const GruWeights& weights, bool for_backward) {
  std::vector<kernels::GruPacked<Real>> out;
  for (int64_t e = 0; e < weights.input_E3HI.size(0); ++e) {
    const kernels::GruWeightView<Real> view{weights.input_E3HI.size(2),
                                            weights.hidden_E3HH.size(2),
                                            weights.output_ECH.size(1),
                                            weights.input_E3HI[e].const_data_ptr<Real>(),
                                            weights.hidden_E3HH[e].const_data_ptr<Real>(),
                                            weights.bias_input_E3H[e].const_data_ptr<Real>(),
                                            weights.bias_hidden_E3H[e].const_data_ptr<Real>(),
                                            weights.output_ECH[e].const_data_ptr<Real>(),
                                            weights.bias_output_EC[e].const_data_ptr<Real>()};
    out.emplace_back(view, for_backward);
  }
  return out;
}

template <class Real>
kernels::GruInputs<Real> inputs_of(const at::Tensor& moving, const at::Tensor& fixed, const at::Tensor& shared,
                                   double shift, int64_t cell) {
  const int64_t M = moving.size(3), F = fixed.size(3);
  return {M,
          F,
          shared.size(1),
          static_cast<Real>(shift),
          moving.const_data_ptr<Real>() + cell * M,
          fixed.const_data_ptr<Real>() + cell * F,
          F,
          shared.const_data_ptr<Real>()};
}

// [E, B, rows, groups of padded columns] sums of blocks -> [E, groups * width, rows]: over blocks, transposed, without
// the padding.
at::Tensor over_blocks(const at::Tensor& of_blocks, int64_t rows, int64_t groups, int64_t padded, int64_t width) {
  return of_blocks.sum(1)
      .view({of_blocks.size(0), rows, groups, padded})
      .narrow(3, 0, width)
      .permute({0, 2, 3, 1})
      .reshape({of_blocks.size(0), groups * width, rows});
}

class GruNode : public torch::autograd::Function<GruNode> {
 public:
  static tensor_list forward(AutogradContext* context, const at::Tensor& moving, const at::Tensor& fixed,
                             const at::Tensor& shared, double shift, double scale, const at::Tensor& weight_input,
                             const at::Tensor& weight_hidden, const at::Tensor& bias_input,
                             const at::Tensor& bias_hidden, const at::Tensor& weight_output,
                             const at::Tensor& bias_output, const std::optional<at::Tensor>& given_state_in,
                             bool with_gradient) {
    const at::Tensor state_in = given_state_in.value_or(at::Tensor());
    const int64_t members = moving.size(0), regions = moving.size(1), weeks = moving.size(2),
                  hidden = weight_hidden.size(2), outputs = weight_output.size(1);
    // Of each block of regions, weeks come first.
    at::Tensor states = at::empty({members, regions, weeks, hidden}, moving.options());
    at::Tensor out = at::empty({members, regions, weeks, outputs}, moving.options());
    at::Tensor saved =
        with_gradient ? at::empty({members, regions, weeks, 4 * hidden}, moving.options()) : at::Tensor();
    at::Tensor state_out =
        state_in.defined() ? state_in.clone() : at::zeros({members, regions, hidden}, moving.options());
    AT_DISPATCH_FLOATING_TYPES(moving.scalar_type(), "gru_path", [&] {
      const auto weights =
          packed<scalar_t>({weight_input, weight_hidden, bias_input, bias_hidden, weight_output, bias_output}, false);
      for_each_block(members, regions, hidden, [&](int64_t member, int64_t, int64_t first, int64_t rows) {
        const int64_t row = member * regions + first, cell = row * weeks;
        kernels::gru_forward<scalar_t>(
            weights[member], {rows, weeks, inputs_of<scalar_t>(moving, fixed, shared, shift, cell),
                              state_in.defined() ? state_in.const_data_ptr<scalar_t>() + row * hidden : nullptr,
                              static_cast<scalar_t>(scale), states.data_ptr<scalar_t>() + cell * hidden,
                              saved.defined() ? saved.data_ptr<scalar_t>() + cell * 4 * hidden : nullptr,
                              out.data_ptr<scalar_t>() + cell * outputs});
        if (weeks > 0)
          std::copy_n(states.const_data_ptr<scalar_t>() + (cell + (weeks - 1) * rows) * hidden, rows * hidden,
                      state_out.data_ptr<scalar_t>() + row * hidden);
      });
    });
    context->mark_non_differentiable({state_out});
    context->saved_data["shift"] = shift;
    context->saved_data["scale"] = scale;
    if (with_gradient)
      context->save_for_backward({moving, fixed, shared, weight_input, weight_hidden, bias_input, bias_hidden,
                                  weight_output, bias_output, state_in, states, saved, out});
    return {out, state_out};
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto kept = context->get_saved_variables();
    const at::Tensor &moving = kept[0], &state_in = kept[9], &states = kept[10], &saved = kept[11], &out = kept[12];
    const double shift = context->saved_data["shift"].toDouble(), scale = context->saved_data["scale"].toDouble();
    const int64_t members = moving.size(0), regions = moving.size(1), weeks = moving.size(2), M = moving.size(3),
                  I = kept[3].size(2), hidden = states.size(3), C = out.size(3), blocks = block_count(regions, hidden);
    const at::Tensor grad_out = gradients[0].contiguous();
    at::Tensor grad_moving = context->needs_input_grad(0) ? at::empty_like(moving) : at::Tensor();
    at::Tensor grad_input, grad_hidden, grad_output, grad_bias, grad_bias_output;
    int64_t G = 0, D = 0;
    AT_DISPATCH_FLOATING_TYPES(moving.scalar_type(), "gru_path_backward", [&] {
      const auto weights = packed<scalar_t>({kept[3], kept[4], kept[5], kept[6], kept[7], kept[8]}, true);
      G = weights[0].padded;
      D = weights[0].padded_outputs;
      grad_input = at::zeros({members, blocks, I * 3 * G}, moving.options());
      grad_hidden = at::zeros({members, blocks, hidden * 3 * G}, moving.options());
      grad_output = at::zeros({members, blocks, hidden * D}, moving.options());
      grad_bias = at::zeros({members, blocks, 4 * G}, moving.options());
      grad_bias_output = at::zeros({members, blocks, D}, moving.options());
      for_each_block(members, regions, hidden, [&](int64_t member, int64_t block, int64_t first, int64_t rows) {
        const int64_t row = member * regions + first, cell = row * weeks, sums = member * blocks + block;
        const auto of_block = [&](const at::Tensor& gradient) {
          return gradient.data_ptr<scalar_t>() + sums * gradient.size(2);
        };
        kernels::gru_backward<scalar_t>(
            weights[member], {rows,
                              weeks,
                              inputs_of<scalar_t>(moving, kept[1], kept[2], shift, cell),
                              state_in.defined() ? state_in.const_data_ptr<scalar_t>() + row * hidden : nullptr,
                              static_cast<scalar_t>(scale),
                              states.const_data_ptr<scalar_t>() + cell * hidden,
                              saved.const_data_ptr<scalar_t>() + cell * 4 * hidden,
                              out.const_data_ptr<scalar_t>() + cell * C,
                              grad_out.const_data_ptr<scalar_t>() + cell * C,
                              grad_moving.defined() ? grad_moving.data_ptr<scalar_t>() + cell * M : nullptr,
                              {of_block(grad_input), of_block(grad_hidden), of_block(grad_output), of_block(grad_bias),
                               of_block(grad_bias_output)}});
      });
    });
    // Reset and update have one bias each in effect; the new gate's two differ.
    const at::Tensor bias = over_blocks(grad_bias, 1, 4, G, hidden).squeeze(2);
    return {grad_moving,
            {},
            {},
            {},
            {},
            over_blocks(grad_input, I, 3, G, hidden),
            over_blocks(grad_hidden, hidden, 3, G, hidden),
            at::cat({bias.narrow(1, 0, 2 * hidden), bias.narrow(1, 3 * hidden, hidden)}, 1),
            bias.narrow(1, 0, 3 * hidden),
            over_blocks(grad_output, hidden, 1, D, C),
            over_blocks(grad_bias_output, 1, 1, D, C).squeeze(2),
            {},
            {}};
  }
};

}  // namespace

GruPath gru_path(const GruPathInputs& inputs, const GruWeights& weights, double scale, const at::Tensor& state_in_ERH) {
  const at::Tensor moving = inputs.moving_ERTM.contiguous();
  const auto or_none = [&](const at::Tensor& given, at::IntArrayRef shape) {
    return given.defined() ? given.contiguous() : at::empty(shape, moving.options());
  };
  const at::Tensor fixed = or_none(inputs.fixed_ERTF, {moving.size(0), moving.size(1), moving.size(2), 0}),
                   shared = or_none(inputs.shared_TS, {moving.size(2), 0});
  bool with_gradient = false;
  for (const at::Tensor& leaf : {moving, weights.input_E3HI, weights.hidden_E3HH, weights.bias_input_E3H,
                                 weights.bias_hidden_E3H, weights.output_ECH, weights.bias_output_EC})
    with_gradient = with_gradient || (at::GradMode::is_enabled() && leaf.requires_grad());
  const auto out = GruNode::apply(
      moving, fixed, shared, inputs.shift, scale, weights.input_E3HI.contiguous(), weights.hidden_E3HH.contiguous(),
      weights.bias_input_E3H.contiguous(), weights.bias_hidden_E3H.contiguous(), weights.output_ECH.contiguous(),
      weights.bias_output_EC.contiguous(),
      state_in_ERH.defined() ? std::optional(state_in_ERH.contiguous()) : std::optional<at::Tensor>(), with_gradient);
  return {out[0], out[1]};
}

}  // namespace dcmmm
