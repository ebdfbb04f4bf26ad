// What the kernels of one training step on a GPU share: shapes, where parameters lie, and device addresses. The step is
// that of Mmm::chunk_loss and its gradient, written out: it covers the default model (geometric adstock, Hill curves,
// GRU or constant coefficients).
// Shapes: E members, R regions of this rank, n regions of a chunk, T training weeks, C channels, K controls, S
// patterns, I inputs and H hidden units of the GRU, P shared and L local parameters, W sums of a region, G slabs of
// cells. Rows are members times regions. Row-major, last letter fastest.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace dcmmm::cuda {

struct Shape {
  int members, regions, weeks, channels, controls, patterns;
  int fixed, seasons;  // the controls and patterns that are inputs of the GRU, its inputs beside the C channels
  int inputs, hidden;  // of the GRU; hidden 0: constant coefficients
  int shared, local;   // P, L

  // Sums of a region, in this order: coefficients' offsets C, controls K, patterns S, decays C, exponents C,
  // half-saturations C, then the loss: data, deviations, region effects, and whether a gradient isn't finite.
  __host__ __device__ int sums() const { return 4 * channels + controls + patterns + 4; }
  __host__ __device__ int curve_sums() const { return channels + controls + patterns; }
  __host__ __device__ int loss_sums() const { return 4 * channels + controls + patterns; }
};

/// Where parameters begin in a member's P shared and L local ones.
struct Places {
  int decay, exponent, log_half, log_mean, control, pattern;
  int weight_input, weight_hidden, bias_input, bias_hidden, output_weight, output_bias;
  int region_effect, region_scale;
};

/// Constants of the model.
struct Constants {
  double min_exponent, max_exponent, gru_scale, coefficient_sd, scale_sd;
};

/// What doesn't change in a step. Double precision where the baseline is solved, whatever the model's.
template <class Real>
struct Panel {
  const Real *media_RTC, *inverse_scale_ERC, *control_ERTK, *pattern_TS, *target_ERT;
  const Real *cell_weight_ERT, *region_weight_ER;
  // The factor of each region's baseline (kernels/baseline.hpp); 1 / D is 0 for regions without a weighted cell, and
  // the level's denominator is 0 without a level.
  const double *lower_ERT, *inverse_diagonal_ERT, *level_weight_ERT, *level_denominator_ER;
  const double *data_scale_E, *cells_E;              // 1 / (variance times cells), and cells
  const double *level_penalty_E, *change_penalty_E;  // of the GRU's deviations
  const int* origin_E;
};

/// Values of a chunk's rows between kernels.
template <class Real>
struct Scratch {
  Real *adstock_TC, *response_TC, *response_gradient_TC;
  Real *deviation_TC, *output_gradient_TC, *state_TH, *state_gradient_TH;
  // Before the forward: the inputs' products of reset, update and new; then reset, update, new, hidden product;
  // backward: their gradients.
  Real* gates_T4H;
  Real* input_TI;
  Real *input_weights_I3H, *hidden_weights_H3H;  // a member's, transposed
  Real *gate_sums_GEMQ, *output_sums_GEMQ;       // weights' gradients, slab by slab
  const Real* one;                               // what biases are multiplied by
};

template <class Real>
struct Step {
  Shape shape;
  Places at;
  Constants constant;
  Panel<Real> panel;
  Scratch<Real> scratch;
  const Real *shared_EP, *local_ERL;
  Real* local_gradient_ERL;
  double* region_sums_ERW;
  double* total;         // P gradients of each member, then its 4 loss sums, then `signal`
  const double* signal;  // this rank's
  int slabs;
  bool is_tf32;           // products of floats in TF32 alone
  bool has_fixed_inputs;  // the GRU's inputs that no step changes are there already
};

/// Regions [first, first + count) of the rank; the first chunk of a step starts the slabs' sums.
struct Chunk {
  int first, count;
  bool is_first;
};

/// Threads of a block per region, and its shared memory, which bounds the weeks of a tile.
inline constexpr int kRowThreads = 128;

/// Carry-over and curve, and the GRU's inputs.
template <class Real>
void adstock_forward(const Step<Real>& step, Chunk chunk, cudaStream_t stream);
/// Carry-over's and curve's gradients from those of the responses, into the regions' sums.
template <class Real>
void adstock_backward(const Step<Real>& step, Chunk chunk, cudaStream_t stream);

/// The members' weights as the forward reads them. Once a step.
template <class Real>
void transpose_weights(const Step<Real>& step, cudaStream_t stream);
/// Products of all inputs with the gates' weights, for gru_forward.
template <class Real>
void input_products(const Step<Real>& step, Chunk chunk, cudaStream_t stream);
/// Gates and states of all weeks.
template <class Real>
void gru_forward(const Step<Real>& step, Chunk chunk, cudaStream_t stream);
/// What the output layer makes of the states.
template <class Real>
void deviations(const Step<Real>& step, Chunk chunk, cudaStream_t stream);
/// The output layer's gradient to the states, for gru_backward.
template <class Real>
void state_gradient(const Step<Real>& step, Chunk chunk, cudaStream_t stream);
/// Gates' gradients, in place of the gates.
template <class Real>
void gru_backward(const Step<Real>& step, Chunk chunk, cudaStream_t stream);
/// Adds the GRU's part to the responses' gradients.
template <class Real>
void input_gradient(const Step<Real>& step, Chunk chunk, cudaStream_t stream);
/// Blocks that a slab's gradients of the gates' weights are cut into.
int gate_tiles(const Shape& shape);
/// The weights' gradients, into the slabs' sums.
template <class Real>
void weight_gradient(const Step<Real>& step, Chunk chunk, cudaStream_t stream);

/// Effect, baseline and loss of every region, and the gradients of all that isn't the curves' or the GRU's.
template <class Real>
void effect_and_loss(const Step<Real>& step, Chunk chunk, cudaStream_t stream);
/// Only the forecast: effect plus baseline, in units of m_r.
template <class Real>
void effect_and_baseline(const Step<Real>& step, Chunk chunk, Real* prediction_ERT, cudaStream_t stream);

/// Regions' and slabs' sums into `total`, in a fixed order.
template <class Real>
void collect(const Step<Real>& step, cudaStream_t stream);

/// Throws std::runtime_error with the call's name when the last launch failed.
void check_launch(const char* kernel);
/// The same for a call of the CUDA runtime.
void check(cudaError_t result, const char* call);

}  // namespace dcmmm::cuda
