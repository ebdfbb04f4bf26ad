#include "model/kernels/baseline.hpp"
#include "model/operations.hpp"

// E members, R regions, T weeks. The solves run in double whatever the model's precision.
namespace dcmmm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// For each member and region with a weighted cell: residual -> baseline. Calls take(row, weights, residual, baseline,
// level).
template <class Real, class Take>
void for_each_baseline(const at::Tensor& residual_ERT, const at::Tensor& cell_weight_ERT,
                       const at::Tensor& stiffness_ER, const std::vector<double>& persistence_E, const Take& take) {
  const int64_t regions = residual_ERT.size(1), weeks = residual_ERT.size(2);
  const at::Tensor stiffnesses = stiffness_ER.contiguous();
  const double* stiffness = stiffnesses.const_data_ptr<double>();
  const Real* residuals = residual_ERT.const_data_ptr<Real>();
  const Real* weights = cell_weight_ERT.const_data_ptr<Real>();
  at::parallel_for(0, residual_ERT.size(0) * regions, 1, [&](int64_t begin, int64_t end) {
    kernels::BaselineSolver solver;
    std::vector<double> weight(static_cast<size_t>(weeks)), residual(weight), baseline(weight), level(1);
    for (int64_t row = begin; row < end; ++row) {
      double total = 0;
      for (int64_t t = 0; t < weeks; ++t) {
        weight[t] = weights[row * weeks + t];
        residual[t] = weight[t] > 0 ? static_cast<double>(residuals[row * weeks + t]) : 0.0;
        total += weight[t];
      }
      if (total <= 0) continue;
      solver.factor(weight, stiffness[row], persistence_E[row / regions]);
      solver.solve(residual, 1, baseline, level);
      take(row, weight, residual, baseline, level[0]);
    }
  });
}

class ProfiledLossNode : public torch::autograd::Function<ProfiledLossNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& effect, const at::Tensor& target,
                            const at::Tensor& cell_weight, const at::Tensor& region_weight, const at::Tensor& stiffness,
                            std::vector<double> persistence) {
    const int64_t weeks = effect.size(2);
    const at::Tensor residuals = (target - effect).contiguous();
    at::Tensor loss = at::zeros({effect.size(0), effect.size(1)}, effect.options().dtype(at::kDouble));
    at::Tensor gradient = at::zeros_like(effect);
    AT_DISPATCH_FLOATING_TYPES(effect.scalar_type(), "profiled_loss", [&] {
      const scalar_t* region_weights = region_weight.const_data_ptr<scalar_t>();
      scalar_t* to_effect = gradient.data_ptr<scalar_t>();
      double* losses = loss.data_ptr<double>();
      for_each_baseline<scalar_t>(
          residuals, cell_weight, stiffness, persistence,
          [&](int64_t row, const auto& weight, const auto& residual, const auto& baseline, double) {
            const double scale = region_weights[row];
            double sum = 0;
            for (int64_t t = 0; t < weeks; ++t) {
              const double left = weight[t] * (residual[t] - baseline[t]);  // (Q e)_t
              sum += residual[t] * left;
              to_effect[row * weeks + t] = static_cast<scalar_t>(-2.0 * scale * left);
            }
            losses[row] = scale * sum;
          });
    });
    context->save_for_backward({gradient});
    return loss.sum(1);
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const at::Tensor gradient = context->get_saved_variables()[0];
    return {gradient * gradients[0].to(gradient.scalar_type()).view({-1, 1, 1}), {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor profiled_loss(const at::Tensor& effect_ERT, const at::Tensor& target_ERT, const at::Tensor& cell_weight_ERT,
                         const at::Tensor& region_weight_ER, const at::Tensor& stiffness_ER,
                         const std::vector<double>& persistence_E) {
  return ProfiledLossNode::apply(effect_ERT.contiguous(), target_ERT, cell_weight_ERT.contiguous(),
                                 region_weight_ER.contiguous(), stiffness_ER, persistence_E);
}

Baseline solve_baseline(const at::Tensor& residual_ERT, const at::Tensor& cell_weight_ERT,
                        const at::Tensor& stiffness_ER, const std::vector<double>& persistence_E) {
  const int64_t weeks = residual_ERT.size(2);
  const at::Tensor residuals = residual_ERT.contiguous(), weights = cell_weight_ERT.contiguous();
  Baseline out{at::zeros_like(residuals), at::zeros({residuals.size(0), residuals.size(1)}, residuals.options())};
  AT_DISPATCH_FLOATING_TYPES(residuals.scalar_type(), "solve_baseline", [&] {
    scalar_t* baselines = out.baseline_ERT.data_ptr<scalar_t>();
    scalar_t* levels = out.level_ER.data_ptr<scalar_t>();
    for_each_baseline<scalar_t>(residuals, weights, stiffness_ER, persistence_E,
                                [&](int64_t row, const auto&, const auto&, const auto& baseline, double level) {
                                  for (int64_t t = 0; t < weeks; ++t)
                                    baselines[row * weeks + t] = static_cast<scalar_t>(baseline[t]);
                                  levels[row] = static_cast<scalar_t>(level);
                                });
  });
  return out;
}

}  // namespace dcmmm
