// The step's products of matrices over all cells of a chunk at once, on a GPU: what the GRU's inputs and
// states are multiplied by on the way forward and back, and the gradients of its weights. Shapes as in step.hpp; a cell
// is a row's week. The weights' gradients are sums over cells: a block takes a slab of a member's cells, and collect()
// adds the slabs in their order, so that the same run gives the same bits.
#include "model/cuda/device_math.cuh"
#include "model/cuda/multiply.cuh"

namespace dcmmm::cuda {
namespace {

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
  __device__ Numbers<const Real> left(int row) const {
    const int I = this->step.shape.inputs;
    return {this->step.scratch.input_TI + this->cell(row) * I, I};
  }
  __device__ Numbers<const Real> right(int column) const {
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
  __device__ Numbers<const Real> left(int row) const {
    const int H = this->step.shape.hidden;
    return {this->step.scratch.state_TH + this->cell(row) * H, H};
  }
  __device__ Numbers<const Real> right(int column) const {
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
  __device__ Numbers<const Real> left(int row) const {
    const int C = this->step.shape.channels;
    return {this->step.scratch.output_gradient_TC + this->cell(row) * C, C};
  }
  __device__ Numbers<const Real> right(int column) const {
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
  __device__ Numbers<const Real> left(int row) const {
    const int stride = 4 * this->step.shape.hidden;
    return {this->step.scratch.gates_T4H + this->cell(row) * stride, stride};
  }
  __device__ Numbers<const Real> right(int column) const {
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
  __device__ Numbers<Real> sums(Real* sums_GEMQ, int rows, int columns, int row) const {
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
  __device__ Numbers<const Real> left(int row) const {
    const int stride = 4 * this->step.shape.hidden;
    return {this->step.scratch.gates_T4H + this->first_cell() * stride + row, stride};
  }
  __device__ Numbers<const Real> right(int column) const {
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
  __device__ Numbers<const Real> left(int row) const {
    const int C = this->step.shape.channels;
    return {this->step.scratch.output_gradient_TC + this->first_cell() * C + row, C};
  }
  __device__ Numbers<const Real> right(int column) const {
    const int H = this->step.shape.hidden;
    if (column < H) return {this->step.scratch.state_TH + this->first_cell() * H + column, H};
    return {this->step.scratch.one, 0};
  }
  __device__ Numbers<Real> out(int row) const {
    return this->sums(this->step.scratch.output_sums_GEMQ, rows(this->step.shape), columns(this->step.shape), row);
  }
};

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
