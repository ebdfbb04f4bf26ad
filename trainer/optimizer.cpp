#include "trainer/optimizer.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dcmmm {
namespace {

// What a row's gradient is multiplied with.
template <class Slope>
Slope clip_factor(const Slope* gradient, int64_t width, double clip) {
  double squares = 0;
  for (int64_t p = 0; p < width; ++p) squares += static_cast<double>(gradient[p]) * static_cast<double>(gradient[p]);
  return static_cast<Slope>(std::min(1.0, clip / (std::sqrt(squares) + 1e-12)));
}

template <class Real, class Slope>
void update_rows(const AdamW& options, at::Tensor& parameters, const at::Tensor& gradient, at::Tensor& first_moment,
                 at::Tensor& second_moment, const std::vector<double>& rate_E, const std::vector<double>& decay_E,
                 const std::vector<double>& rate_multiple_P, int64_t step) {
  const int64_t members = parameters.size(0), width = parameters.size(-1);
  const int64_t rows = parameters.numel() / members / width;
  const auto keep1 = static_cast<Real>(options.beta1), keep2 = static_cast<Real>(options.beta2),
             epsilon = static_cast<Real>(options.epsilon);
  const auto correction1 = static_cast<Real>(1.0 - std::pow(options.beta1, static_cast<double>(step)));
  const auto correction2 = static_cast<Real>(1.0 - std::pow(options.beta2, static_cast<double>(step)));
  Real* value = parameters.data_ptr<Real>();
  const Slope* slopes = gradient.const_data_ptr<Slope>();
  Real* first = first_moment.data_ptr<Real>();
  Real* second = second_moment.data_ptr<Real>();
  at::parallel_for(0, members * rows, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const double rate = rate_E[static_cast<size_t>(row / rows)];
      if (rate == 0) continue;
      const auto decay = static_cast<Real>(decay_E[static_cast<size_t>(row / rows)]);
      const Slope factor = clip_factor(slopes + row * width, width, options.clip);
      for (int64_t p = 0; p < width; ++p) {
        const int64_t i = row * width + p;
        const auto slope = static_cast<Real>(factor * slopes[i]);
        const auto step_size = static_cast<Real>(rate * rate_multiple_P[static_cast<size_t>(p)]);
        first[i] = keep1 * first[i] + (1 - keep1) * slope;
        second[i] = keep2 * second[i] + (1 - keep2) * slope * slope;
        const Real denominator = std::sqrt(second[i] / correction2) + epsilon;
        value[i] -= step_size * (first[i] / correction1 / denominator + decay * value[i]);
      }
    }
  });
}

}  // namespace

void AdamW::update(at::Tensor& parameters, const at::Tensor& gradient, at::Tensor& first_moment,
                   at::Tensor& second_moment, const std::vector<double>& rate_E, const std::vector<double>& decay_E,
                   const std::vector<double>& rate_multiple_P, int64_t step) const {
  if (parameters.numel() == 0) return;
  AT_DISPATCH_FLOATING_TYPES(parameters.scalar_type(), "adamw", [&] {
    const auto update =
        gradient.scalar_type() == at::kDouble ? update_rows<scalar_t, double> : update_rows<scalar_t, scalar_t>;
    update(*this, parameters, gradient, first_moment, second_moment, rate_E, decay_E, rate_multiple_P, step);
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
