// The step's products of matrices over all cells of a chunk at once, on a GPU: what the GRU's inputs and
// states are multiplied by on the way forward and back, and the gradients of its weights. Shapes as in step.hpp; a cell
// is a row's week. The weights' gradients are sums over cells: a block takes a slab of a member's cells, and collect()
// adds the slabs in their order, so that the same run gives the same bits.
#include <type_traits>

#include "model/cuda/device_math.cuh"
#include "model/cuda/tensor_tile.cuh"

namespace dcmmm::cuda {
namespace {

constexpr int kDepth = 16;  // of the tiles that a block holds at once

// A product says what is multiplied: `depth` numbers of left's row and right's column, each sum given to take(). Where
// the first of them is and how far it is to the next: left(row), right(column). Left's numbers of a row are neighbours
// in memory (kLeftAlongDepth: then rows are `stride` apart), or its rows are. A block has kRows x kColumns of the
// product, a thread kOfRow x kOfColumn, or on tensor cores a warp a kDown-th x kAcross-th. Rows and columns are of the
// block's member.
struct Size {
  int rows, columns;
  int64_t depth;
};

template <class Real>
struct Numbers {
  const Real* first;
  int stride;
};

// Of cells times a member's weights: the cells are rows.
template <class Real>
struct OfCells {
  static constexpr bool kLeftAlongDepth = true, kHasGaps = false;
  Step<Real> step;
  Chunk chunk;

  __host__ __device__ int cells() const { return chunk.count * step.shape.weeks; }
  __device__ int64_t cell(int row) const { return static_cast<int64_t>(blockIdx.z) * cells() + row; }
  __device__ const Real* shared_P() const {
    return step.shared_EP + static_cast<int64_t>(blockIdx.z) * step.shape.shared;
  }
};

// The gates' products with the inputs, of all weeks: where the gates go.
template <class Real>
struct FromInputs : OfCells<Real> {
  static constexpr int kRows = 96, kColumns = 96, kOfRow = 8, kOfColumn = 6, kDown = 3, kAcross = 2;
  __host__ __device__ Size size() const {
    return {this->cells(), 3 * this->step.shape.hidden, this->step.shape.inputs};
  }
  __device__ Numbers<Real> left(int row) const {
    const int I = this->step.shape.inputs;
    return {this->step.scratch.input_TI + this->cell(row) * I, I};
  }
  __device__ Numbers<Real> right(int column) const {
    const Shape& shape = this->step.shape;
    const int64_t of_member = static_cast<int64_t>(blockIdx.z) * shape.inputs * 3 * shape.hidden;
    return {this->step.scratch.input_weights_I3H + of_member + column, 3 * shape.hidden};
  }
  __device__ Numbers<Real> out(int row) const {
    const int stride = 4 * this->step.shape.hidden;
    return {this->step.scratch.gates_T4H + this->cell(row) * stride, stride};
  }
  __device__ void take(Real& place, int, Real sum) const { place = sum; }
};

// v_tc of all weeks, from the states.
template <class Real>
struct Deviations : OfCells<Real> {
  static constexpr int kRows = 64, kColumns = 16, kOfRow = 4, kOfColumn = 2, kDown = 4, kAcross = 1;
  __host__ __device__ Size size() const { return {this->cells(), this->step.shape.channels, this->step.shape.hidden}; }
  __device__ Numbers<Real> left(int row) const {
    const int H = this->step.shape.hidden;
    return {this->step.scratch.state_TH + this->cell(row) * H, H};
  }
  __device__ Numbers<Real> right(int column) const {
    return {this->shared_P() + this->step.at.output_weight + column * this->step.shape.hidden, 1};
  }
  __device__ Numbers<Real> out(int row) const {
    const int C = this->step.shape.channels;
    return {this->step.scratch.deviation_TC + this->cell(row) * C, C};
  }
  __device__ void take(Real& place, int column, Real sum) const {
    place = static_cast<Real>(this->step.constant.gru_scale) *
            tanh(sum + this->shared_P()[this->step.at.output_bias + column]);
  }
};

// The output layer's gradient to the states.
template <class Real>
struct ToStates : OfCells<Real> {
  static constexpr int kRows = 64, kColumns = 32, kOfRow = 4, kOfColumn = 4, kDown = 4, kAcross = 1;
  __host__ __device__ Size size() const { return {this->cells(), this->step.shape.hidden, this->step.shape.channels}; }
  __device__ Numbers<Real> left(int row) const {
    const int C = this->step.shape.channels;
    return {this->step.scratch.output_gradient_TC + this->cell(row) * C, C};
  }
  __device__ Numbers<Real> right(int column) const {
    return {this->shared_P() + this->step.at.output_weight + column, this->step.shape.hidden};
  }
  __device__ Numbers<Real> out(int row) const {
    const int H = this->step.shape.hidden;
    return {this->step.scratch.state_gradient_TH + this->cell(row) * H, H};
  }
  __device__ void take(Real& place, int, Real sum) const { place = sum; }
};

// The gates' gradient to the moving inputs, added to the responses'.
template <class Real>
struct ToInputs : OfCells<Real> {
  static constexpr int kRows = 64, kColumns = 16, kOfRow = 4, kOfColumn = 2, kDown = 4, kAcross = 1;
  __host__ __device__ Size size() const {
    return {this->cells(), this->step.shape.channels, 3 * this->step.shape.hidden};
  }
  __device__ Numbers<Real> left(int row) const {
    const int stride = 4 * this->step.shape.hidden;
    return {this->step.scratch.gates_T4H + this->cell(row) * stride, stride};
  }
  __device__ Numbers<Real> right(int column) const {
    return {this->shared_P() + this->step.at.weight_input + column, this->step.shape.inputs};
  }
  __device__ Numbers<Real> out(int row) const {
    const int C = this->step.shape.channels;
    return {this->step.scratch.response_gradient_TC + this->cell(row) * C, C};
  }
  __device__ void take(Real& place, int, Real sum) const { place += sum; }
};

// Of cells with cells, a slab of a member's: blockIdx.z is a member's slab.
template <class Real>
struct OverCells {
  static constexpr bool kLeftAlongDepth = false;
  Step<Real> step;
  Chunk chunk;

  __device__ int64_t cells() const { return static_cast<int64_t>(chunk.count) * step.shape.weeks; }
  __device__ int64_t of_slab() const { return (cells() + step.slabs - 1) / step.slabs; }
  __device__ int64_t begin() const { return min(blockIdx.z % step.slabs * of_slab(), cells()); }  // of the member
  __device__ int64_t depth() const { return min(of_slab(), cells() - begin()); }
  __device__ int64_t first_cell() const { return blockIdx.z / step.slabs * cells() + begin(); }
  __device__ Numbers<Real> sums(const Real* sums_GEMQ, int rows, int columns, int row) const {
    const int64_t matrix = static_cast<int64_t>(blockIdx.z % step.slabs) * step.shape.members + blockIdx.z / step.slabs;
    return {sums_GEMQ + (matrix * rows + row) * columns, columns};
  }
  __device__ void take(Real& place, int, Real sum) const { place = chunk.is_first ? sum : place + sum; }
};

// Columns of a cell that a gate's gradients meet: the state before, the inputs, and one for the biases.
template <class Real>
struct OfGates : OverCells<Real> {
  static constexpr int kRows = 128, kColumns = 64, kOfRow = 8, kOfColumn = 8, kDown = 2, kAcross = 2;
  static constexpr bool kHasGaps = true;
  static __host__ __device__ int rows(const Shape& shape) { return 4 * shape.hidden; }
  static __host__ __device__ int columns(const Shape& shape) { return shape.hidden + shape.inputs + 1; }
  Divisor weeks;

  __device__ Size size() const { return {rows(this->step.shape), columns(this->step.shape), this->depth()}; }
  __device__ Numbers<Real> left(int row) const {
    const int stride = 4 * this->step.shape.hidden;
    return {this->step.scratch.gates_T4H + this->first_cell() * stride + row, stride};
  }
  __device__ Numbers<Real> right(int column) const {
    const int H = this->step.shape.hidden, I = this->step.shape.inputs;
    if (column < H) return {this->step.scratch.state_TH + (this->first_cell() - 1) * H + column, H};
    if (column < H + I) return {this->step.scratch.input_TI + this->first_cell() * I + column - H, I};
    return {this->step.scratch.one, 0};
  }
  // Before its first week a row has no state. `cell` of the member.
  __device__ bool is_gap(unsigned cell, int column) const {
    return column < this->step.shape.hidden && weeks.divides(cell);
  }
  __device__ Numbers<Real> out(int row) const {
    return this->sums(this->step.scratch.gate_sums_GEMQ, rows(this->step.shape), columns(this->step.shape), row);
  }
};

// Columns that the output layer's gradients meet: the state after, and one for the bias.
template <class Real>
struct OfOutput : OverCells<Real> {
  static constexpr int kRows = 16, kColumns = 64, kOfRow = 2, kOfColumn = 4, kDown = 1, kAcross = 4;
  static constexpr bool kHasGaps = false;
  static __host__ __device__ int rows(const Shape& shape) { return shape.channels; }
  static __host__ __device__ int columns(const Shape& shape) { return shape.hidden + 1; }

  __device__ Size size() const { return {rows(this->step.shape), columns(this->step.shape), this->depth()}; }
  __device__ Numbers<Real> left(int row) const {
    const int C = this->step.shape.channels;
    return {this->step.scratch.output_gradient_TC + this->first_cell() * C + row, C};
  }
  __device__ Numbers<Real> right(int column) const {
    const int H = this->step.shape.hidden;
    if (column < H) return {this->step.scratch.state_TH + this->first_cell() * H + column, H};
    return {this->step.scratch.one, 0};
  }
  __device__ Numbers<Real> out(int row) const {
    return this->sums(this->step.scratch.output_sums_GEMQ, rows(this->step.shape), columns(this->step.shape), row);
  }
};

template <class Product>
constexpr int threads_of = 32 * Product::kDown* Product::kAcross;
// Of a multiprocessor at least: what their sums leave room for.
template <class Real, class Product>
constexpr int blocks_of = sizeof(Real) == 8
                              ? 1
                              : (Product::kOfRow* Product::kOfColumn >= 48 ? 384 : 512) / threads_of<Product>;

// A block's sums with a processor's own arithmetic, a thread kOfRow x kOfColumn of them.
template <class Real, class Product, int kLeftStride, int kRightStride>
struct ThreadSums {
  static constexpr int kOfRow = Product::kOfRow, kOfColumn = Product::kOfColumn;
  static constexpr int kAcross = Product::kColumns / kOfColumn;  // threads
  static constexpr int kVector = kOfColumn % 4 == 0 ? 4 : 2;     // columns that are neighbours, so that banks differ
  static_assert(Product::kRows / kOfRow * kAcross == threads_of<Product>);
  Real sums[kOfRow][kOfColumn] = {};

  __device__ static int row(int i) { return static_cast<int>(threadIdx.x) / kAcross * kOfRow + i; }
  __device__ static int column(int j) {
    return j / kVector * kVector * kAcross + static_cast<int>(threadIdx.x) % kAcross * kVector + j % kVector;
  }
  __device__ static Real rounded(Real value) { return value; }
  __device__ void add(const Real* left_tile, const Real* right_tile) {
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) {
      Real left[kOfRow], right[kOfColumn];
#pragma unroll
      for (int i = 0; i < kOfRow; ++i) left[i] = left_tile[depth * kLeftStride + row(i)];
#pragma unroll
      for (int j = 0; j < kOfColumn; ++j) right[j] = right_tile[depth * kRightStride + column(j)];
#pragma unroll
      for (int i = 0; i < kOfRow; ++i)
#pragma unroll
        for (int j = 0; j < kOfColumn; ++j) sums[i][j] += left[i] * right[j];
    }
  }
  __device__ void give(const Product& product, const Size& size, int first_row, int first_column, Real*) {
#pragma unroll
    for (int i = 0; i < kOfRow; ++i) {
      if (first_row + row(i) >= size.rows) continue;
      const Numbers<Real> to = product.out(first_row + row(i));
#pragma unroll
      for (int j = 0; j < kOfColumn; ++j) {
        const int to_column = first_column + column(j);
        if (to_column < size.columns) product.take(const_cast<Real*>(to.first)[to_column], to_column, sums[i][j]);
      }
    }
  }
};

// A block's sums on tensor cores, a warp some tiles of them.
template <class Product, int kLeftStride, int kRightStride>
struct WarpSums {
  static constexpr int kTilesDown = Product::kRows / Product::kDown / kTileSize,
                       kTilesAcross = Product::kColumns / Product::kAcross / kTileSize;
  static constexpr int kOutStride = kTileSize + 4;
  TileSum sums[kTilesDown][kTilesAcross];
  int warp = static_cast<int>(threadIdx.x) / 32;
  int first_row = warp / Product::kAcross * (Product::kRows / Product::kDown),
      first_column = warp % Product::kAcross * (Product::kColumns / Product::kAcross);

  __device__ WarpSums() {
#pragma unroll
    for (int i = 0; i < kTilesDown; ++i)
#pragma unroll
      for (int j = 0; j < kTilesAcross; ++j) wmma::fill_fragment(sums[i][j], 0.0f);
  }
  __device__ static float rounded(float value) { return wmma::__float_to_tf32(value); }
  __device__ void add(const float* left_tile, const float* right_tile) {
#pragma unroll
    for (int depth = 0; depth < kDepth; depth += kTileDepth) {
      TileRight right[kTilesAcross];
#pragma unroll
      for (int j = 0; j < kTilesAcross; ++j)
        wmma::load_matrix_sync(right[j], right_tile + depth * kRightStride + first_column + j * kTileSize,
                               kRightStride);
#pragma unroll
      for (int i = 0; i < kTilesDown; ++i) {
        TileLeft left;
        wmma::load_matrix_sync(left, left_tile + depth * kLeftStride + first_row + i * kTileSize, kLeftStride);
#pragma unroll
        for (int j = 0; j < kTilesAcross; ++j) wmma::mma_sync(sums[i][j], left, right[j], sums[i][j]);
      }
    }
  }
  // Through shared memory, a tile after the other.
  __device__ void give(const Product& product, const Size& size, int block_row, int block_column, float* out_tiles) {
    float* out = out_tiles + warp * kTileSize * kOutStride;
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int i = 0; i < kTilesDown; ++i) {
      const int row = block_row + first_row + i * kTileSize + lane / kTileSize;
      const Numbers<float> to = product.out(row);
#pragma unroll
      for (int j = 0; j < kTilesAcross; ++j) {
        wmma::store_matrix_sync(out, sums[i][j], kOutStride, wmma::mem_row_major);
        __syncwarp();
        const int column = block_column + first_column + j * kTileSize + lane % kTileSize;
#pragma unroll
        for (int n = 0; n < kTileSize; n += 2)
          if (row + n < size.rows && column < size.columns)
            product.take(const_cast<float*>(to.first)[n * to.stride + column], column,
                         out[(lane / kTileSize + n) * kOutStride + lane % kTileSize]);
        __syncwarp();
      }
    }
  }
};

// A block's share of a product. The next tiles are on their way from memory while these are multiplied.
template <class Real, class Product, bool kIsTf32>
__global__ void __launch_bounds__(threads_of<Product>, blocks_of<Real, Product>) multiply(Product product) {
  constexpr int kThreads = threads_of<Product>, kRows = Product::kRows, kColumns = Product::kColumns;
  constexpr int kLefts = kDepth * kRows / kThreads, kRights = kDepth * kColumns / kThreads;  // of a thread
  constexpr bool kAlongDepth = Product::kLeftAlongDepth;
  static_assert(kThreads % kColumns == 0 && kThreads % (kAlongDepth ? kDepth : kRows) == 0 && kLefts > 0 &&
                kRights > 0);
  constexpr int kLeftStride = kRows + 4, kRightStride = kColumns + 4;  // banks of their own for neighbours in depth
  __shared__ __align__(32) Real left_tile[kDepth * kLeftStride];
  __shared__ __align__(32) Real right_tile[kDepth * kRightStride];
  __shared__ __align__(32) Real out_tiles[kIsTf32 ? kThreads / 32 * kTileSize * (kTileSize + 4) : 1];
  using Sums = std::conditional_t<kIsTf32, WarpSums<Product, kLeftStride, kRightStride>,
                                  ThreadSums<Real, Product, kLeftStride, kRightStride>>;

  const Size size = product.size();
  const int thread = threadIdx.x, first_row = blockIdx.x * kRows, first_column = blockIdx.y * kColumns;
  // What a thread fetches of left: a depth of every so many rows, or a row's every so many depths; of right, a
  // column's. Of a row or column that isn't there, it fetches the last one: nobody takes its sums.
  constexpr int kInLine = kAlongDepth ? kDepth : kRows, kLinesApart = kThreads / kInLine,
                kRightApart = kThreads / kColumns;
  const int in_line = thread % kInLine, line = thread / kInLine;
  const int left_row = first_row + (kAlongDepth ? line : in_line), left_depth = kAlongDepth ? in_line : line;
  const int column = min(first_column + thread % kColumns, size.columns - 1), right_depth = thread / kColumns;
  const Numbers<Real> left = product.left(min(left_row, size.rows - 1)), right = product.right(column);
  const Real *lefts_at = left.first + left_depth * (kAlongDepth ? 1 : left.stride),
             *rights_at = right.first + right_depth * right.stride;
  const bool has_all_rows = !kAlongDepth || first_row + kRows <= size.rows;
  unsigned cell = 0;
  if constexpr (Product::kHasGaps) cell = static_cast<unsigned>(product.begin()) + right_depth;

  Real lefts[kLefts], rights[kRights];
  const auto fetch = [&](int depth, auto is_whole) {  // `depth` is left
#pragma unroll
    for (int n = 0; n < kLefts; ++n) {
      const bool is_there = is_whole || (kAlongDepth ? left_depth < depth && left_row + n * kLinesApart < size.rows
                                                     : left_depth + n * kLinesApart < depth);
      lefts[n] = is_there ? lefts_at[n * kLinesApart * left.stride] : Real(0);
    }
#pragma unroll
    for (int n = 0; n < kRights; ++n) {
      const bool is_there = is_whole || right_depth + n * kRightApart < depth;
      rights[n] = is_there ? rights_at[n * kRightApart * right.stride] : Real(0);
      if constexpr (Product::kHasGaps) rights[n] = product.is_gap(cell + n * kRightApart, column) ? Real(0) : rights[n];
    }
    lefts_at += kDepth * (kAlongDepth ? 1 : left.stride);
    rights_at += kDepth * right.stride;
    cell += kDepth;
  };
  const auto fetch_next = [&](int64_t depth) {
    if (depth >= kDepth && has_all_rows)
      fetch(kDepth, std::true_type());
    else
      fetch(static_cast<int>(depth < kDepth ? depth : kDepth), std::false_type());
  };
  Sums sums;
  fetch_next(size.depth);
  for (int64_t depth_left = size.depth; depth_left > 0; depth_left -= kDepth) {
    __syncthreads();  // the last tiles have been read
#pragma unroll
    for (int n = 0; n < kLefts; ++n) {
      const int of_line = line + n * kLinesApart;
      left_tile[kAlongDepth ? in_line * kLeftStride + of_line : of_line * kLeftStride + in_line] =
          Sums::rounded(lefts[n]);
    }
#pragma unroll
    for (int n = 0; n < kRights; ++n)
      right_tile[(right_depth + n * kRightApart) * kRightStride + thread % kColumns] = Sums::rounded(rights[n]);
    __syncthreads();
    if (depth_left > kDepth) fetch_next(depth_left - kDepth);
    sums.add(left_tile, right_tile);
  }
  sums.give(product, size, first_row, first_column, out_tiles);
}

int tiles(int64_t count, int size) { return static_cast<int>((count + size - 1) / size); }

template <class Real, class Product>
void launch(const Product& product, dim3 grid, cudaStream_t stream) {
  constexpr int kThreads = threads_of<Product>;
  if constexpr (sizeof(Real) == 4) {
    if (product.step.is_tf32) {
      multiply<Real, Product, true><<<grid, kThreads, 0, stream>>>(product);
      return;
    }
  }
  multiply<Real, Product, false><<<grid, kThreads, 0, stream>>>(product);
}

template <class Real, class Product>
void multiply_cells(const Product& product, cudaStream_t stream) {
  const Size size = product.size();
  const dim3 grid(tiles(size.rows, Product::kRows), tiles(size.columns, Product::kColumns), product.step.shape.members);
  launch<Real>(product, grid, stream);
}

template <class Real, class Product>
void sum_over_cells(const Product& product, cudaStream_t stream) {
  const Shape& shape = product.step.shape;
  const dim3 grid(tiles(Product::rows(shape), Product::kRows), tiles(Product::columns(shape), Product::kColumns),
                  product.step.slabs * shape.members);
  launch<Real>(product, grid, stream);
}

}  // namespace

template <class Real>
void input_products(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  multiply_cells<Real>(FromInputs<Real>{{step, chunk}}, stream);
  check_launch("input_products");
}

template <class Real>
void deviations(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  multiply_cells<Real>(Deviations<Real>{{step, chunk}}, stream);
  check_launch("deviations");
}

template <class Real>
void state_gradient(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  multiply_cells<Real>(ToStates<Real>{{step, chunk}}, stream);
  check_launch("state_gradient");
}

template <class Real>
void input_gradient(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  multiply_cells<Real>(ToInputs<Real>{{step, chunk}}, stream);
  check_launch("input_gradient");
}

int gate_tiles(const Shape& shape) {
  using Product = OfGates<float>;
  return tiles(Product::rows(shape), Product::kRows) * tiles(Product::columns(shape), Product::kColumns);
}

template <class Real>
void weight_gradient(const Step<Real>& step, Chunk chunk, cudaStream_t stream) {
  sum_over_cells<Real>(OfGates<Real>{{step, chunk}, Divisor(step.shape.weeks)}, stream);
  sum_over_cells<Real>(OfOutput<Real>{{step, chunk}}, stream);
  check_launch("weight_gradient");
}

#define DCMMM_INSTANTIATE(Real)                                         \
  template void input_products(const Step<Real>&, Chunk, cudaStream_t); \
  template void deviations(const Step<Real>&, Chunk, cudaStream_t);     \
  template void state_gradient(const Step<Real>&, Chunk, cudaStream_t); \
  template void input_gradient(const Step<Real>&, Chunk, cudaStream_t); \
  template void weight_gradient(const Step<Real>&, Chunk, cudaStream_t);
DCMMM_INSTANTIATE(float)
DCMMM_INSTANTIATE(double)

}  // namespace dcmmm::cuda
