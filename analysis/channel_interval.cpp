#include "analysis/channel_interval.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace dcmmm {
namespace {

Interval of_draws(const std::vector<double>& values_DC, std::size_t channel, std::size_t channels, double level,
                  double point) {
  std::vector<double> draws;
  for (std::size_t i = channel; i < values_DC.size(); i += channels) draws.push_back(values_DC[i]);
  return interval_of(draws, level, point);
}

}  // namespace

Interval contribution_interval(const SharedResults& shared, std::size_t channel, double level, double contribution,
                               double predicted) {
  Interval out = of_draws(shared.draws.contribution_DC, channel, shared.decay_C.size(), level, contribution);
  if (shared.is_identified(channel)) return out;
  // All of its movement with the target may be its effect, or none of it. A slope of 1 can't explain more than the
  // whole target; std::fmax keeps what an ensemble says beyond that.
  out.lower = 0;
  out.upper =
      std::fmax(out.upper, std::fmax(contribution, std::clamp(shared.local_slope_C[channel], 0.0, 1.0) * predicted));
  return out;
}

Interval decay_interval(const SharedResults& shared, std::size_t channel, double level) {
  return of_draws(shared.draws.decay_DC, channel, shared.decay_C.size(), level, shared.decay_C[channel]);
}

}  // namespace dcmmm
