// Points where tests make things go wrong. The program itself has nothing behind the hook, so a point does nothing;
// only test binaries link tests/faults/injector.cpp.
#pragma once

#include <span>

extern "C" __attribute__((weak)) void dcmmm_fault_point(const char* name, double* values, size_t count);

namespace dcmmm {

/// `values`: what a fault may spoil.
inline void fault_point(const char* name, std::span<double> values = {}) {
  if (dcmmm_fault_point != nullptr) dcmmm_fault_point(name, values.data(), values.size());
}

}  // namespace dcmmm
