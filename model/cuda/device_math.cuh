// Small functions that the step's kernels, and what launches them, share.
#pragma once

#include "model/cuda/step.hpp"

namespace dcmmm::cuda {

inline constexpr double kHillOffset = 1e-4, kMaxScaledMedia = 50.0;  // as in kernels/media.hpp

template <class Real>
__device__ Real logistic(Real value) {
  return Real(1) / (Real(1) + exp(-value));
}

template <class Real>
__device__ Real softplus(Real value) {
  return max(value, Real(0)) + log1p(exp(-abs(value)));
}

/// The row's place in arrays of all the rank's regions.
__device__ inline int64_t place_of_row(const Shape& shape, const Chunk& chunk, int row) {
  return static_cast<int64_t>(row / chunk.count) * shape.regions + chunk.first + row % chunk.count;
}

/// Sum over a block, in a fixed order, on all threads. `space`: a double a warp.
__device__ inline double sum_of_block(double value, double* space) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_down_sync(0xffffffffu, value, step);
  __syncthreads();
  if (threadIdx.x % 32 == 0) space[threadIdx.x / 32] = value;
  __syncthreads();
  double sum = 0;
  for (int warp = 0; warp < static_cast<int>(blockDim.x) / 32; ++warp) sum += space[warp];
  return sum;
}

/// Curve of a channel from its member's shared parameters.
template <class Real>
struct Curve {
  Real decay, exponent, log_half;
  __device__ Curve(const Step<Real>& step, const Real* shared_P, int channel)
      : decay(logistic(shared_P[step.at.decay + channel])),
        exponent(min(static_cast<Real>(step.constant.min_exponent) + softplus(shared_P[step.at.exponent + channel]),
                     static_cast<Real>(step.constant.max_exponent))),
        log_half(shared_P[step.at.log_half + channel]) {}
};

/// Lets a kernel have more dynamic shared memory than a block has unasked; before its launch, on the host.
template <class Kernel>
void allow_shared_memory(const Kernel& kernel, size_t bytes) {
  if (bytes > 48 * 1024)
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(bytes)),
          "cudaFuncSetAttribute");
}

}  // namespace dcmmm::cuda
