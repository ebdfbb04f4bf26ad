// The GRU on a GPU: a block holds a few rows (regions of one member) through all weeks, a thread a hidden unit. What
// isn't recurrent is done outside, over all weeks at once (input_gradient, weight_gradient; the output layer is part of
// the effect). Shapes as in step.hpp; N rows of a block. Equations: kernels/gru.hpp.
#include "model/cuda/device_math.cuh"

namespace dcmmm::cuda {
namespace {

// Value of input i of a row at week t.
template <class Real>
struct RowInputs {
  const Real *response_TC, *control_TK, *pattern_TS;
  int channels, controls, patterns, fixed;
  __device__ Real operator()(int t, int i) const {
    if (i < channels) return response_TC[static_cast<int64_t>(t) * channels + i] - Real(0.5);
    i -= channels;
    return i < fixed ? control_TK[static_cast<int64_t>(t) * controls + i]
                     : pattern_TS[static_cast<int64_t>(t) * patterns + i - fixed];
  }
};

template <class Real>
__device__ RowInputs<Real> inputs_of(const Step<Real>& step, Chunk chunk, int row) {
  const Shape& shape = step.shape;
  const int64_t weeks = shape.weeks;
  return {step.scratch.response_TC + row * weeks * shape.channels,
          step.panel.control_ERTK + place_of_row(shape, chunk, row) * weeks * shape.controls,
          step.panel.pattern_TS,
          shape.channels,
          shape.controls,
          shape.patterns,
          shape.fixed};
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

template <class Real, int N>
__global__ void forward(Step<Real> step, Chunk chunk, int blocks_of_member) {
  extern __shared__ unsigned char memory[];
  const Shape& shape = step.shape;
  const int H = shape.hidden, I = shape.inputs, T = shape.weeks, j = threadIdx.x;
  Real *input_IN = reinterpret_cast<Real*>(memory), *state_HN = input_IN + I * N;
  const int member = blockIdx.x / blocks_of_member, begin = blockIdx.x % blocks_of_member * N;
  const int rows = min(N, chunk.count - begin), first_row = member * chunk.count + begin;
  const Real* shared_P = step.shared_EP + static_cast<int64_t>(member) * shape.shared;
  const Real* input_weights = step.scratch.input_weights_I3H + static_cast<int64_t>(member) * I * 3 * H;
  const Real* hidden_weights = step.scratch.hidden_weights_H3H + static_cast<int64_t>(member) * H * 3 * H;
  const bool is_unit = j < H;
  Real bias_reset = 0, bias_update = 0, bias_hidden = 0, bias_input = 0;
  if (is_unit) {
    const Real *of_input = shared_P + step.at.bias_input, *of_hidden = shared_P + step.at.bias_hidden;
    bias_reset = of_input[j] + of_hidden[j];
    bias_update = of_input[H + j] + of_hidden[H + j];
    bias_hidden = of_hidden[2 * H + j];
    bias_input = of_input[2 * H + j];
    for (int n = 0; n < N; ++n) state_HN[j * N + n] = 0;
  }
  Real before[N];
#pragma unroll
  for (int n = 0; n < N; ++n) before[n] = 0;
  for (int t = 0; t < T; ++t) {
    for (int place = j; place < N * I; place += blockDim.x) {
      const int n = place / I, i = place % I;
      input_IN[i * N + n] = n < rows ? inputs_of(step, chunk, first_row + n)(t, i) : Real(0);
    }
    __syncthreads();
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
#pragma unroll 4
      for (int k = 0; k < H; ++k) {
        const Real *weights = hidden_weights + k * 3 * H + j, *value = state_HN + k * N;
        const Real to_reset = weights[0], to_update = weights[H], to_fresh = weights[2 * H];
#pragma unroll
        for (int n = 0; n < N; ++n) {
          reset[n] += to_reset * value[n];
          update[n] += to_update * value[n];
          of_hidden[n] += to_fresh * value[n];
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

template <class Real, int N>
__global__ void backward(Step<Real> step, Chunk chunk, int blocks_of_member) {
  extern __shared__ unsigned char memory[];
  const Shape& shape = step.shape;
  const int H = shape.hidden, C = shape.channels, T = shape.weeks, j = threadIdx.x;
  Real *output_CN = reinterpret_cast<Real*>(memory), *gates_3HN = output_CN + C * N;
  const int member = blockIdx.x / blocks_of_member, begin = blockIdx.x % blocks_of_member * N;
  const int rows = min(N, chunk.count - begin), first_row = member * chunk.count + begin;
  const Real* shared_P = step.shared_EP + static_cast<int64_t>(member) * shape.shared;
  const Real *output_weights = shared_P + step.at.output_weight, *hidden_weights = shared_P + step.at.weight_hidden;
  const bool is_unit = j < H;
  Real gradient[N];
#pragma unroll
  for (int n = 0; n < N; ++n) gradient[n] = 0;
  for (int t = T - 1; t >= 0; --t) {
    for (int place = j; place < N * C; place += blockDim.x) {
      const int n = place / C, c = place % C;
      output_CN[c * N + n] =
          n < rows ? step.scratch.output_gradient_TC[(static_cast<int64_t>(first_row + n) * T + t) * C + c] : Real(0);
    }
    __syncthreads();
    Real passed[N];
    if (is_unit) {
#pragma unroll 4
      for (int c = 0; c < C; ++c) {
        const Real weight = output_weights[c * H + j];
#pragma unroll
        for (int n = 0; n < N; ++n) gradient[n] += weight * output_CN[c * N + n];
      }
#pragma unroll
      for (int n = 0; n < N; ++n) {
        const bool is_row = n < rows;
        const int64_t cell = static_cast<int64_t>(first_row + n) * T + t;
        Real* gates = step.scratch.gates_T4H + cell * 4 * H + j;
        const Real r = is_row ? gates[0] : Real(0), z = is_row ? gates[H] : Real(0),
                   fresh = is_row ? gates[2 * H] : Real(0), product = is_row ? gates[3 * H] : Real(0),
                   before = is_row && t > 0 ? step.scratch.state_TH[(cell - 1) * H + j] : Real(0);
        const Real to_fresh = gradient[n] * (Real(1) - z) * (Real(1) - fresh * fresh);
        const Real to_reset = to_fresh * product * r * (Real(1) - r),
                   to_update = gradient[n] * (before - fresh) * z * (Real(1) - z);
        gates_3HN[j * N + n] = to_reset;
        gates_3HN[(H + j) * N + n] = to_update;
        gates_3HN[(2 * H + j) * N + n] = to_fresh * r;
        passed[n] = gradient[n] * z;
        if (!is_row) continue;
        gates[0] = to_reset;
        gates[H] = to_update;
        gates[2 * H] = to_fresh * r;
        gates[3 * H] = to_fresh;
      }
    }
    __syncthreads();
    if (!is_unit) continue;
#pragma unroll 8
    for (int gate = 0; gate < 3 * H; ++gate) {
      const Real weight = hidden_weights[gate * H + j];
#pragma unroll
      for (int n = 0; n < N; ++n) passed[n] += weight * gates_3HN[gate * N + n];
    }
#pragma unroll
    for (int n = 0; n < N; ++n) gradient[n] = passed[n];
  }
}

// Few rows a block where a few blocks are all there is, so that all processors have some.
int rows_of_block(const Shape& shape, const Chunk& chunk, size_t real_bytes) {
  const int rows = shape.members * chunk.count, most = real_bytes == 8 ? 4 : 8;
  for (int n = most; n > 1; n /= 2)
    if (rows >= n * 132 * (shape.hidden <= 64 ? 8 : 1)) return n;
  return 1;
}

// Calls launch(N as a constant).
template <class Launch>
void with_rows(int rows, const Launch& launch) {
  switch (rows) {
    case 8: return launch(std::integral_constant<int, 8>());
    case 4: return launch(std::integral_constant<int, 4>());
    case 2: return launch(std::integral_constant<int, 2>());
    default: return launch(std::integral_constant<int, 1>());
  }
}

template <class Kernel>
void allow_shared_memory(const Kernel& kernel, size_t bytes) {
  if (bytes > 48 * 1024)
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(bytes)),
          "cudaFuncSetAttribute");
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
  with_rows(rows_of_block(shape, chunk, sizeof(Real)), [&](auto rows) {
    constexpr int N = decltype(rows)::value;
    const int blocks = (chunk.count + N - 1) / N, threads = (shape.hidden + 31) / 32 * 32;
    const size_t bytes = sizeof(Real) * N * (shape.inputs + shape.hidden);
    allow_shared_memory(forward<Real, N>, bytes);
    forward<Real, N><<<shape.members * blocks, threads, bytes, stream>>>(step, chunk, blocks);
  });
  check_launch("gru_forward");
}

template <class Real>
void gru_backward(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  const Shape& shape = step.shape;
  with_rows(rows_of_block(shape, chunk, sizeof(Real)), [&](auto rows) {
    constexpr int N = decltype(rows)::value;
    const int blocks = (chunk.count + N - 1) / N, threads = (shape.hidden + 31) / 32 * 32;
    const size_t bytes = sizeof(Real) * N * (shape.channels + 3 * shape.hidden);
    allow_shared_memory(backward<Real, N>, bytes);
    backward<Real, N><<<shape.members * blocks, threads, bytes, stream>>>(step, chunk, blocks);
  });
  check_launch("gru_backward");
}

#define DCMMM_INSTANTIATE(Real)                                           \
  template void transpose_weights(const Step<Real>&, cudaStream_t);       \
  template void gru_forward(const Step<Real>&, Chunk, cudaStream_t);      \
  template void gru_backward(const Step<Real>&, Chunk, cudaStream_t);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::cuda
