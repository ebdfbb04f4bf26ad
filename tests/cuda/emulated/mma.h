// The tensor cores' tiles for the emulated GPU: a warp's first thread holds the whole of each and computes it; the others do
// nothing.
#pragma once

#include "cuda_runtime.h"

namespace nvcuda::wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
enum layout_t { mem_row_major };

namespace precision {
struct tf32;
}

template <class Item>
struct item {
  using type = Item;
};
template <>
struct item<precision::tf32> {
  using type = float;
};

template <class Use, int M, int N, int K, class Item, class Layout = row_major>
struct fragment {
  static constexpr int kRows = std::is_same_v<Use, matrix_b> ? K : M, kColumns = std::is_same_v<Use, matrix_a> ? K : N;
  static constexpr int num_elements = kRows * kColumns;
  typename item<Item>::type x[num_elements] = {};
};

inline bool is_first_of_warp() { return threadIdx.x % 32 == 0; }

// Rounded to 10 bits after the first, halves away from zero.
inline float __float_to_tf32(float value) { return __uint_as_float((__float_as_uint(value) + 0x1000U) & ~0x1fffU); }

template <class Use, int M, int N, int K, class Item, class Layout, class Real>
void fill_fragment(fragment<Use, M, N, K, Item, Layout>& out, Real value) {
  if (!is_first_of_warp()) return;
  for (auto& place : out.x) place = value;
}

template <class Use, int M, int N, int K, class Item, class Layout, class Real>
void load_matrix_sync(fragment<Use, M, N, K, Item, Layout>& out, const Real* from, int stride) {
  using Fragment = fragment<Use, M, N, K, Item, Layout>;
  if (reinterpret_cast<uintptr_t>(from) % 32 != 0 || stride * sizeof(Real) % 16 != 0) std::abort();  // as a GPU wants it
  if (!is_first_of_warp()) return;
  for (int row = 0; row < Fragment::kRows; ++row)
    for (int column = 0; column < Fragment::kColumns; ++column)
      out.x[row * Fragment::kColumns + column] =
          from[std::is_same_v<Layout, row_major> ? row * stride + column : column * stride + row];
}

template <int M, int N, int K, class Sum, class Item, class LeftLayout, class RightLayout>
void mma_sync(fragment<accumulator, M, N, K, Sum>& out, const fragment<matrix_a, M, N, K, Item, LeftLayout>& left,
              const fragment<matrix_b, M, N, K, Item, RightLayout>& right,
              const fragment<accumulator, M, N, K, Sum>& before) {
  if (!is_first_of_warp()) return;
  for (int row = 0; row < M; ++row)
    for (int column = 0; column < N; ++column) {
      Sum sum = before.x[row * N + column];
      for (int k = 0; k < K; ++k) sum += left.x[row * K + k] * right.x[k * N + column];
      out.x[row * N + column] = sum;
    }
}

template <int M, int N, int K, class Real>
void store_matrix_sync(Real* to, const fragment<accumulator, M, N, K, Real>& from, int stride, layout_t) {
  if (!is_first_of_warp()) return;
  for (int row = 0; row < M; ++row)
    for (int column = 0; column < N; ++column) to[row * stride + column] = from.x[row * N + column];
}

}  // namespace nvcuda::wmma
