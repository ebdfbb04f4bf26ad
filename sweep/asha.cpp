#include "sweep/asha.hpp"

#include <algorithm>
#include <vector>

namespace dcmmm {
namespace {

// The highest rung at or below the step; 0 where the first one isn't reached.
int64_t rung_below(const AshaOptions& options, int64_t step) {
  if (step < options.first) return 0;
  int64_t rung = options.first;
  while (rung <= step / options.reduction) rung *= options.reduction;
  return rung;
}

}  // namespace

bool asha_prunes(const AshaOptions& options, const Study& study, int64_t number, int64_t step, double value) {
  const auto& own = study.trials()[static_cast<size_t>(number)].intermediate;
  const int64_t rung = rung_below(options, step);
  const int64_t before = own.empty() ? 0 : own.rbegin()->first;
  if (rung == 0 || before >= rung) return false;
  const double sign = study.maximises() ? -1 : 1;
  std::vector<double> losses = {sign * value};
  for (const Trial& trial : study.trials()) {
    const auto at_rung = trial.intermediate.lower_bound(rung);
    if (at_rung != trial.intermediate.end()) losses.push_back(sign * at_rung->second);
  }
  const int64_t go_on = std::max<int64_t>(1, static_cast<int64_t>(losses.size()) / options.reduction);
  std::nth_element(losses.begin(), losses.begin() + (go_on - 1), losses.end());
  return sign * value > losses[static_cast<size_t>(go_on - 1)];
}

}  // namespace dcmmm
