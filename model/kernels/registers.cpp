#include "model/kernels/registers.hpp"

#include <stdexcept>

namespace dcmmm::kernels {
namespace {

int widest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
    return 64;
#endif
  return 32;
}

int chosen = 0;

}  // namespace

int register_bytes() {
  static const int kWidest = widest();
  return chosen != 0 ? chosen : kWidest;
}

void use_register_bytes(int bytes) {
  if (bytes != 0 && bytes != 32 && bytes > widest())
    throw std::invalid_argument("this machine's registers have 32 bytes, not more");
  chosen = bytes;
}

}  // namespace dcmmm::kernels
