// From the sums of regions and of slabs to those of the rank, on a GPU: in a fixed order, and from curves to the
// parameters that they come from. Shapes as in step.hpp.
#include "model/cuda/device_math.cuh"

namespace dcmmm::cuda {
namespace {

// A block takes 32 of the W sums of a member; 32 threads share each.
template <class Real>
__global__ void __launch_bounds__(1024) of_regions(Step<Real> step) {
  __shared__ double part[32][33];
  const Shape& shape = step.shape;
  const int W = shape.sums(), member = blockIdx.y, w = blockIdx.x * 32 + threadIdx.x;
  const double* sums_RW = step.region_sums_ERW + static_cast<int64_t>(member) * shape.regions * W;
  double sum = 0;
  if (w < W)
    for (int region = threadIdx.y; region < shape.regions; region += 32)
      sum += sums_RW[static_cast<int64_t>(region) * W + w];
  part[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (blockIdx.x == 0 && member == 0 && threadIdx.x == 0 && threadIdx.y == 0)
    step.total[static_cast<int64_t>(shape.members) * (shape.shared + 4)] = *step.signal;
  if (threadIdx.y > 0 || w >= W) return;
  for (int other = 1; other < 32; ++other) sum += part[other][threadIdx.x];

  double* total_P = step.total + static_cast<int64_t>(member) * shape.shared;
  const Real* shared_P = step.shared_EP + static_cast<int64_t>(member) * shape.shared;
  const int C = shape.channels, K = shape.controls, curves = shape.curve_sums();
  if (w < C) {
    total_P[step.at.log_mean + w] = sum;
  } else if (w < C + K) {
    total_P[step.at.control + w - C] = sum;
  } else if (w < curves) {
    total_P[step.at.pattern + w - C - K] = sum;
  } else if (w < curves + C) {
    const double decay = logistic(static_cast<double>(shared_P[step.at.decay + w - curves]));
    total_P[step.at.decay + w - curves] = sum * decay * (1 - decay);
  } else if (w < curves + 2 * C) {
    const int place = step.at.exponent + w - curves - C;
    const double raw = shared_P[place];
    const bool is_free = step.constant.min_exponent + softplus(raw) <= step.constant.max_exponent;
    total_P[place] = is_free ? sum * logistic(raw) : 0.0;
  } else if (w < curves + 3 * C) {
    total_P[step.at.log_half + w - curves - 2 * C] = sum;
  } else {
    step.total[static_cast<int64_t>(shape.members) * shape.shared + 4 * member + w - shape.loss_sums()] = sum;
  }
}

constexpr int kWeights = 32, kParts = 8;  // of a block: weights, and threads that share the slabs of each

// A column of threads a weight of the GRU. Reset and update have one bias each in effect; the new gate's two differ.
template <class Real>
__global__ void __launch_bounds__(kWeights* kParts) of_slabs(Step<Real> step) {
  __shared__ double parts[kParts][kWeights + 1];
  const Shape& shape = step.shape;
  const int H = shape.hidden, I = shape.inputs, C = shape.channels, member = blockIdx.y, columns = H + I + 1;
  const int of_input = 3 * H * I, of_hidden = 3 * H * H, of_bias = 3 * H, of_output = C * H;
  const int count = of_input + of_hidden + 2 * of_bias + of_output + C;
  double* total_P = step.total + static_cast<int64_t>(member) * shape.shared;
  for (int first = blockIdx.x * kWeights; first < count; first += gridDim.x * kWeights) {
    const int i = min(first + static_cast<int>(threadIdx.x), count - 1);
    const Real* sums = step.scratch.gate_sums_GEMQ;
    int64_t size = static_cast<int64_t>(4) * H * columns, place = 0;
    int parameter = 0, n = i;
    // The new gate has a gradient to its input's product, and one to its hidden product, which comes last.
    const auto of_product = [&](int gate) { return gate < 2 * H ? gate : gate + H; };
    if (n < of_input) {
      parameter = step.at.weight_input + n;
      place = static_cast<int64_t>(n / I) * columns + H + n % I;
    } else if ((n -= of_input) < of_hidden) {
      parameter = step.at.weight_hidden + n;
      place = static_cast<int64_t>(of_product(n / H)) * columns + n % H;
    } else if ((n -= of_hidden) < of_bias) {
      parameter = step.at.bias_input + n;
      place = static_cast<int64_t>(n) * columns + H + I;
    } else if ((n -= of_bias) < of_bias) {
      parameter = step.at.bias_hidden + n;
      place = static_cast<int64_t>(of_product(n)) * columns + H + I;
    } else {
      n -= of_bias;
      sums = step.scratch.output_sums_GEMQ;
      size = static_cast<int64_t>(C) * (H + 1);
      parameter = n < of_output ? step.at.output_weight + n : step.at.output_bias + n - of_output;
      place = n < of_output ? static_cast<int64_t>(n / H) * (H + 1) + n % H
                            : static_cast<int64_t>(n - of_output) * (H + 1) + H;
    }
    double sum = 0;
#pragma unroll 8
    for (int slab = threadIdx.y; slab < step.slabs; slab += kParts)
      sum += sums[(static_cast<int64_t>(slab) * shape.members + member) * size + place];
    parts[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0) {
      for (int part = 1; part < kParts; ++part) sum += parts[part][threadIdx.x];
      total_P[parameter] = sum;
    }
    __syncthreads();
  }
}

}  // namespace

template <class Real>
void collect(const Step<Real>& step, cudaStream_t stream) {
  const Shape& shape = step.shape;
  of_regions<<<dim3((shape.sums() + 31) / 32, shape.members), dim3(32, 32), 0, stream>>>(step);
  check_launch("collect (regions)");
  if (shape.hidden == 0) return;
  const int weights = shape.hidden * (3 * (shape.inputs + shape.hidden) + 6 + shape.channels) + shape.channels;
  of_slabs<<<dim3(min((weights + kWeights - 1) / kWeights, 1024), shape.members), dim3(kWeights, kParts), 0, stream>>>(
      step);
  check_launch("collect (slabs)");
}

#define DCMMM_INSTANTIATE(Real) template void collect(const Step<Real>&, cudaStream_t);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::cuda
