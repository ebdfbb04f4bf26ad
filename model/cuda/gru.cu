// The GRU on a GPU: a block holds a few rows (regions of one member) through all weeks, a thread a hidden unit. What
// isn't recurrent is done outside, over all weeks at once (products.cu). Shapes as in step.hpp; N rows of a block.
// Equations: kernels/gru.hpp.
#include <type_traits>

#include "model/cuda/device_math.cuh"

namespace dcmmm::cuda {
namespace {

constexpr int kHeldUnits = 32;  // up to so many, a thread holds its unit's recurrent weights in registers

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

// What a block works on, and a thread's place in it.
template <class Real, int N>
struct Rows {
  int member, rows, unit;
  bool is_unit;
  int64_t first_cell;  // of the thread's unit in the first row
  int weeks, hidden;

  __device__ Rows(const Shape& shape, const Chunk& chunk, int blocks_of_member)
      : member(blockIdx.x / blocks_of_member), unit(threadIdx.x), weeks(shape.weeks), hidden(shape.hidden) {
    const int begin = blockIdx.x % blocks_of_member * N;
    rows = min(N, chunk.count - begin);
    is_unit = unit < hidden;
    first_cell = (static_cast<int64_t>(member) * chunk.count + begin) * weeks;
  }
  __device__ bool holds(int n) const { return is_unit && n < rows; }
  __device__ int64_t cell(int n, int t) const { return first_cell + static_cast<int64_t>(n) * weeks + t; }
};

template <class Real, int N, bool kHeld>
__global__ void forward(Step<Real> step, Chunk chunk, int blocks_of_member) {
  extern __shared__ __align__(16) unsigned char memory[];
  const Rows<Real, N> block(step.shape, chunk, blocks_of_member);
  const int H = block.hidden, T = block.weeks, j = block.unit, units = kHeld ? kHeldUnits : H;
  Real* states_2HN = reinterpret_cast<Real*>(memory);  // of the last week and of this one, which takes its place
  const Real* shared_P = step.shared_EP + static_cast<int64_t>(block.member) * step.shape.shared;
  const Real* hidden_weights = step.scratch.hidden_weights_H3H + static_cast<int64_t>(block.member) * H * 3 * H;
  for (int place = j; place < 2 * units * N; place += blockDim.x) states_2HN[place] = 0;
  Real bias_reset = 0, bias_update = 0, bias_hidden = 0, bias_input = 0;
  if (block.is_unit) {
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
        held[gate][k] = block.is_unit && k < H ? hidden_weights[(k * 3 + gate) * H + j] : Real(0);
  }
  // The inputs' products of the next week are on their way meanwhile.
  Real to_reset[N], to_update[N], to_fresh[N], before[N];
  const auto fetch = [&](int t) {
#pragma unroll
    for (int n = 0; n < N; ++n) {
      if (!block.holds(n)) continue;
      const Real* gates = step.scratch.gates_T4H + block.cell(n, t) * 4 * H + j;
      to_reset[n] = gates[0];
      to_update[n] = gates[H];
      to_fresh[n] = gates[2 * H];
    }
  };
#pragma unroll
  for (int n = 0; n < N; ++n) to_reset[n] = to_update[n] = to_fresh[n] = before[n] = 0;
  fetch(0);
  for (int t = 0; t < T; ++t) {
    __syncthreads();
    const Real* state_HN = states_2HN + t % 2 * units * N;
    Real reset[N], update[N], of_hidden[N], of_input[N];
#pragma unroll
    for (int n = 0; n < N; ++n) {
      reset[n] = bias_reset + to_reset[n];
      update[n] = bias_update + to_update[n];
      of_hidden[n] = bias_hidden;
      of_input[n] = bias_input + to_fresh[n];
    }
    if (t + 1 < T) fetch(t + 1);
    if (!block.is_unit) continue;
    const auto add = [&](int k, Real of_reset, Real of_update, Real of_fresh) {
#pragma unroll
      for (int n = 0; n < N; ++n) {
        const Real value = state_HN[k * N + n];
        reset[n] += of_reset * value;
        update[n] += of_update * value;
        of_hidden[n] += of_fresh * value;
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
    Real* next_HN = states_2HN + (t + 1) % 2 * units * N;
#pragma unroll
    for (int n = 0; n < N; ++n) {
      const Real r = logistic(reset[n]), z = logistic(update[n]), fresh = tanh(of_input[n] + r * of_hidden[n]);
      before[n] = fresh + z * (before[n] - fresh);
      next_HN[j * N + n] = before[n];
      if (n >= block.rows) continue;
      Real* gates = step.scratch.gates_T4H + block.cell(n, t) * 4 * H + j;
      gates[0] = r;
      gates[H] = z;
      gates[2 * H] = fresh;
      gates[3 * H] = of_hidden[n];
      step.scratch.state_TH[block.cell(n, t) * H + j] = before[n];
    }
  }
}

// What the forward left of a week, of one unit and the block's rows, and the output layer's gradient to its state.
template <class Real, int N>
struct Week {
  Real reset[N], update[N], fresh[N], product[N], before[N], gradient[N];

  __device__ void load(const Step<Real>& step, const Rows<Real, N>& block, int t) {
    const int H = block.hidden;
#pragma unroll
    for (int n = 0; n < N; ++n) {
      const bool is_row = block.holds(n);
      const int64_t cell = block.cell(n, t);
      const Real* gates = step.scratch.gates_T4H + cell * 4 * H + block.unit;
      reset[n] = is_row ? gates[0] : Real(0);
      update[n] = is_row ? gates[H] : Real(0);
      fresh[n] = is_row ? gates[2 * H] : Real(0);
      product[n] = is_row ? gates[3 * H] : Real(0);
      before[n] = is_row && t > 0 ? step.scratch.state_TH[(cell - 1) * H + block.unit] : Real(0);
      gradient[n] = is_row ? step.scratch.state_gradient_TH[cell * H + block.unit] : Real(0);
    }
  }
};

template <class Real, int N, bool kHeld>
__global__ void backward(Step<Real> step, Chunk chunk, int blocks_of_member) {
  extern __shared__ __align__(16) unsigned char memory[];
  const Rows<Real, N> block(step.shape, chunk, blocks_of_member);
  const int H = block.hidden, T = block.weeks, j = block.unit, units = kHeld ? kHeldUnits : H;
  Real* gates_2x3HN = reinterpret_cast<Real*>(memory);  // of this week, and of the last one that is still read
  const Real* shared_P = step.shared_EP + static_cast<int64_t>(block.member) * step.shape.shared;
  const Real* hidden_weights = shared_P + step.at.weight_hidden;
  for (int place = j; place < 6 * units * N; place += blockDim.x) gates_2x3HN[place] = 0;
  __syncthreads();
  Real held[kHeld ? 3 : 1][kHeld ? kHeldUnits : 1];
  if constexpr (kHeld) {
#pragma unroll
    for (int gate = 0; gate < 3; ++gate)
#pragma unroll
      for (int k = 0; k < kHeldUnits; ++k)
        held[gate][k] = block.is_unit && k < H ? hidden_weights[(gate * H + k) * H + j] : Real(0);
  }
  Real passed[N];
#pragma unroll
  for (int n = 0; n < N; ++n) passed[n] = 0;
  Week<Real, N> next;
  next.load(step, block, T - 1);
  for (int t = T - 1; t >= 0; --t) {
    Real* gates_3HN = gates_2x3HN + t % 2 * 3 * units * N;
    const Week<Real, N> week = next;
    if (t > 0) next.load(step, block, t - 1);
    if (block.is_unit) {
#pragma unroll
      for (int n = 0; n < N; ++n) {
        const Real r = week.reset[n], z = week.update[n], fresh = week.fresh[n],
                   gradient = passed[n] + week.gradient[n];
        const Real to_fresh = gradient * (Real(1) - z) * (Real(1) - fresh * fresh);
        const Real to_reset = to_fresh * week.product[n] * r * (Real(1) - r),
                   to_update = gradient * (week.before[n] - fresh) * z * (Real(1) - z);
        gates_3HN[j * N + n] = to_reset;
        gates_3HN[(units + j) * N + n] = to_update;
        gates_3HN[(2 * units + j) * N + n] = to_fresh * r;
        passed[n] = gradient * z;
        if (n >= block.rows) continue;
        Real* gates = step.scratch.gates_T4H + block.cell(n, t) * 4 * H + j;
        gates[0] = to_reset;
        gates[H] = to_update;
        gates[2 * H] = to_fresh;
        gates[3 * H] = to_fresh * r;
      }
    }
    __syncthreads();
    if (!block.is_unit) continue;
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
  }
}

// As few rows a block as fill the GPU once: more of them share the weights' way, fewer wait less for each other.
template <class Real>
int rows_of_block(const Shape& shape, const Chunk& chunk) {
  int device = 0, processors = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute");
  const int rows = shape.members * chunk.count, blocks = processors * (shape.hidden <= 64 ? 20 : 1);
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
  with_rows<Real>(rows_of_block<Real>(shape, chunk), shape.hidden <= kHeldUnits, [&](auto rows, auto is_held) {
    constexpr int N = decltype(rows)::value;
    constexpr bool kHeld = decltype(is_held)::value;
    const int blocks = (chunk.count + N - 1) / N, threads = (shape.hidden + 31) / 32 * 32;
    const size_t bytes = sizeof(Real) * N * 2 * (kHeld ? kHeldUnits : shape.hidden);
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
    const size_t bytes = sizeof(Real) * N * 6 * (kHeld ? kHeldUnits : shape.hidden);
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
