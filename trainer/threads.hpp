// How this process computes: its threads, and how it keeps memory.
#pragma once

namespace dcmmm {

/// LibTorch and the kernels use `threads` threads from now on. Freed activations stay with the process for the next
/// step instead of going back to the system, which would have to clear their pages again.
void use_threads(int threads);

}  // namespace dcmmm
