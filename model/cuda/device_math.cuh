// Small functions that the step's kernels, and what launches them, share.
#pragma once

#include "model/cuda/step.hpp"

namespace dcmmm::cuda {

inline constexpr double kHillOffset = 1e-4, kMaxScaledMedia = 50.0;  // as in kernels/media.hpp

/// Of floats to two units in the last place, without the many instructions of an exact one.
__device__ inline float quotient(float a, float b) { return __fdividef(a, b); }
__device__ inline double quotient(double a, double b) { return a / b; }

template <class Real>
__device__ Real logistic(Real value) {
  return quotient(Real(1), Real(1) + exp(-value));
}

/// Whether a number below 2^31 can be divided by d, by a multiplication (Granlund and Montgomery 1994).
class Divisor {
 public:
  explicit Divisor(int divisor) : divisor_(static_cast<unsigned>(divisor)) {
    while (uint64_t{1} << (shift_ - 31) < divisor_) ++shift_;
    factor_ = static_cast<unsigned>(((uint64_t{1} << shift_) + divisor_ - 1) / divisor_);
  }
  __device__ bool divides(unsigned number) const {
    return static_cast<unsigned>((static_cast<uint64_t>(number) * factor_) >> shift_) * divisor_ == number;
  }

 private:
  unsigned divisor_, factor_ = 0, shift_ = 31;
};

/// A block's threads over a table of rows and `width` columns: a thread keeps its columns, so that what a column needs
/// is computed once, and neighbours are neighbours in memory. for (column...) for (row...) over both.
struct Spread {
  int across, column, first, groups;
  __device__ explicit Spread(int width)
      : across(min(width, static_cast<int>(blockDim.x))),
        column(across > 0 ? static_cast<int>(threadIdx.x) % across : 0),
        first(across > 0 ? static_cast<int>(threadIdx.x) / across : 0),
        groups(across > 0 ? static_cast<int>(blockDim.x) / across : 0) {
    if (first >= groups) column = width;  // more threads than make up whole rows
  }
};

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

/// take(w, sum over weeks of value(t, w)) for `width` columns, in a fixed order. `space`: a double a thread.
template <class Take, class Value>
__device__ void sum_over_weeks(int weeks, int width, double* space, const Take& take, const Value& value) {
  const Spread spread(width);
  for (int begin = 0; begin < width; begin += spread.across) {
    const int column = begin + spread.column;
    const bool is_column = column < width;
    double sum = 0;
    if (is_column)
      for (int t = spread.first; t < weeks; t += spread.groups) sum += value(t, column);
    __syncthreads();
    space[threadIdx.x] = sum;
    __syncthreads();
    if (spread.first > 0 || !is_column) continue;
    for (int other = 1; other < spread.groups; ++other) sum += space[other * spread.across + spread.column];
    take(column, sum);
  }
  __syncthreads();
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
