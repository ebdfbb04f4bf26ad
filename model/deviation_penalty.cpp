#include "model/operations.hpp"

// E members, R regions, T weeks, C channels.
namespace dcmmm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class DeviationPenaltyNode : public torch::autograd::Function<DeviationPenaltyNode> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& deviation, std::vector<int64_t> weeks,
                            std::vector<double> weight_level, std::vector<double> weight_change) {
    const int64_t members = deviation.size(0), regions = deviation.size(1),
                  width = deviation.size(2) * deviation.size(3), channels = deviation.size(3);
    at::Tensor sums = at::empty({members, regions}, deviation.options().dtype(at::kDouble));
    AT_DISPATCH_FLOATING_TYPES(deviation.scalar_type(), "deviation_penalty", [&] {
      const scalar_t* values = deviation.const_data_ptr<scalar_t>();
      double* to = sums.data_ptr<double>();
      at::parallel_for(0, members * regions, 8, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const size_t member = static_cast<size_t>(row / regions);
          const scalar_t* value = values + row * width;
          double level = 0, change = 0;
          for (int64_t t = 0; t < weeks[member]; ++t) {
            // A week's few squares in the model's precision, the sum over weeks in double.
            scalar_t squares = 0, changes = 0;
            for (int64_t c = 0; c < channels; ++c) {
              const int64_t i = t * channels + c;
              const scalar_t before = t > 0 ? value[i - channels] : value[i];
              squares += value[i] * value[i];
              changes += (value[i] - before) * (value[i] - before);
            }
            level += static_cast<double>(squares);
            change += static_cast<double>(changes);
          }
          to[row] = 0.5 * (weight_level[member] * level + weight_change[member] * change);
        }
      });
    });
    context->save_for_backward({deviation});
    context->saved_data["weeks"] = weeks;
    context->saved_data["weight_level"] = weight_level;
    context->saved_data["weight_change"] = weight_change;
    return sums.sum(1);
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const at::Tensor deviation = context->get_saved_variables()[0];
    const auto weeks = context->saved_data["weeks"].toIntVector();
    const auto weight_level = context->saved_data["weight_level"].toDoubleVector(),
               weight_change = context->saved_data["weight_change"].toDoubleVector();
    const int64_t regions = deviation.size(1), channels = deviation.size(3), width = deviation.size(2) * channels;
    const at::Tensor outside = gradients[0].contiguous();
    at::Tensor gradient = at::empty_like(deviation);
    AT_DISPATCH_FLOATING_TYPES(deviation.scalar_type(), "deviation_penalty_backward", [&] {
      const scalar_t* values = deviation.const_data_ptr<scalar_t>();
      scalar_t* slopes = gradient.data_ptr<scalar_t>();
      at::parallel_for(0, deviation.size(0) * regions, 8, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const size_t member = static_cast<size_t>(row / regions);
          const scalar_t* value = values + row * width;
          scalar_t* to = slopes + row * width;
          const double factor = outside.const_data_ptr<double>()[member];
          const auto level = static_cast<scalar_t>(factor * weight_level[member]),
                     change = static_cast<scalar_t>(factor * weight_change[member]);
          const int64_t counted = weeks[member] * channels;
          for (int64_t i = 0; i < counted; ++i) to[i] = level * value[i];
          for (int64_t i = channels; i < counted; ++i) to[i] += change * (value[i] - value[i - channels]);
          for (int64_t i = 0; i + channels < counted; ++i) to[i] -= change * (value[i + channels] - value[i]);
          std::fill(to + counted, to + width, scalar_t(0));
        }
      });
    });
    return {gradient, {}, {}, {}};
  }
};

}  // namespace

at::Tensor deviation_penalty(const at::Tensor& deviation_ERTC, const std::vector<int64_t>& weeks_E,
                             const std::vector<double>& weight_level_E, const std::vector<double>& weight_change_E) {
  return DeviationPenaltyNode::apply(deviation_ERTC.contiguous(), weeks_E, weight_level_E, weight_change_E);
}

}  // namespace dcmmm
