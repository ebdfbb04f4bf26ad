#include "trainer/threads.hpp"

#include <ATen/Parallel.h>

namespace dcmmm {

void use_threads(int threads) { at::set_num_threads(threads); }

}  // namespace dcmmm
