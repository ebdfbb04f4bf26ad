// Carry-over and Hill curve on a GPU: a block a row, weeks tile by tile through shared memory.
// Shapes as in step.hpp. The CPU's version and the equations: kernels/media.hpp.
#include "model/cuda/device_math.cuh"

namespace dcmmm::cuda {
namespace {

constexpr int kSharedBytes = 48 * 1024;  // what a block may have without asking for more

template <class Real>
int weeks_of_tile(const Shape& shape, int arrays) {
  const int weeks = kSharedBytes / (arrays * shape.channels * static_cast<int>(sizeof(Real)));
  return weeks < 1 ? 1 : weeks < shape.weeks ? weeks : shape.weeks;
}

template <class Real>
__global__ void __launch_bounds__(kRowThreads) forward(Step<Real> step, Chunk chunk, int tile_weeks) {
  extern __shared__ unsigned char memory[];
  Real* tile = reinterpret_cast<Real*>(memory);
  const int T = step.shape.weeks, C = step.shape.channels, row = blockIdx.x;
  const int64_t place = place_of_row(step.shape, chunk, row);
  const Real* shared_P = step.shared_EP + row / chunk.count * static_cast<int64_t>(step.shape.shared);
  const Real* media_TC = step.panel.media_RTC + (place % step.shape.regions) * T * C;
  const Real* scale_C = step.panel.inverse_scale_ERC + place * C;
  Real* adstock_TC = step.scratch.adstock_TC + static_cast<int64_t>(row) * T * C;
  Real* response_TC = step.scratch.response_TC + static_cast<int64_t>(row) * T * C;
  for (int first = 0; first < T; first += tile_weeks) {
    const int weeks = min(tile_weeks, T - first), cells = weeks * C, begin = first * C;
    for (int i = threadIdx.x; i < cells; i += blockDim.x)
      tile[i] = min(media_TC[begin + i] * scale_C[i % C], static_cast<Real>(kMaxScaledMedia));
    __syncthreads();
    for (int c = threadIdx.x; c < C; c += blockDim.x) {
      const Real decay = Curve<Real>(step, shared_P, c).decay, fresh = Real(1) - decay;
      Real state = first > 0 ? adstock_TC[begin - C + c] : Real(0);
#pragma unroll 8
      for (int t = 0; t < weeks; ++t) {
        state = decay * state + fresh * tile[t * C + c];
        tile[t * C + c] = state;
      }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < cells; i += blockDim.x) {
      const Curve<Real> curve(step, shared_P, i % C);
      adstock_TC[begin + i] = tile[i];
      response_TC[begin + i] =
          logistic(curve.exponent * (log(tile[i] + static_cast<Real>(kHillOffset)) - curve.log_half));
    }
    __syncthreads();
  }
}

template <class Real>
__global__ void __launch_bounds__(kRowThreads) backward(Step<Real> step, Chunk chunk, int tile_weeks) {
  extern __shared__ unsigned char memory[];
  const int T = step.shape.weeks, C = step.shape.channels, row = blockIdx.x;
  // Per cell: what it adds to the exponent's gradient, dL/d of the curve's argument, dL/d adstock, and ad_{t-1} - x'.
  Real *of_exponent = reinterpret_cast<Real*>(memory), *slope = of_exponent + tile_weeks * C,
       *of_adstock = slope + tile_weeks * C, *difference = of_adstock + tile_weeks * C;
  const int64_t place = place_of_row(step.shape, chunk, row);
  const Real* shared_P = step.shared_EP + row / chunk.count * static_cast<int64_t>(step.shape.shared);
  const Real* media_TC = step.panel.media_RTC + (place % step.shape.regions) * T * C;
  const Real* scale_C = step.panel.inverse_scale_ERC + place * C;
  const Real* adstock_TC = step.scratch.adstock_TC + static_cast<int64_t>(row) * T * C;
  const Real* gradient_TC = step.scratch.response_gradient_TC + static_cast<int64_t>(row) * T * C;
  double* sums_3C = step.region_sums_ERW + place * step.shape.sums() + step.shape.curve_sums();
  for (int c = threadIdx.x; c < 3 * C; c += blockDim.x) sums_3C[c] = 0;
  Real* later_C = difference + tile_weeks * C;
  for (int c = threadIdx.x; c < C; c += blockDim.x) later_C[c] = 0;
  __syncthreads();
  for (int end = T; end > 0; end -= tile_weeks) {
    const int first = max(end - tile_weeks, 0), weeks = end - first, cells = weeks * C, begin = first * C;
    for (int i = threadIdx.x; i < cells; i += blockDim.x) {
      const Curve<Real> curve(step, shared_P, i % C);
      const Real adstock = adstock_TC[begin + i] + static_cast<Real>(kHillOffset);
      const Real distance = log(adstock) - curve.log_half, response = logistic(curve.exponent * distance);
      const Real to_slope = gradient_TC[begin + i] * response * (Real(1) - response);
      const Real before = begin + i >= C ? adstock_TC[begin + i - C] : Real(0);
      slope[i] = to_slope;
      of_exponent[i] = to_slope * distance;
      of_adstock[i] = to_slope * curve.exponent / adstock;
      difference[i] = before - min(media_TC[begin + i] * scale_C[i % C], static_cast<Real>(kMaxScaledMedia));
    }
    __syncthreads();
    for (int c = threadIdx.x; c < C; c += blockDim.x) {
      const Curve<Real> curve(step, shared_P, c);
      double decay = 0, exponent = 0, half = 0;
      Real later = later_C[c];
#pragma unroll 4
      for (int t = weeks - 1; t >= 0; --t) {
        const int i = t * C + c;
        const Real gradient = of_adstock[i] + later;
        exponent += of_exponent[i];
        half -= slope[i] * curve.exponent;
        decay += gradient * difference[i];
        later = gradient * curve.decay;
      }
      later_C[c] = later;
      sums_3C[c] += decay;
      sums_3C[C + c] += exponent;
      sums_3C[2 * C + c] += half;
    }
    __syncthreads();
  }
}

}  // namespace

template <class Real>
void adstock_forward(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  const int weeks = weeks_of_tile<Real>(step.shape, 1);
  const size_t bytes = static_cast<size_t>(weeks) * step.shape.channels * sizeof(Real);
  forward<<<step.shape.members * chunk.count, kRowThreads, bytes, stream>>>(step, chunk, weeks);
  check_launch("adstock_forward");
}

template <class Real>
void adstock_backward(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  const int weeks = weeks_of_tile<Real>(step.shape, 5);  // four arrays of weeks, and room for what a tile passes on
  const size_t bytes = static_cast<size_t>(4 * weeks + 1) * step.shape.channels * sizeof(Real);
  backward<<<step.shape.members * chunk.count, kRowThreads, bytes, stream>>>(step, chunk, weeks);
  check_launch("adstock_backward");
}

#define DCMMM_INSTANTIATE(Real)                                          \
  template void adstock_forward(const Step<Real>&, Chunk, cudaStream_t); \
  template void adstock_backward(const Step<Real>&, Chunk, cudaStream_t);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::cuda
