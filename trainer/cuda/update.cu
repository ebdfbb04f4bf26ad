#include "trainer/cuda/update.hpp"

#include "model/cuda/device_math.cuh"

namespace dcmmm::cuda {
namespace {

constexpr int kSharedThreads = 1024;

// What a parameter's penalty is, and its slope.
__device__ void add_penalty(const ParameterPenalty& of, double value, double& loss, double& slope) {
  const double distance = value - of.center;
  loss += of.prior * distance * distance;
  slope += 2 * of.prior * distance;
  if (of.ridge == 0 && of.l1 == 0) return;
  const double theta = of.is_log != 0 ? softplus(value) : value, turn = of.is_log != 0 ? logistic(value) : 1.0;
  const double from_center = theta - of.ridge_center;
  loss += of.ridge * from_center * from_center + of.l1 * abs(theta);
  slope += turn * (2 * of.ridge * from_center + of.l1 * (theta > 0 ? 1.0 : theta < 0 ? -1.0 : 0.0));
}

template <class Real>
struct Correction {
  double first, second;
  __device__ Correction(const Update<Real>& update)
      : first(1.0 - pow(update.beta1, static_cast<double>(update.progress->step + 1))),
        second(1.0 - pow(update.beta2, static_cast<double>(update.progress->step + 1))) {}
};

// AdamW (Loshchilov and Hutter 2019), as trainer/optimizer.cpp's.
template <class Real>
__device__ void adamw(const Update<Real>& update, const Correction<Real>& correction, double rate, double decay,
                      Real slope, Real& value, Real& first, Real& second) {
  const auto keep1 = static_cast<Real>(update.beta1), keep2 = static_cast<Real>(update.beta2);
  first = keep1 * first + (1 - keep1) * slope;
  second = keep2 * second + (1 - keep2) * slope * slope;
  const Real denominator = sqrt(second / static_cast<Real>(correction.second)) + static_cast<Real>(update.epsilon);
  value -= static_cast<Real>(rate) *
           (first / static_cast<Real>(correction.first) / denominator + static_cast<Real>(decay) * value);
}

// A block a member.
template <class Real>
__global__ void __launch_bounds__(kSharedThreads) shared(Update<Real> update) {
  __shared__ double space[kSharedThreads / 32];
  if (update.progress->halted != 0) return;
  const Shape& shape = update.shape;
  const int member = blockIdx.x, P = shape.shared;
  const int64_t first = static_cast<int64_t>(member) * P;
  double penalty = 0, squares = 0;
  for (int p = threadIdx.x; p < P; p += blockDim.x) {
    double& gradient = update.total[first + p];
    add_penalty(update.penalty_EP[first + p], update.shared_EP[first + p], penalty, gradient);
    squares += gradient * gradient;
  }
  penalty = sum_of_block(penalty, space);
  const double norm = sqrt(sum_of_block(squares, space));
  const double* loss = update.total + static_cast<int64_t>(shape.members) * P + 4 * member;
  const bool is_finite = isfinite(loss[0] + loss[1] + loss[2] + penalty) && isfinite(norm) && !(loss[3] > 0);
  const double active = update.active_E[member];
  const double rate = is_finite ? update.rate_N[update.progress->step] * active : 0.0;
  if (threadIdx.x == 0) {
    update.rate_E[member] = rate;
    update.is_bad_E[member] = !is_finite && active != 0;
    update.record_BE[update.progress->taken * shape.members + member] = {loss[0], loss[1], loss[2], penalty,
                                                                         loss[3] > 0 ? nan("") : norm};
    if (member == 0)
      update.signal_B[update.progress->taken] = update.total[static_cast<int64_t>(shape.members) * (P + 4)];
  }
  if (rate == 0) return;
  const double clip = min(update.clip / (norm + 1e-12), 1.0);
  const Correction<Real> correction(update);
  for (int p = threadIdx.x; p < P; p += blockDim.x) {
    Real& value = update.shared_EP[first + p];
    adamw(update, correction, rate * update.shared_rate_P[p], update.decay_E[member],
          static_cast<Real>(update.total[first + p] * clip), value, update.shared_first_EP[first + p],
          update.shared_second_EP[first + p]);
    const int sign = update.sign_P[p];
    if ((sign > 0 && value < 0) || (sign < 0 && value > 0)) value = 0;
  }
}

// A thread a row.
template <class Real>
__global__ void local(Update<Real> update) {
  if (update.progress->halted != 0) return;
  const Shape& shape = update.shape;
  const int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= shape.members * shape.regions) return;
  const double rate = update.rate_E[row / shape.regions];
  if (rate == 0) return;
  const int L = shape.local;
  const int64_t first = static_cast<int64_t>(row) * L;
  Real squares = 0;
  for (int l = 0; l < L; ++l) squares += update.local_gradient_ERL[first + l] * update.local_gradient_ERL[first + l];
  const Real clip = min(static_cast<Real>(update.clip) / (sqrt(squares) + static_cast<Real>(1e-12)), Real(1));
  const Correction<Real> correction(update);
  for (int l = 0; l < L; ++l)
    adamw(update, correction, rate * update.local_rate_L[l], update.decay_E[row / shape.regions],
          update.local_gradient_ERL[first + l] * clip, update.local_ERL[first + l], update.local_first_ERL[first + l],
          update.local_second_ERL[first + l]);
}

template <class Real>
__global__ void advance(Update<Real> update) {
  Progress& progress = *update.progress;
  if (progress.halted != 0) return;
  ++progress.step;
  ++progress.taken;
  for (int e = 0; e < update.shape.members; ++e)
    if (update.is_bad_E[e] != 0) progress.halted = 1;
}

}  // namespace

template <class Real>
void update_shared(const Update<Real>& update, cudaStream_t stream) {
  shared<<<update.shape.members, kSharedThreads, 0, stream>>>(update);
  check_launch("update_shared");
}

template <class Real>
void update_local(const Update<Real>& update, cudaStream_t stream) {
  const int rows = update.shape.members * update.shape.regions;
  if (rows > 0) local<<<(rows + 127) / 128, 128, 0, stream>>>(update);
  advance<<<1, 1, 0, stream>>>(update);
  check_launch("update_local");
}

#define DCMMM_INSTANTIATE(Real)                                   \
  template void update_shared(const Update<Real>&, cudaStream_t); \
  template void update_local(const Update<Real>&, cudaStream_t);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::cuda
