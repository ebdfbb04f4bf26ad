#include "comm/threads.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdlib>

#include "comm/control_groups.hpp"

namespace dcmmm {

std::vector<int> allowed_processors() {
  // The kernel refuses a set smaller than its own count of processors, which may be above CPU_SETSIZE.
  for (int capacity = CPU_SETSIZE; capacity <= 64 * CPU_SETSIZE; capacity *= 2) {
    cpu_set_t* set = CPU_ALLOC(capacity);
    const size_t bytes = CPU_ALLOC_SIZE(capacity);
    CPU_ZERO_S(bytes, set);
    std::vector<int> processors;
    if (sched_getaffinity(0, bytes, set) == 0) {
      for (int processor = 0; processor < capacity; ++processor) {
        if (CPU_ISSET_S(processor, bytes, set)) processors.push_back(processor);
      }
    }
    CPU_FREE(set);
    if (!processors.empty()) return processors;
  }
  return {0};
}

int share_of_processors(const std::vector<std::vector<int>>& masks, int rank) {
  const auto& mine = masks[rank];
  const auto shares = [&](const std::vector<int>& other) {
    return std::find_first_of(mine.begin(), mine.end(), other.begin(), other.end()) != mine.end();
  };
  const auto sharing = std::count_if(masks.begin(), masks.end(), shares);
  return std::max<int>(1, static_cast<int>(mine.size()) / std::max<int>(1, sharing));
}

int threads_for_this_rank(const Environment& environment) {
  const auto machine = environment.machine();
  // Each rank's mask, ended by -1.
  const std::vector<int> mine = allowed_processors();
  std::vector<double> ended(mine.begin(), mine.end());
  ended.push_back(-1);
  std::vector<std::vector<int>> masks(1);
  for (const double processor : machine->all_gather(ended)) {
    if (processor < 0) {
      masks.emplace_back();
    } else {
      masks.back().push_back(static_cast<int>(processor));
    }
  }
  masks.pop_back();
  if (const char* chosen = std::getenv("OMP_NUM_THREADS"); chosen && std::atoi(chosen) > 0) return std::atoi(chosen);
  const double granted = granted_by_control_groups().processors / machine->size();
  const int share = share_of_processors(masks, machine->rank());
  return granted < share ? std::max(1, static_cast<int>(granted)) : share;
}

}  // namespace dcmmm
