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

// What the GRU gets beside the responses: controls and season.
template <class Real>
__device__ void fixed_inputs(const Step<Real>& step, int64_t place, Real* input_TI) {
  const Shape& shape = step.shape;
  const int C = shape.channels, F = shape.fixed, width = shape.inputs - C;
  const Real* control_TK = step.panel.control_ERTK + place * shape.weeks * shape.controls;
  const Spread spread(width);
  for (int i = spread.column; i < width; i += spread.across)
    for (int t = spread.first; t < shape.weeks; t += spread.groups)
      input_TI[t * shape.inputs + C + i] =
          i < F ? control_TK[t * shape.controls + i] : step.panel.pattern_TS[t * shape.patterns + i - F];
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
  Real* input_TI = step.scratch.input_TI + static_cast<int64_t>(row) * T * step.shape.inputs;
  const Spread spread(C);
  for (int first = 0; first < T; first += tile_weeks) {
    const int weeks = min(tile_weeks, T - first), begin = first * C;
    for (int c = spread.column; c < C; c += spread.across) {
      const Real scale = scale_C[c];
#pragma unroll 4
      for (int t = spread.first; t < weeks; t += spread.groups)
        tile[t * C + c] = min(media_TC[begin + t * C + c] * scale, static_cast<Real>(kMaxScaledMedia));
    }
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
    for (int c = spread.column; c < C; c += spread.across) {
      const Curve<Real> curve(step, shared_P, c);
#pragma unroll 2
      for (int t = spread.first; t < weeks; t += spread.groups) {
        const Real adstock = tile[t * C + c];
        const Real response =
            logistic(curve.exponent * (log(adstock + static_cast<Real>(kHillOffset)) - curve.log_half));
        adstock_TC[begin + t * C + c] = adstock;
        response_TC[begin + t * C + c] = response;
        if (step.shape.hidden > 0) input_TI[(first + t) * step.shape.inputs + c] = response - Real(0.5);
      }
    }
    __syncthreads();
  }
  if (step.shape.hidden > 0 && !step.has_fixed_inputs) fixed_inputs(step, place, input_TI);
}

template <class Real>
__global__ void __launch_bounds__(kRowThreads) backward(Step<Real> step, Chunk chunk, int tile_weeks) {
  extern __shared__ __align__(16) unsigned char memory[];
  const int T = step.shape.weeks, C = step.shape.channels, row = blockIdx.x;
  double* space = reinterpret_cast<double*>(memory);
  // Per cell: what it adds to the gradients of exponent and half-saturation, dL/d adstock, and ad_{t-1} - x'.
  Real *of_exponent = reinterpret_cast<Real*>(space + kRowThreads), *of_half = of_exponent + tile_weeks * C,
       *of_adstock = of_half + tile_weeks * C, *difference = of_adstock + tile_weeks * C;
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
  const Spread spread(C);
  for (int end = T; end > 0; end -= tile_weeks) {
    const int first = max(end - tile_weeks, 0), weeks = end - first, begin = first * C;
    for (int c = spread.column; c < C; c += spread.across) {
      const Curve<Real> curve(step, shared_P, c);
      const Real scale = scale_C[c];
#pragma unroll 4
      for (int t = spread.first; t < weeks; t += spread.groups) {
        const int i = t * C + c;
        const Real adstock = adstock_TC[begin + i] + static_cast<Real>(kHillOffset);
        const Real distance = log(adstock) - curve.log_half, response = logistic(curve.exponent * distance);
        const Real to_slope = gradient_TC[begin + i] * response * (Real(1) - response);
        const Real before = begin + i >= C ? adstock_TC[begin + i - C] : Real(0);
        of_half[i] = -to_slope * curve.exponent;
        of_exponent[i] = to_slope * distance;
        of_adstock[i] = quotient(to_slope * curve.exponent, adstock);
        difference[i] = before - min(media_TC[begin + i] * scale, static_cast<Real>(kMaxScaledMedia));
      }
    }
    __syncthreads();
    for (int c = threadIdx.x; c < C; c += blockDim.x) {
      const Real decay = Curve<Real>(step, shared_P, c).decay;
      Real later = later_C[c];
#pragma unroll 8
      for (int t = weeks - 1; t >= 0; --t) {
        const Real gradient = of_adstock[t * C + c] + later;
        of_adstock[t * C + c] = gradient;
        later = gradient * decay;
      }
      later_C[c] = later;
    }
    __syncthreads();
    sum_over_weeks(
        weeks, 3 * C, space, [&](int w, double sum) { sums_3C[w] += sum; },
        [&](int t, int w) {
          const int i = t * C + w % C;
          return static_cast<double>(w < C ? of_adstock[i] * difference[i] : w < 2 * C ? of_exponent[i] : of_half[i]);
        });
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
  const size_t bytes =
      kRowThreads * sizeof(double) + static_cast<size_t>(4 * weeks + 1) * step.shape.channels * sizeof(Real);
  backward<<<step.shape.members * chunk.count, kRowThreads, bytes, stream>>>(step, chunk, weeks);
  check_launch("adstock_backward");
}

#define DCMMM_INSTANTIATE(Real)                                          \
  template void adstock_forward(const Step<Real>&, Chunk, cudaStream_t); \
  template void adstock_backward(const Step<Real>&, Chunk, cudaStream_t);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::cuda
