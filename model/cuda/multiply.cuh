// A product of matrices on a GPU, by blocks: with the processors' own arithmetic, or on tensor cores in TF32. What is
// multiplied, and where the sums go, a Product says (products.cu).
#pragma once

#include <mma.h>

#include <cstdint>
#include <type_traits>

namespace dcmmm::cuda {

namespace wmma = nvcuda::wmma;

inline constexpr int kDepth = 16;  // of the tiles that a block holds at once

// What a warp multiplies at once on tensor cores, which take floats of TF32's 11 bits: kTileSize x kTileDepth times
// kTileDepth x kTileSize.
inline constexpr int kTileSize = 16, kTileDepth = 8;
using TileSum = wmma::fragment<wmma::accumulator, kTileSize, kTileSize, kTileDepth, float>;
using TileLeft =
    wmma::fragment<wmma::matrix_a, kTileSize, kTileSize, kTileDepth, wmma::precision::tf32, wmma::col_major>;
using TileRight =
    wmma::fragment<wmma::matrix_b, kTileSize, kTileSize, kTileDepth, wmma::precision::tf32, wmma::row_major>;

// A product says what is multiplied: `depth` numbers of left's row and right's column, each sum given to take(). Where
// the first of them is: left(row), right(column). With kLeftAlongDepth left's numbers of a row are neighbours in
// memory, and rows are `stride` apart; without, rows are neighbours, and depths `stride` apart, as of right. A block
// has kRows x kColumns of the product, a thread kOfRow x kOfColumn, or on tensor cores a warp a kDown-th x kAcross-th.
// Rows and columns are of the block's member.
struct Size {
  int rows, columns;
  int64_t depth;
};

template <class Item>
struct Numbers {
  Item* first;
  int stride;
};

template <class Product>
inline constexpr int threads_of = 32 * Product::kDown* Product::kAcross;
// Of a multiprocessor at least: what their sums leave room for.
template <class Real, class Product>
inline constexpr int blocks_of = sizeof(Real) == 8
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
        if (to_column < size.columns) product.take(to.first[to_column], to_column, sums[i][j]);
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
            product.take(to.first[n * to.stride + column], column,
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
  const Numbers<const Real> left = product.left(min(left_row, size.rows - 1)), right = product.right(column);
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

}  // namespace dcmmm::cuda
