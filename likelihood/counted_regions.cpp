#include "likelihood/counted_regions.hpp"

namespace dcmmm {

void count_sample(LikelihoodData& data, int64_t wanted, const LikelihoodOptions& options, int64_t all_regions,
                  const RegionLoop& loop) {
  data.counted_R.clear();
  if (all_regions <= wanted) return;
  std::vector<char> counted_R(static_cast<size_t>(data.regions));
  double usable = 0;
  for (int64_t r = 0; r < data.regions; ++r) {
    const int64_t place = loop.plan().first_region + r;
    const bool counts =
        is_sampled(place, wanted, all_regions) || is_sampled(place, options.sample_regions, all_regions);
    counted_R[static_cast<size_t>(r)] = counts;
    usable += counts && data.is_usable(r);
  }
  std::vector<double> total = {usable};
  loop.communicator().all_reduce_sum(total);
  if (4 * total[0] < static_cast<double>(wanted)) return;
  data.counted_R = std::move(counted_R);
}

}  // namespace dcmmm
