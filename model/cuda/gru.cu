// The GRU on a GPU: a block holds a few rows (regions of one member) through all weeks, a thread a hidden unit. What
// isn't recurrent is done outside, over all weeks at once (input_gradient, weight_gradient; the output layer is part of
// the effect). Shapes as in step.hpp; N rows of a block. Equations: kernels/gru.hpp.
#include <cuda_pipeline.h>

#include <type_traits>

#include "model/cuda/device_math.cuh"

namespace dcmmm::cuda {
namespace {

constexpr int kHeldUnits = 32;  // up to so many, a thread holds its unit's recurrent weights in registers

// The inputs of all weeks, side by side: responses less a half, controls, season. A block a row.
template <class Real>
__global__ void gather(Step<Real> step, Chunk chunk) {
  const Shape& shape = step.shape;
  const int row = blockIdx.x, I = shape.inputs, C = shape.channels, F = shape.fixed, T = shape.weeks;
  const Real* response_TC = step.scratch.response_TC + static_cast<int64_t>(row) * T * C;
  const Real* control_TK = step.panel.control_ERTK + place_of_row(shape, chunk, row) * T * shape.controls;
  Real* input_TI = step.scratch.input_TI + static_cast<int64_t>(row) * T * I;
  for (int place = threadIdx.x; place < T * I; place += blockDim.x) {
    const int t = place / I, i = place % I;
    input_TI[place] = i < C       ? response_TC[t * C + i] - Real(0.5)
                      : i < C + F ? control_TK[t * shape.controls + i - C]
                                  : step.panel.pattern_TS[t * shape.patterns + i - C - F];
  }
}

template <class Real>
__global__ void transpose(Step<Real> step) {
  const Shape& shape = step.shape;
  const int member = blockIdx.y, gates = 3 * shape.hidden;
  const Real* shared_P = step.shared_EP + static_cast<int64_t>(member) * shape.shared;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < gates * (shape.inputs + shape.hidden);
       i += gridDim.x * blockDim.x) {
    const int column = i % gates, from = i / gates;
    if (from < shape.inputs)
      step.scratch.input_weights_I3H[(static_cast<int64_t>(member) * shape.inputs + from) * gates + column] =
          shared_P[step.at.weight_input + column * shape.inputs + from];
    else
      step.scratch
          .hidden_weights_H3H[(static_cast<int64_t>(member) * shape.hidden + from - shape.inputs) * gates + column] =
          shared_P[step.at.weight_hidden + column * shape.hidden + from - shape.inputs];
  }
}

template <class Real, int N, bool kHeld>
__global__ void forward(Step<Real> step, Chunk chunk, int blocks_of_member) {
  extern __shared__ __align__(16) unsigned char memory[];
  const Shape& shape = step.shape;
  const int H = shape.hidden, I = shape.inputs, T = shape.weeks, j = threadIdx.x;
  // Inputs of this week and of the next one, which is on its way meanwhile.
  Real *inputs_2IN = reinterpret_cast<Real*>(memory), *state_HN = inputs_2IN + 2 * I * N;
  const int member = blockIdx.x / blocks_of_member, begin = blockIdx.x % blocks_of_member * N;
  const int rows = min(N, chunk.count - begin), first_row = member * chunk.count + begin;
  const Real* shared_P = step.shared_EP + static_cast<int64_t>(member) * shape.shared;
  const Real* input_weights = step.scratch.input_weights_I3H + static_cast<int64_t>(member) * I * 3 * H;
  const Real* hidden_weights = step.scratch.hidden_weights_H3H + static_cast<int64_t>(member) * H * 3 * H;
  const Real* input_TI = step.scratch.input_TI + static_cast<int64_t>(first_row) * T * I;
  const bool is_unit = j < H;
  for (int place = j; place < (2 * I + (kHeld ? kHeldUnits : H)) * N; place += blockDim.x) inputs_2IN[place] = 0;
  __syncthreads();
  const auto fetch = [&](int t) {
    for (int place = j; place < rows * I; place += blockDim.x) {
      const int n = place / I, i = place % I;
      __pipeline_memcpy_async(inputs_2IN + (t % 2 * I + i) * N + n,
                              input_TI + (static_cast<int64_t>(n) * T + t) * I + i, sizeof(Real));
    }
    __pipeline_commit();
  };
  Real bias_reset = 0, bias_update = 0, bias_hidden = 0, bias_input = 0;
  if (is_unit) {
    const Real *of_input = shared_P + step.at.bias_input, *of_hidden = shared_P + step.at.bias_hidden;
    bias_reset = of_input[j] + of_hidden[j];
    bias_update = of_input[H + j] + of_hidden[H + j];
    bias_hidden = of_hidden[2 * H + j];
    bias_input = of_input[2 * H + j];
  }
  Real held[kHeld ? 3 : 1][kHeld ? kHeldUnits : 1];
  if constexpr (kHeld) {
#pragma unroll
    for (int k = 0; k < kHeldUnits; ++k)
#pragma unroll
      for (int gate = 0; gate < 3; ++gate)
        held[gate][k] = is_unit && k < H ? hidden_weights[(k * 3 + gate) * H + j] : Real(0);
  }
  Real before[N];
#pragma unroll
  for (int n = 0; n < N; ++n) before[n] = 0;
  fetch(0);
  for (int t = 0; t < T; ++t) {
    __pipeline_wait_prior(0);
    __syncthreads();
    if (t + 1 < T) fetch(t + 1);
    const Real* input_IN = inputs_2IN + t % 2 * I * N;
    Real reset[N], update[N], of_hidden[N], of_input[N];
#pragma unroll
    for (int n = 0; n < N; ++n) {
      reset[n] = bias_reset;
      update[n] = bias_update;
      of_hidden[n] = bias_hidden;
      of_input[n] = bias_input;
    }
    if (is_unit) {
#pragma unroll 4
      for (int i = 0; i < I; ++i) {
        const Real *weights = input_weights + i * 3 * H + j, *value = input_IN + i * N;
        const Real to_reset = weights[0], to_update = weights[H], to_fresh = weights[2 * H];
#pragma unroll
        for (int n = 0; n < N; ++n) {
          reset[n] += to_reset * value[n];
          update[n] += to_update * value[n];
          of_input[n] += to_fresh * value[n];
        }
      }
      const auto add = [&](int k, Real to_reset, Real to_update, Real to_fresh) {
#pragma unroll
        for (int n = 0; n < N; ++n) {
          const Real value = state_HN[k * N + n];
          reset[n] += to_reset * value;
          update[n] += to_update * value;
          of_hidden[n] += to_fresh * value;
        }
      };
      if constexpr (kHeld) {
#pragma unroll
        for (int k = 0; k < kHeldUnits; ++k) add(k, held[0][k], held[1][k], held[2][k]);
      } else {
#pragma unroll 4
        for (int k = 0; k < H; ++k) {
          const Real* weights = hidden_weights + k * 3 * H + j;
          add(k, weights[0], weights[H], weights[2 * H]);
        }
      }
    }
    __syncthreads();
    if (!is_unit) continue;
#pragma unroll
    for (int n = 0; n < N; ++n) {
      const Real r = logistic(reset[n]), z = logistic(update[n]), fresh = tanh(of_input[n] + r * of_hidden[n]);
      before[n] = fresh + z * (before[n] - fresh);
      state_HN[j * N + n] = before[n];
      if (n >= rows) continue;
      const int64_t cell = static_cast<int64_t>(first_row + n) * T + t;
      Real* gates = step.scratch.gates_T4H + cell * 4 * H + j;
      gates[0] = r;
      gates[H] = z;
      gates[2 * H] = fresh;
      gates[3 * H] = of_hidden[n];
      step.scratch.state_TH[cell * H + j] = before[n];
    }
  }
}

// What the forward left of a week, of one unit and the block's rows.
template <class Real, int N>
struct Week {
  Real reset[N], update[N], fresh[N], product[N], before[N];

  __device__ void load(const Step<Real>& step, int first_row, int rows, int t, int j) {
    const int H = step.shape.hidden;
#pragma unroll
    for (int n = 0; n < N; ++n) {
      const bool is_row = n < rows;
      const int64_t cell = static_cast<int64_t>(first_row + n) * step.shape.weeks + t;
      const Real* gates = step.scratch.gates_T4H + cell * 4 * H + j;
      reset[n] = is_row ? gates[0] : Real(0);
      update[n] = is_row ? gates[H] : Real(0);
      fresh[n] = is_row ? gates[2 * H] : Real(0);
      product[n] = is_row ? gates[3 * H] : Real(0);
      before[n] = is_row && t > 0 ? step.scratch.state_TH[(cell - 1) * H + j] : Real(0);
    }
  }
};

template <class Real, int N, bool kHeld>
__global__ void backward(Step<Real> step, Chunk chunk, int blocks_of_member) {
  extern __shared__ __align__(16) unsigned char memory[];
  const Shape& shape = step.shape;
  const int H = shape.hidden, C = shape.channels, T = shape.weeks, j = threadIdx.x, units = kHeld ? kHeldUnits : H;
  Real *outputs_2CN = reinterpret_cast<Real*>(memory), *gates_3HN = outputs_2CN + 2 * C * N;
  const int member = blockIdx.x / blocks_of_member, begin = blockIdx.x % blocks_of_member * N;
  const int rows = min(N, chunk.count - begin), first_row = member * chunk.count + begin;
  const Real* shared_P = step.shared_EP + static_cast<int64_t>(member) * shape.shared;
  const Real *output_weights = shared_P + step.at.output_weight, *hidden_weights = shared_P + step.at.weight_hidden;
  const Real* output_TC = step.scratch.output_gradient_TC + static_cast<int64_t>(first_row) * T * C;
  const bool is_unit = j < H;
  for (int place = j; place < (2 * C + 3 * units) * N; place += blockDim.x) outputs_2CN[place] = 0;
  __syncthreads();
  const auto fetch = [&](int t) {
    for (int place = j; place < rows * C; place += blockDim.x) {
      const int n = place / C, c = place % C;
      __pipeline_memcpy_async(outputs_2CN + (t % 2 * C + c) * N + n,
                              output_TC + (static_cast<int64_t>(n) * T + t) * C + c, sizeof(Real));
    }
    __pipeline_commit();
  };
  Real held[kHeld ? 3 : 1][kHeld ? kHeldUnits : 1];
  if constexpr (kHeld) {
#pragma unroll
    for (int gate = 0; gate < 3; ++gate)
#pragma unroll
      for (int k = 0; k < kHeldUnits; ++k)
        held[gate][k] = is_unit && k < H ? hidden_weights[(gate * H + k) * H + j] : Real(0);
  }
  Real gradient[N];
#pragma unroll
  for (int n = 0; n < N; ++n) gradient[n] = 0;
  Week<Real, N> next = {};
  if (is_unit) next.load(step, first_row, rows, T - 1, j);
  fetch(T - 1);
  for (int t = T - 1; t >= 0; --t) {
    __pipeline_wait_prior(0);
    __syncthreads();
    if (t > 0) fetch(t - 1);
    const Real* output_CN = outputs_2CN + t % 2 * C * N;
    Real passed[N];
    if (is_unit) {
      const Week<Real, N> week = next;
      if (t > 0) next.load(step, first_row, rows, t - 1, j);
#pragma unroll 4
      for (int c = 0; c < C; ++c) {
        const Real weight = output_weights[c * H + j];
#pragma unroll
        for (int n = 0; n < N; ++n) gradient[n] += weight * output_CN[c * N + n];
      }
#pragma unroll
      for (int n = 0; n < N; ++n) {
        const Real r = week.reset[n], z = week.update[n], fresh = week.fresh[n];
        const Real to_fresh = gradient[n] * (Real(1) - z) * (Real(1) - fresh * fresh);
        const Real to_reset = to_fresh * week.product[n] * r * (Real(1) - r),
                   to_update = gradient[n] * (week.before[n] - fresh) * z * (Real(1) - z);
        gates_3HN[j * N + n] = to_reset;
        gates_3HN[(units + j) * N + n] = to_update;
        gates_3HN[(2 * units + j) * N + n] = to_fresh * r;
        passed[n] = gradient[n] * z;
        if (n >= rows) continue;
        Real* gates = step.scratch.gates_T4H + (static_cast<int64_t>(first_row + n) * T + t) * 4 * H + j;
        gates[0] = to_reset;
        gates[H] = to_update;
        gates[2 * H] = to_fresh * r;
        gates[3 * H] = to_fresh;
      }
    }
    __syncthreads();
    if (!is_unit) continue;
    if constexpr (kHeld) {
#pragma unroll
      for (int gate = 0; gate < 3; ++gate)
#pragma unroll
        for (int k = 0; k < kHeldUnits; ++k)
#pragma unroll
          for (int n = 0; n < N; ++n) passed[n] += held[gate][k] * gates_3HN[(gate * kHeldUnits + k) * N + n];
    } else {
#pragma unroll 8
      for (int gate = 0; gate < 3 * H; ++gate) {
        const Real weight = hidden_weights[gate * H + j];
#pragma unroll
        for (int n = 0; n < N; ++n) passed[n] += weight * gates_3HN[gate * N + n];
      }
    }
#pragma unroll
    for (int n = 0; n < N; ++n) gradient[n] = passed[n];
  }
}

// As few rows a block as fill the GPU once: more of them share the weights' way, fewer wait less for each other.
template <class Real>
int rows_of_block(const Shape& shape, const Chunk& chunk) {
  int device = 0, processors = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute");
  const int rows = shape.members * chunk.count, blocks = processors * (shape.hidden <= 64 ? 10 : 1);
  // What registers hold: four rows beside a unit's weights, or so many as let 512 threads run.
  const int most = (shape.hidden <= kHeldUnits || sizeof(Real) == 8 ? 4 : 8) / (shape.hidden > 256 ? 2 : 1);
  int n = 1;
  while (n < most && rows > n * blocks) n *= 2;
  return n;
}

// Calls launch(N, whether weights are held in registers), both as constants. Of doubles there is no room for them.
template <class Real, class Launch>
void with_rows(int rows, bool is_held, const Launch& launch) {
  const auto with_weights = [&](auto n) {
    if constexpr (sizeof(Real) == 4) {
      if (is_held) return launch(n, std::true_type());
    }
    return launch(n, std::false_type());
  };
  switch (rows) {
    case 8:
      return with_weights(std::integral_constant<int, 8>());
    case 4:
      return with_weights(std::integral_constant<int, 4>());
    case 2:
      return with_weights(std::integral_constant<int, 2>());
    default:
      return with_weights(std::integral_constant<int, 1>());
  }
}

}  // namespace

template <class Real>
void transpose_weights(const Step<Real>& step, cudaStream_t stream) {
  const int numbers = 3 * step.shape.hidden * (step.shape.inputs + step.shape.hidden);
  transpose<<<dim3(min((numbers + 255) / 256, 256), step.shape.members), 256, 0, stream>>>(step);
  check_launch("transpose_weights");
}

template <class Real>
void gru_forward(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  const Shape& shape = step.shape;
  gather<<<shape.members * chunk.count, kRowThreads, 0, stream>>>(step, chunk);
  with_rows<Real>(rows_of_block<Real>(shape, chunk), shape.hidden <= kHeldUnits, [&](auto rows, auto is_held) {
    constexpr int N = decltype(rows)::value;
    constexpr bool kHeld = decltype(is_held)::value;
    const int blocks = (chunk.count + N - 1) / N, threads = (shape.hidden + 31) / 32 * 32;
    const size_t bytes = sizeof(Real) * N * (2 * shape.inputs + (kHeld ? kHeldUnits : shape.hidden));
    allow_shared_memory(forward<Real, N, kHeld>, bytes);
    forward<Real, N, kHeld><<<shape.members * blocks, threads, bytes, stream>>>(step, chunk, blocks);
  });
  check_launch("gru_forward");
}

template <class Real>
void gru_backward(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  const Shape& shape = step.shape;
  with_rows<Real>(rows_of_block<Real>(shape, chunk), shape.hidden <= kHeldUnits, [&](auto rows, auto is_held) {
    constexpr int N = decltype(rows)::value;
    constexpr bool kHeld = decltype(is_held)::value;
    const int blocks = (chunk.count + N - 1) / N, threads = (shape.hidden + 31) / 32 * 32;
    const size_t bytes = sizeof(Real) * N * (2 * shape.channels + 3 * (kHeld ? kHeldUnits : shape.hidden));
    allow_shared_memory(backward<Real, N, kHeld>, bytes);
    backward<Real, N, kHeld><<<shape.members * blocks, threads, bytes, stream>>>(step, chunk, blocks);
  });
  check_launch("gru_backward");
}

#define DCMMM_INSTANTIATE(Real)                                      \
  template void transpose_weights(const Step<Real>&, cudaStream_t);  \
  template void gru_forward(const Step<Real>&, Chunk, cudaStream_t); \
  template void gru_backward(const Step<Real>&, Chunk, cudaStream_t);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::cuda
