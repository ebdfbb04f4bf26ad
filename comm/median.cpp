#include "comm/median.hpp"

#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

namespace dcmmm {

double global_median_magnitude(const std::function<void(const ValueVisitor&)>& each, Communicator& communicator) {
  int64_t rank_wanted = 0;
  uint64_t prefix = 0;
  for (int shift = 48; shift >= 0; shift -= 16) {
    std::vector<int64_t> counts(1 << 16, 0);
    each([&](std::span<const double> values) {
      for (const double value : values) {
        const auto bits = std::bit_cast<uint64_t>(std::abs(value));
        if (shift == 48 || bits >> (shift + 16) == prefix >> (shift + 16)) ++counts[(bits >> shift) & 0xFFFF];
      }
    });
    communicator.all_reduce_sum(std::span<int64_t>(counts));
    if (shift == 48) {
      const int64_t total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
      if (total == 0) return 0;
      rank_wanted = (total - 1) / 2;  // the lower median, as torch.median
    }
    uint64_t bin = 0;
    while (rank_wanted >= counts[bin]) rank_wanted -= counts[bin++];
    prefix |= bin << shift;
  }
  return std::bit_cast<double>(prefix);
}

}  // namespace dcmmm
