#include <algorithm>

#include "model/operations.hpp"

// E members, R regions, T weeks, C channels.
namespace dcmmm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Of `from` - factor x `other`, in the model's precision.
template <class Real>
double sum_of_squares(const Real* from, Real factor, const Real* other, int64_t count) {
  Real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) {
    const Real value = from[i] - factor * other[i];
    sum += value * value;
  }
  return static_cast<double>(sum);
}

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
          // A few weeks' squares in the model's precision, their sum in double.
          const int64_t counted = weeks[member] * channels, at_once = 8 * channels;
          for (int64_t first = 0; first < counted; first += at_once) {
            const int64_t end = std::min(first + at_once, counted);
            level += sum_of_squares(value + first, scalar_t(0), value + first, end - first);
            const int64_t second = std::max(first, channels);  // the first week has none before it
            change += sum_of_squares(value + second, scalar_t(1), value + second - channels, end - second);
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
