// Products over all cells of a chunk at once, on a GPU: the GRU's gradient to its inputs, and the gradients of its
// weights. Shapes as in step.hpp; a cell is a row's week. The weights' gradients are sums over cells: a block takes a
// slab of a member's cells, and collect() adds the slabs in their order, so that the same run gives the same bits.
#include "model/cuda/device_math.cuh"

namespace dcmmm::cuda {
namespace {

constexpr int kTile = 64, kDepth = 16, kThreads = 256;  // of to_inputs: cells and gates of a tile
static_assert(kThreads == kDepth * 16);

// Columns of a cell that a gate's gradients meet: the state before, the inputs, and one for the biases. A block has 128
// x 64 of the product, a thread 8 x 8.
template <class Real>
struct BeforeAndInputs {
  static constexpr int kRows = 128, kColumns = 64, kThreadRows = 8, kThreadColumns = 8;
  Step<Real> step;
  Chunk chunk;
  __host__ __device__ int rows() const { return 4 * step.shape.hidden; }
  __host__ __device__ int columns() const { return step.shape.hidden + step.shape.inputs + 1; }
  __device__ Real left(unsigned cell, int gate) const {
    return step.scratch.gates_T4H[static_cast<int64_t>(cell) * 4 * step.shape.hidden + gate];
  }
  __device__ Real right(unsigned cell, int column) const {
    const Shape& shape = step.shape;
    if (column < shape.hidden)
      return cell % static_cast<unsigned>(shape.weeks) > 0
                 ? step.scratch.state_TH[(static_cast<int64_t>(cell) - 1) * shape.hidden + column]
                 : Real(0);
    column -= shape.hidden;
    return column < shape.inputs ? step.scratch.input_TI[static_cast<int64_t>(cell) * shape.inputs + column] : Real(1);
  }
  __device__ Real* sums() const { return step.scratch.gate_sums_GEMQ; }
};

// Columns that the output layer's gradients meet: the state after, and one for the bias.
template <class Real>
struct StateAfter {
  static constexpr int kRows = 16, kColumns = 64, kThreadRows = 2, kThreadColumns = 4;
  Step<Real> step;
  Chunk chunk;
  __host__ __device__ int rows() const { return step.shape.channels; }
  __host__ __device__ int columns() const { return step.shape.hidden + 1; }
  __device__ Real left(unsigned cell, int channel) const {
    return step.scratch.output_gradient_TC[static_cast<int64_t>(cell) * step.shape.channels + channel];
  }
  __device__ Real right(unsigned cell, int column) const {
    return column < step.shape.hidden ? step.scratch.state_TH[static_cast<int64_t>(cell) * step.shape.hidden + column]
                                      : Real(1);
  }
  __device__ Real* sums() const { return step.scratch.output_sums_GEMQ; }
};

constexpr int kProductThreads = 128;

// sums[slab][member] += left' right over the slab's cells, of which a chunk has fewer than 2^31.
template <class Real, class Product>
__global__ void __launch_bounds__(kProductThreads) over_cells(Product product) {
  constexpr int kRows = Product::kRows, kColumns = Product::kColumns, kOfRow = Product::kThreadRows,
                kOfColumn = Product::kThreadColumns, kAcross = kColumns / kOfColumn;
  static_assert(kRows / kOfRow * kAcross == kProductThreads);
  __shared__ __align__(16) Real left_tile[kDepth][kRows + 4], right_tile[kDepth][kColumns + 4];
  const Shape& shape = product.step.shape;
  const int member = blockIdx.z / product.step.slabs, slab = blockIdx.z % product.step.slabs;
  const unsigned cells = static_cast<unsigned>(product.chunk.count) * shape.weeks;  // of the member
  const unsigned of_slab = (cells + product.step.slabs - 1) / product.step.slabs;
  const unsigned begin = member * cells + min(slab * of_slab, cells),
                 end = member * cells + min((slab + 1) * of_slab, cells);
  const int rows = product.rows(), columns = product.columns();
  const int first_row = blockIdx.y * kRows, first_column = blockIdx.x * kColumns;
  const int thread_row = threadIdx.x / kAcross * kOfRow, thread_column = threadIdx.x % kAcross * kOfColumn;
  Real tile[kOfRow][kOfColumn] = {};
  for (unsigned cell = begin; cell < end; cell += kDepth) {
    // All loads are under way before the first of them is needed.
    Real left_loaded[kDepth * kRows / kProductThreads], right_loaded[kDepth * kColumns / kProductThreads];
#pragma unroll
    for (int n = 0; n < kDepth * kRows / kProductThreads; ++n) {
      const int i = threadIdx.x + n * kProductThreads, depth = i / kRows, row = first_row + i % kRows;
      left_loaded[n] = cell + depth < end && row < rows ? product.left(cell + depth, row) : Real(0);
    }
#pragma unroll
    for (int n = 0; n < kDepth * kColumns / kProductThreads; ++n) {
      const int i = threadIdx.x + n * kProductThreads, depth = i / kColumns, column = first_column + i % kColumns;
      right_loaded[n] = cell + depth < end && column < columns ? product.right(cell + depth, column) : Real(0);
    }
    __syncthreads();  // the last tile has been read
#pragma unroll
    for (int n = 0; n < kDepth * kRows / kProductThreads; ++n) {
      const int i = threadIdx.x + n * kProductThreads;
      left_tile[i / kRows][i % kRows] = left_loaded[n];
    }
#pragma unroll
    for (int n = 0; n < kDepth * kColumns / kProductThreads; ++n) {
      const int i = threadIdx.x + n * kProductThreads;
      right_tile[i / kColumns][i % kColumns] = right_loaded[n];
    }
    __syncthreads();
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) {
      Real left[kOfRow], right[kOfColumn];
#pragma unroll
      for (int i = 0; i < kOfRow; ++i) left[i] = left_tile[depth][thread_row + i];
#pragma unroll
      for (int j = 0; j < kOfColumn; ++j) right[j] = right_tile[depth][thread_column + j];
#pragma unroll
      for (int i = 0; i < kOfRow; ++i)
#pragma unroll
        for (int j = 0; j < kOfColumn; ++j) tile[i][j] += left[i] * right[j];
    }
  }
  Real* sums_MQ = product.sums() + (static_cast<int64_t>(slab) * shape.members + member) * rows * columns;
#pragma unroll
  for (int i = 0; i < kOfRow; ++i)
#pragma unroll
    for (int j = 0; j < kOfColumn; ++j) {
      const int row = first_row + thread_row + i, column = first_column + thread_column + j;
      if (row >= rows || column >= columns) continue;
      Real& sum = sums_MQ[static_cast<int64_t>(row) * columns + column];
      sum = product.chunk.is_first ? tile[i][j] : sum + tile[i][j];
    }
}

// response_gradient += gates' gradients times the moving inputs' weights: a block has 64 cells, a thread four of them
// and one channel of sixteen.
template <class Real>
__global__ void __launch_bounds__(kThreads) to_inputs(Step<Real> step, Chunk chunk) {
  __shared__ Real gate_tile[kDepth][kTile + 4], weight_tile[kDepth][16];
  const Shape& shape = step.shape;
  const int H = shape.hidden, C = shape.channels, member = blockIdx.z, first_channel = blockIdx.y * 16;
  const int64_t cells = static_cast<int64_t>(chunk.count) * shape.weeks,
                first = static_cast<int64_t>(blockIdx.x) * kTile;
  const int64_t of_member = member * cells;
  const Real* weights_3HI = step.shared_EP + static_cast<int64_t>(member) * shape.shared + step.at.weight_input;
  const int channel = threadIdx.x % 16, thread_cell = threadIdx.x / 16 * 4;
  Real sums[4] = {};
  for (int gate = 0; gate < 3 * H; gate += kDepth) {
    Real loaded[kDepth * kTile / kThreads];
#pragma unroll
    for (int n = 0; n < kDepth * kTile / kThreads; ++n) {
      const int i = threadIdx.x + n * kThreads, place = i / kDepth, row = gate + i % kDepth;
      // The new gate's input product comes last.
      const int column = row < 2 * H ? row : row + H;
      loaded[n] = row < 3 * H && first + place < cells
                      ? step.scratch.gates_T4H[(of_member + first + place) * 4 * H + column]
                      : Real(0);
    }
    const int weight_row = gate + threadIdx.x / 16;  // a thread a weight: kDepth * 16 of them
    const Real weight = weight_row < 3 * H && first_channel + channel < C
                            ? weights_3HI[static_cast<int64_t>(weight_row) * shape.inputs + first_channel + channel]
                            : Real(0);
    __syncthreads();  // the last tile has been read
#pragma unroll
    for (int n = 0; n < kDepth * kTile / kThreads; ++n) {
      const int i = threadIdx.x + n * kThreads;
      gate_tile[i % kDepth][i / kDepth] = loaded[n];
    }
    weight_tile[threadIdx.x / 16][channel] = weight;
    __syncthreads();
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth)
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[i] += gate_tile[depth][thread_cell + i] * weight_tile[depth][channel];
  }
  if (first_channel + channel >= C) return;
  for (int i = 0; i < 4; ++i)
    if (first + thread_cell + i < cells)
      step.scratch.response_gradient_TC[(of_member + first + thread_cell + i) * C + first_channel + channel] += sums[i];
}

int tiles(int count, int size) { return (count + size - 1) / size; }

template <class Real, class Product>
void sum_over_cells(const Product& product, cudaStream_t stream) {
  const dim3 grid(tiles(product.columns(), Product::kColumns), tiles(product.rows(), Product::kRows),
                  product.step.slabs * product.step.shape.members);
  over_cells<Real><<<grid, kProductThreads, 0, stream>>>(product);
}

}  // namespace

template <class Real>
void input_gradient(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  const int64_t cells = static_cast<int64_t>(chunk.count) * step.shape.weeks;
  const dim3 grid(static_cast<unsigned>((cells + kTile - 1) / kTile), (step.shape.channels + 15) / 16,
                  step.shape.members);
  to_inputs<<<grid, kThreads, 0, stream>>>(step, chunk);
  check_launch("input_gradient");
}

int gate_tiles(const Shape& shape) {
  using Product = BeforeAndInputs<float>;
  return tiles(4 * shape.hidden, Product::kRows) * tiles(shape.hidden + shape.inputs + 1, Product::kColumns);
}

template <class Real>
void weight_gradient(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  sum_over_cells<Real>(BeforeAndInputs<Real>{step, chunk}, stream);
  sum_over_cells<Real>(StateAfter<Real>{step, chunk}, stream);
  check_launch("weight_gradient");
}

#define DCMMM_INSTANTIATE(Real)                                         \
  template void input_gradient(const Step<Real>&, Chunk, cudaStream_t); \
  template void weight_gradient(const Step<Real>&, Chunk, cudaStream_t);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::cuda
