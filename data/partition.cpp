#include "data/partition.hpp"

#include <algorithm>

namespace dcmmm {

std::vector<int64_t> balanced_partition(std::span<const int64_t> observed_cells, int parts) {
  std::vector<int64_t> work_before(observed_cells.size() + 1, 0);  // of all regions before this one
  for (size_t region = 0; region < observed_cells.size(); ++region) {
    work_before[region + 1] = work_before[region] + observed_cells[region] + 1;
  }
  const int64_t total = work_before.back();
  std::vector<int64_t> offsets;
  for (int part = 0; part <= parts; ++part) {
    // Cut where the work so far is nearest to the fair share part / parts * total; compared as integers, so exactly.
    const auto distance = [&](int64_t work) { return std::abs(work * parts - total * part); };
    auto cut = std::lower_bound(work_before.begin(), work_before.end(), total * part / parts);
    while (cut + 1 != work_before.end() && distance(*(cut + 1)) < distance(*cut)) ++cut;
    while (cut != work_before.begin() && distance(*(cut - 1)) <= distance(*cut)) --cut;
    offsets.push_back(cut - work_before.begin());
  }
  return offsets;
}

}  // namespace dcmmm
