#include "comm/median.hpp"

#include <bit>
#include <cmath>

namespace dcmmm {

double global_median_magnitude(const std::vector<double>& values, Communicator& communicator) {
  std::vector<int64_t> total{static_cast<int64_t>(values.size())};
  communicator.all_reduce_sum(std::span<int64_t>(total));
  if (total[0] == 0) return 0;
  int64_t rank_wanted = (total[0] - 1) / 2;  // the lower median, as torch.median
  uint64_t prefix = 0;
  for (int shift = 48; shift >= 0; shift -= 16) {
    std::vector<int64_t> counts(1 << 16, 0);
    for (const double value : values) {
      const auto bits = std::bit_cast<uint64_t>(std::abs(value));
      if (shift == 48 || bits >> (shift + 16) == prefix >> (shift + 16)) ++counts[(bits >> shift) & 0xFFFF];
    }
    communicator.all_reduce_sum(std::span<int64_t>(counts));
    uint64_t bin = 0;
    while (rank_wanted >= counts[bin]) rank_wanted -= counts[bin++];
    prefix |= bin << shift;
  }
  return std::bit_cast<double>(prefix);
}

}  // namespace dcmmm
