#include "trainer/threads.hpp"

#include <ATen/Parallel.h>
#include <malloc.h>

namespace dcmmm {

void use_threads(int threads) {
  at::set_num_threads(threads);
#ifdef __GLIBC__
  constexpr int kKeep = 1 << 30;  // bytes
  mallopt(M_MMAP_THRESHOLD, kKeep);
  mallopt(M_TRIM_THRESHOLD, kKeep);
#endif
}

}  // namespace dcmmm
