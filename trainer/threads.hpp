// Threads of this process's arithmetic.
#pragma once

namespace dcmmm {

/// LibTorch and the kernels use `threads` threads from now on.
void use_threads(int threads);

}  // namespace dcmmm
