#include "analysis/frequency_response.hpp"

#include <algorithm>
#include <cmath>

#include "model/options.hpp"

namespace dcmmm {

double frequency_response(const SharedResults& shared, const Panel& panel, std::size_t cell, std::size_t channel) {
  if (!shared.has_frequency(channel)) return 1;
  const auto controls = static_cast<std::size_t>(panel.controls()),
             control = static_cast<std::size_t>(shared.frequency_control_C[channel]);
  const double frequency = std::max(panel.controls_RTK[cell * controls + control], 0.0) / kFrequencyUnit;
  return 1 / (1 + std::exp(-shared.exponent_C[channel] *
                           (std::log(frequency + 1e-4) - std::log(shared.half_saturation_C[channel]))));
}

}  // namespace dcmmm
