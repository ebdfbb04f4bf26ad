#include "analysis/open_differences.hpp"

#include <algorithm>
#include <cmath>

namespace dcmmm {

std::vector<double> open_differences(const std::vector<double>& coefficient_nC, int64_t channels, double sd) {
  constexpr double kRounding = 1e-12;
  std::vector<double> out_C;
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0, squares = 0, count = 0;
    for (size_t i = static_cast<size_t>(c); i < coefficient_nC.size(); i += static_cast<size_t>(channels)) {
      if (coefficient_nC[i] <= 0) continue;
      sum += coefficient_nC[i];
      squares += coefficient_nC[i] * coefficient_nC[i];
      ++count;
    }
    const double fitted = count > 0 ? squares * count / (sum * sum) - 1 : 0;  // their relative variance
    out_C.push_back(fitted > kRounding ? std::sqrt(std::max(0.0, sd * sd - fitted)) : 0.0);
  }
  return out_C;
}

}  // namespace dcmmm
