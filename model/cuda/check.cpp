#include <stdexcept>
#include <string>

#include "model/cuda/step.hpp"

namespace dcmmm::cuda {

void check(cudaError_t result, const char* call) {
  if (result == cudaSuccess) return;
  throw std::runtime_error(std::string(call) + " failed on the GPU: " + cudaGetErrorString(result) +
                           ". Train on the CPU with trainer.device=cpu, or see nvidia-smi for who else uses it.");
}

void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

}  // namespace dcmmm::cuda
