// Several objectives: which trials no other one beats.
#pragma once

#include <cstdint>
#include <vector>

namespace dcmmm {

/// For each point (losses, smaller is better) the number of its front: 0 for those that no other point dominates (is as
/// good everywhere and better somewhere), 1 for those that only points of front 0 dominate, and so on (nondominated
/// sorting; Deb et al. 2002).
std::vector<int64_t> front_numbers(const std::vector<std::vector<double>>& losses);

}  // namespace dcmmm
