#include "trainer/optimizer.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dcmmm {

void AdamW::update(at::Tensor& parameters, const at::Tensor& gradient, at::Tensor& first_moment,
                   at::Tensor& second_moment, const std::vector<double>& rate_E,
                   const std::vector<double>& rate_multiple_P, int64_t step) const {
  const int64_t members = parameters.size(0), width = parameters.size(-1);
  if (parameters.numel() == 0) return;
  const int64_t rows = parameters.numel() / members / width;
  const double correction1 = 1.0 - std::pow(beta1, static_cast<double>(step));
  const double correction2 = 1.0 - std::pow(beta2, static_cast<double>(step));
  AT_DISPATCH_FLOATING_TYPES(parameters.scalar_type(), "adamw", [&] {
    scalar_t* value = parameters.data_ptr<scalar_t>();
    const scalar_t* slope = gradient.const_data_ptr<scalar_t>();
    scalar_t* first = first_moment.data_ptr<scalar_t>();
    scalar_t* second = second_moment.data_ptr<scalar_t>();
    const auto keep1 = static_cast<scalar_t>(beta1), keep2 = static_cast<scalar_t>(beta2);
    at::parallel_for(0, members * rows, 1024, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const double rate = rate_E[static_cast<size_t>(row / rows)];
        if (rate == 0) continue;
        for (int64_t p = 0; p < width; ++p) {
          const int64_t i = row * width + p;
          const auto step_size = static_cast<scalar_t>(rate * rate_multiple_P[static_cast<size_t>(p)]);
          first[i] = keep1 * first[i] + (1 - keep1) * slope[i];
          second[i] = keep2 * second[i] + (1 - keep2) * slope[i] * slope[i];
          const scalar_t denominator =
              std::sqrt(second[i] / static_cast<scalar_t>(correction2)) + static_cast<scalar_t>(epsilon);
          value[i] -= step_size * (first[i] / static_cast<scalar_t>(correction1) / denominator +
                                   static_cast<scalar_t>(weight_decay) * value[i]);
        }
      }
    });
  });
}

double schedule(int64_t step, int64_t steps, int64_t warmup_steps, double last) {
  const double progress = static_cast<double>(step) / static_cast<double>(std::max<int64_t>(steps, 1));
  const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * progress)) * (1.0 - last) + last;
  const double warmup =
      warmup_steps > 0 ? std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(warmup_steps)) : 1.0;
  return cosine * warmup;
}

}  // namespace dcmmm
