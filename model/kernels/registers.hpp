// Which registers the kernels use, chosen once from the machine.
#pragma once

namespace dcmmm::kernels {

/// Bytes of the registers that the kernels use: 64 with AVX-512, else 32.
int register_bytes();

/// For tests: 32, or 64 where the machine has AVX-512 (std::invalid_argument elsewhere); 0: the widest again.
void use_register_bytes(int bytes);

}  // namespace dcmmm::kernels
