// From responses and coefficients to the loss, and back to their gradients, on a GPU: a block a row.
// Shapes as in step.hpp. Equations: Mmm::chunk_loss, kernels/baseline.hpp, deviation_penalty.cpp.
#include "model/cuda/device_math.cuh"

namespace dcmmm::cuda {
namespace {

// A block's shared memory: weeks of the baseline's system, the effect (later its gradient), and a double a thread for
// sums.
template <class Real>
struct RowMemory {
  double *right_T, *lower_T, *inverse_T, *space;
  Real* effect_T;

  __device__ RowMemory(unsigned char* memory, const Shape& shape)
      : right_T(reinterpret_cast<double*>(memory)),
        lower_T(right_T + shape.weeks),
        inverse_T(lower_T + shape.weeks),
        space(inverse_T + shape.weeks),
        effect_T(reinterpret_cast<Real*>(space + kRowThreads)) {}

  static size_t bytes(const Shape& shape) {
    return sizeof(double) * (3 * static_cast<size_t>(shape.weeks) + kRowThreads) +
           sizeof(Real) * static_cast<size_t>(shape.weeks);
  }
};

// What a block works on.
template <class Real>
struct Row {
  const Step<Real>& step;
  int member;
  int64_t place, cells;  // among all regions; of the scratch's first cell
  const Real *shared_P, *local_L;

  __device__ Row(const Step<Real>& step, const Chunk& chunk, int row)
      : step(step),
        member(row / chunk.count),
        place(place_of_row(step.shape, chunk, row)),
        cells(static_cast<int64_t>(row) * step.shape.weeks),
        shared_P(step.shared_EP + member * static_cast<int64_t>(step.shape.shared)),
        local_L(step.local_ERL + place * step.shape.local) {}

  __device__ int64_t week(int t) const { return place * step.shape.weeks + t; }
  __device__ Real& coefficient(int t, int c) const {
    return step.scratch.response_gradient_TC[(cells + t) * step.shape.channels + c];
  }
  __device__ Real response(int t, int c) const {
    return step.scratch.response_TC[(cells + t) * step.shape.channels + c];
  }
  __device__ Real pattern(int t) const {
    Real sum = 0;
    for (int s = 0; s < step.shape.patterns; ++s)
      sum += shared_P[step.at.pattern + s] * step.panel.pattern_TS[t * step.shape.patterns + s];
    return sum;
  }
  __device__ Real control(int t, int k) const { return step.panel.control_ERTK[week(t) * step.shape.controls + k]; }
  __device__ bool is_usable() const { return step.panel.inverse_diagonal_ERT[week(0)] > 0; }
  // y' - f where it counts.
  __device__ double residual(int t, Real effect) const {
    return step.panel.cell_weight_ERT[week(t)] > 0 ? static_cast<double>(step.panel.target_ERT[week(t)] - effect) : 0.0;
  }
};

// The coefficients of all weeks, where the responses' gradients go later.
template <class Real>
__device__ void coefficients(const Row<Real>& row) {
  const Shape& shape = row.step.shape;
  const int C = shape.channels;
  const Spread spread(C);
  for (int c = spread.column; c < C; c += spread.across) {
    const Real level = row.shared_P[row.step.at.log_mean + c] + row.local_L[row.step.at.region_effect + c];
#pragma unroll 4
    for (int t = spread.first; t < shape.weeks; t += spread.groups) {
      const int64_t cell = (row.cells + t) * C + c;
      const Real deviation = shape.hidden > 0 ? row.step.scratch.deviation_TC[cell] : Real(0);
      row.step.scratch.response_gradient_TC[cell] = softplus(level + deviation);
    }
  }
  __syncthreads();
}

template <class Real>
__device__ void effects(const Row<Real>& row, const RowMemory<Real>& memory) {
  const Shape& shape = row.step.shape;
  for (int t = threadIdx.x; t < shape.weeks; t += blockDim.x) {
    Real media = 0, controls = 0;
#pragma unroll 4
    for (int c = 0; c < shape.channels; ++c) media += row.coefficient(t, c) * row.response(t, c);
    for (int k = 0; k < shape.controls; ++k) controls += row.control(t, k) * row.shared_P[row.step.at.control + k];
    memory.effect_T[t] = media + controls + (Real(1) + row.local_L[row.step.at.region_scale]) * row.pattern(t);
  }
  __syncthreads();
}

// b - level of all weeks into right_T; returns the level.
template <class Real>
__device__ double solve_baseline(const Row<Real>& row, const RowMemory<Real>& memory) {
  const Panel<Real>& panel = row.step.panel;
  const int T = row.step.shape.weeks;
  double level = 0;
  for (int t = threadIdx.x; t < T; t += blockDim.x) {
    const int64_t week = row.week(t);
    memory.lower_T[t] = panel.lower_ERT[week];
    memory.inverse_T[t] = panel.inverse_diagonal_ERT[week];
    level += panel.level_weight_ERT[week] * row.residual(t, memory.effect_T[t]);
  }
  const double denominator = panel.level_denominator_ER[row.place];
  level = sum_of_block(level, memory.space);
  level = denominator > 0 ? level / denominator : 0.0;
  for (int t = threadIdx.x; t < T; t += blockDim.x) {
    const Real weight = panel.cell_weight_ERT[row.week(t)];
    memory.right_T[t] = weight > 0 ? weight * (row.residual(t, memory.effect_T[t]) - level) : 0.0;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    double passed = 0;
#pragma unroll 8
    for (int t = 0; t < T; ++t) memory.right_T[t] = passed = memory.right_T[t] - memory.lower_T[t] * passed;
    passed = 0;
    double below = 0;
#pragma unroll 8
    for (int t = T - 1; t >= 0; --t) {
      memory.right_T[t] = passed = memory.right_T[t] * memory.inverse_T[t] - below * passed;
      below = memory.lower_T[t];
    }
  }
  __syncthreads();
  return level;
}

template <class Real>
__global__ void __launch_bounds__(kRowThreads) with_gradients(Step<Real> step, Chunk chunk) {
  extern __shared__ unsigned char bytes[];
  const RowMemory<Real> memory(bytes, step.shape);
  const Row<Real> row(step, chunk, blockIdx.x);
  const Shape& shape = step.shape;
  const int T = shape.weeks, C = shape.channels, H = shape.hidden;
  coefficients(row);
  effects(row, memory);
  const double level = solve_baseline(row, memory);

  // The loss, and its gradient to the effect in the effect's place: -2 w M (y' - f - b), times half the data's scale.
  const double scale = step.panel.data_scale_E[row.member];
  const double weight = row.is_usable() ? static_cast<double>(step.panel.region_weight_ER[row.place]) : 0.0;
  double squares = 0;
  for (int t = threadIdx.x; t < T; t += blockDim.x) {
    const double residual = row.residual(t, memory.effect_T[t]);
    const double left = step.panel.cell_weight_ERT[row.week(t)] * (residual - memory.right_T[t] - level);
    squares += residual * left;
    memory.effect_T[t] = static_cast<Real>(-weight * left * scale);
  }
  double* sums_W = step.region_sums_ERW + row.place * shape.sums();
  squares = sum_of_block(squares, memory.space);  // also: all of the effect's gradient is there

  // Channels: coefficients and, through the deviations and their penalty, the GRU's output.
  double penalty = 0;
  const Real level_penalty = H > 0 ? static_cast<Real>(step.panel.level_penalty_E[row.member]) : Real(0),
             change_penalty = H > 0 ? static_cast<Real>(step.panel.change_penalty_E[row.member]) : Real(0),
             gru_scale = static_cast<Real>(step.constant.gru_scale),
             inverse_scale = gru_scale > Real(0) ? Real(1) / gru_scale : Real(0);
  const int origin = step.panel.origin_E[row.member];
  const auto into = [](double* sums) { return [sums](int w, double sum) { sums[w] = sum; }; };
  sum_over_weeks(T, C, memory.space, into(sums_W), [&](int t, int c) {
    const Real coefficient = row.coefficient(t, c), slope = -expm1(-coefficient);  // of softplus: 1 - e^-softplus
    const Real gradient = memory.effect_T[t], of_level = gradient * slope * row.response(t, c);
    const int64_t cell = (row.cells + t) * C + c;
    step.scratch.response_gradient_TC[cell] = gradient * coefficient;
    if (H == 0) return static_cast<double>(of_level);
    const Real* here = step.scratch.deviation_TC + cell;
    const Real deviation = *here, unit = deviation * inverse_scale;
    Real to_deviation = of_level;
    if (t < origin) {
      const Real change = t > 0 ? deviation - here[-C] : Real(0), next = t + 1 < origin ? here[C] - deviation : Real(0);
      to_deviation += level_penalty * deviation + change_penalty * (change - next);
      penalty += 0.5 * (static_cast<double>(level_penalty) * deviation * deviation +
                        static_cast<double>(change_penalty) * change * change);
    }
    step.scratch.output_gradient_TC[cell] = to_deviation * gru_scale * (Real(1) - unit * unit);
    return static_cast<double>(of_level);
  });
  penalty = sum_of_block(penalty, memory.space);
  sum_over_weeks(T, shape.controls, memory.space, into(sums_W + C),
                 [&](int t, int k) { return static_cast<double>(memory.effect_T[t]) * row.control(t, k); });
  const Real season_scale = Real(1) + row.local_L[step.at.region_scale];
  sum_over_weeks(T, shape.patterns, memory.space, into(sums_W + C + shape.controls), [&](int t, int s) {
    return static_cast<double>(memory.effect_T[t] * season_scale) * step.panel.pattern_TS[t * shape.patterns + s];
  });
  double to_scale = 0;
  for (int t = threadIdx.x; t < T; t += blockDim.x)
    to_scale += static_cast<double>(memory.effect_T[t]) * row.pattern(t);
  to_scale = sum_of_block(to_scale, memory.space);
  if (threadIdx.x > 0) return;

  // The region's own parameters and their priors.
  const double cells = step.panel.cells_E[row.member];
  const double of_effects = 1.0 / (step.constant.coefficient_sd * step.constant.coefficient_sd * cells),
               of_scale = 1.0 / (step.constant.scale_sd * step.constant.scale_sd * cells);
  Real* gradient_L = step.local_gradient_ERL + row.place * shape.local;
  double prior = 0;
  bool is_finite = true;
  const auto set = [&](int place, double data, double precision) {
    const Real value = row.local_L[place];
    gradient_L[place] = static_cast<Real>(data + precision * value);
    prior += 0.5 * precision * value * value;
    is_finite = is_finite && isfinite(gradient_L[place]);
  };
  for (int c = 0; c < C; ++c) set(step.at.region_effect + c, sums_W[c], of_effects);
  set(step.at.region_scale, to_scale, of_scale);
  double* loss = sums_W + shape.loss_sums();
  loss[0] = 0.5 * weight * squares * scale;
  loss[1] = penalty;
  loss[2] = prior;
  loss[3] = is_finite ? 0 : 1;
}

template <class Real>
__global__ void __launch_bounds__(kRowThreads) forecast(Step<Real> step, Chunk chunk, Real* prediction_ERT) {
  extern __shared__ unsigned char bytes[];
  const RowMemory<Real> memory(bytes, step.shape);
  const Row<Real> row(step, chunk, blockIdx.x);
  coefficients(row);
  effects(row, memory);
  const double level = solve_baseline(row, memory);
  for (int t = threadIdx.x; t < step.shape.weeks; t += blockDim.x) {
    const double baseline = row.is_usable() ? memory.right_T[t] + level : 0.0;
    prediction_ERT[row.week(t)] = memory.effect_T[t] + static_cast<Real>(baseline);
  }
}

}  // namespace

template <class Real>
void effect_and_loss(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  const size_t bytes = RowMemory<Real>::bytes(step.shape);
  allow_shared_memory(with_gradients<Real>, bytes);
  with_gradients<<<step.shape.members * chunk.count, kRowThreads, bytes, stream>>>(step, chunk);
  check_launch("effect_and_loss");
}

template <class Real>
void effect_and_baseline(const Step<Real>& step, Chunk chunk, Real* prediction_ERT, cudaStream_t stream) {
  const size_t bytes = RowMemory<Real>::bytes(step.shape);
  allow_shared_memory(forecast<Real>, bytes);
  forecast<<<step.shape.members * chunk.count, kRowThreads, bytes, stream>>>(step, chunk, prediction_ERT);
  check_launch("effect_and_baseline");
}

#define DCMMM_INSTANTIATE(Real)                                          \
  template void effect_and_loss(const Step<Real>&, Chunk, cudaStream_t); \
  template void effect_and_baseline(const Step<Real>&, Chunk, Real*, cudaStream_t);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::cuda
