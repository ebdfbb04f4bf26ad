#include "model/operations.hpp"

// E members, R regions, T weeks, K controls. A matrix product would be one of a single column, which libraries are slow
// at.
namespace dcmmm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class ControlEffectNode : public torch::autograd::Function<ControlEffectNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& control, const at::Tensor& coefficient) {
    const int64_t members = control.size(0), regions = control.size(1), weeks = control.size(2), K = control.size(3);
    at::Tensor effect = at::empty({members, regions, weeks}, control.options());
    AT_DISPATCH_FLOATING_TYPES(control.scalar_type(), "control_effect", [&] {
      const scalar_t *values = control.const_data_ptr<scalar_t>(), *weights = coefficient.const_data_ptr<scalar_t>();
      scalar_t* to = effect.data_ptr<scalar_t>();
      at::parallel_for(0, members * regions, 16, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const scalar_t* weight = weights + row / regions * K;
          for (int64_t cell = row * weeks; cell < (row + 1) * weeks; ++cell) {
            scalar_t sum = 0;
            for (int64_t k = 0; k < K; ++k) sum += values[cell * K + k] * weight[k];
            to[cell] = sum;
          }
        }
      });
    });
    context->save_for_backward({control, coefficient});
    return effect;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &control = saved[0], grad = gradients[0].contiguous();
    const int64_t members = control.size(0), regions = control.size(1), weeks = control.size(2), K = control.size(3);
    at::Tensor of_regions = at::zeros({members, regions, K}, control.options().dtype(at::kDouble));
    AT_DISPATCH_FLOATING_TYPES(control.scalar_type(), "control_effect_backward", [&] {
      const scalar_t *values = control.const_data_ptr<scalar_t>(), *slopes = grad.const_data_ptr<scalar_t>();
      double* sums = of_regions.data_ptr<double>();
      at::parallel_for(0, members * regions, 16, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
          for (int64_t cell = row * weeks; cell < (row + 1) * weeks; ++cell) {
            const double slope = slopes[cell];
            for (int64_t k = 0; k < K; ++k) sums[row * K + k] += slope * values[cell * K + k];
          }
      });
    });
    return {{}, of_regions.sum(1).to(control.scalar_type())};
  }
};

}  // namespace

at::Tensor control_effect(const at::Tensor& control_ERTK, const at::Tensor& coefficient_EK) {
  return ControlEffectNode::apply(control_ERTK.contiguous(), coefficient_EK.contiguous());
}

}  // namespace dcmmm
