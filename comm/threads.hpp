// How many threads a rank may use. Too many are costly: 2 ranks x 2 threads on 2 cores take 4 to 12 times longer than 2
// x 1.
#pragma once

#include <vector>

#include "comm/environment.hpp"

namespace dcmmm {

/// The processors this process may run on (its affinity mask), ascending.
std::vector<int> allowed_processors();

/// Threads for the rank whose processors are `masks[rank]`, `masks` being those of all ranks on the machine: its
/// processors divided by the ranks that share any of them, and 1 at least. Ranks bound to a core each use that core.
int share_of_processors(const std::vector<std::vector<int>>& masks, int rank);

/// Threads for this rank: its share of the processors, and no more than its container is granted time for. Collective.
/// OMP_NUM_THREADS, where a user sets it, decides instead.
int threads_for_this_rank(const Environment& environment);

}  // namespace dcmmm
