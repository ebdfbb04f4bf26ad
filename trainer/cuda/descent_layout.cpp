#include "trainer/cuda/descent_layout.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <span>

#include "model/kernels/baseline.hpp"
#include "model/seasonality.hpp"

namespace dcmmm::cuda {

Shape shape_of(const Descent& descent) {
  const ModelOptions& options = descent.model.options();
  const FitData& data = descent.data;
  const ParameterLayout& layout = descent.model.layout();
  Shape shape{};
  const auto as_int = [](int64_t value) { return static_cast<int>(value); };
  shape.members = as_int(data.member_count());
  shape.regions = as_int(data.regions);
  shape.weeks = as_int(data.last_origin());
  shape.channels = as_int(data.channels);
  shape.controls = as_int(data.controls);
  shape.patterns = as_int(pattern_count(options));
  shape.fixed = as_int(data.controls - data.events);
  shape.seasons = 2 * options.harmonics;
  shape.hidden = options.gru ? as_int(options.hidden) : 0;
  shape.inputs = options.gru ? as_int(layout.gru_inputs()) : 0;
  shape.shared = as_int(layout.shared_count());
  shape.local = as_int(layout.local_count());
  return shape;
}

Places places_of(const ParameterLayout& layout) {
  const auto find = [&](const std::vector<ParameterSlice>& slices, const char* name) {
    for (const ParameterSlice& slice : slices)
      if (slice.name == name) return static_cast<int>(slice.offset);
    return -1;
  };
  const auto shared = [&](const char* name) { return find(layout.shared(), name); };
  const auto local = [&](const char* name) { return find(layout.local(), name); };
  return {shared("adstock.decay_logit"),      shared("hill.exponent_raw"),   shared("hill.log_half_saturation"),
          shared("coefficient.log_mean"),     shared("control.coefficient"), shared("pattern.coefficient"),
          shared("gru.weight_input"),         shared("gru.weight_hidden"),   shared("gru.bias_input"),
          shared("gru.bias_hidden"),          shared("gru.output_weight"),   shared("gru.output_bias"),
          local("coefficient.region_effect"), local("pattern.region_scale")};
}

BaselineFactors factors_of(const FitData& data, int64_t weeks) {
  const int64_t E = data.member_count(), R = data.regions;
  const std::vector<double> weight_ERT = numbers<double>(data.cell_weight_ERT.narrow(2, 0, weeks)),
                            stiffness_ER = numbers<double>(data.stiffness_ER);
  const auto cells = static_cast<size_t>(E * R * weeks);
  BaselineFactors out{std::vector<double>(cells, 0.0), std::vector<double>(cells, 0.0), std::vector<double>(cells, 0.0),
                      std::vector<double>(static_cast<size_t>(E * R), 0.0)};
  at::parallel_for(0, E * R, 16, [&](int64_t begin, int64_t end) {
    kernels::BaselineSolver solver;
    for (int64_t row = begin; row < end; ++row) {
      const std::span<const double> weight(weight_ERT.data() + row * weeks, static_cast<size_t>(weeks));
      if (std::all_of(weight.begin(), weight.end(), [](double value) { return value <= 0; })) continue;
      const double persistence = data.persistence_E[static_cast<size_t>(row / R)];
      solver.factor(weight, stiffness_ER[static_cast<size_t>(row)], persistence);
      const auto copy = [&](std::span<const double> from, std::vector<double>& to) {
        std::copy(from.begin(), from.end(), to.begin() + row * weeks);
      };
      copy(solver.lower(), out.lower_ERT);
      copy(solver.inverse_diagonal(), out.inverse_diagonal_ERT);
      if (persistence >= 1) continue;
      copy(solver.level_weight(), out.level_weight_ERT);
      out.level_denominator_ER[static_cast<size_t>(row)] = solver.level_precision();
    }
  });
  return out;
}

}  // namespace dcmmm::cuda
