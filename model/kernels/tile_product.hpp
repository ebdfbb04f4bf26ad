// A matrix product whose tile stays in registers: what the GRU's kernels are made of. No function of the standard
// library and no class: instantiations for registers of 64 bytes must not leave code behind that others link.
#pragma once

#include <cstdint>

namespace dcmmm::kernels {

/// A register of kBytes bytes (32: AVX2, 64: AVX-512), as GCC's and clang's vector extension; unaligned in memory.
template <class Real, int kBytes>
struct Register {
  static constexpr int64_t kLanes = kBytes / static_cast<int>(sizeof(Real));
  typedef Real Type __attribute__((vector_size(kBytes), aligned(alignof(Real))));
};

/// Two registers side by side: the columns of a tile, and of a panel of packed weights.
template <class Real>
constexpr int64_t panel_columns(int register_bytes) {
  return int64_t{2} * register_bytes / static_cast<int64_t>(sizeof(Real));
}

/// Memory that is needed soon and lies where the processor doesn't foresee it: products ask for it piece by piece, so
/// that it arrives while they work.
template <int kBytes>
struct Ahead {
  const char *next = nullptr, *end = nullptr;
  [[gnu::always_inline]] void ask(int64_t lines) {
    for (; lines > 0 && next < end; --lines, next += 64) __builtin_prefetch(next, 0, 2);
  }
};

/// out[rows x columns] += left[rows x inner] right[inner x columns]; columns are a multiple of a register's lanes.
template <class Real>
struct TileProduct {
  int64_t rows, columns, inner;
  const Real* left;
  int64_t left_row, left_inner;  // steps from one row, and from one place of the sum, to the next
  const Real* right;
  int64_t right_panel, right_inner;  // steps from one panel of columns, and from one place of the sum, to the next
  Real* out;
  int64_t out_row;
};

// Places of the sum are added in their order, whatever the tile: a row's values don't depend on the other rows.
template <class Real, int kBytes, int kRows, int kVectors>
void multiply_tile(int64_t inner, const Real* left, int64_t left_row, int64_t left_inner, const Real* right,
                   int64_t right_inner, Real* out, int64_t out_row) {
  using Vector = typename Register<Real, kBytes>::Type;
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  Vector tile[kRows][kVectors];
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j) tile[i][j] = *reinterpret_cast<const Vector*>(out + i * out_row + j * kLanes);
  for (int64_t k = 0; k < inner; ++k) {
    Vector row[kVectors];
    for (int j = 0; j < kVectors; ++j) row[j] = *reinterpret_cast<const Vector*>(right + j * kLanes);
    for (int i = 0; i < kRows; ++i)
      for (int j = 0; j < kVectors; ++j) tile[i][j] += left[i * left_row] * row[j];
    left += left_inner;
    right += right_inner;
  }
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kVectors; ++j) *reinterpret_cast<Vector*>(out + i * out_row + j * kLanes) = tile[i][j];
}

inline constexpr int64_t kLinesATile = 16;  // a week's products have tiles enough to ask for all of the next week

// The last rows of a product: fewer than a tile's, one instantiation for each number.
template <class Real, int kBytes, int kRows, int kVectors>
void multiply_last_rows(int64_t rows, int64_t inner, const Real* left, int64_t left_row, int64_t left_inner,
                        const Real* right, int64_t right_inner, Real* out, int64_t out_row) {
  if constexpr (kRows > 0) {
    if (rows == kRows)
      multiply_tile<Real, kBytes, kRows, kVectors>(inner, left, left_row, left_inner, right, right_inner, out, out_row);
    else
      multiply_last_rows<Real, kBytes, kRows - 1, kVectors>(rows, inner, left, left_row, left_inner, right, right_inner,
                                                            out, out_row);
  }
}

template <class Real, int kBytes, int kVectors>
void multiply_panel(const TileProduct<Real>& in, const Real* right, Real* out, Ahead<kBytes>& ahead) {
  constexpr int kTileRows = kBytes == 64 ? 12 : 6;  // 24 of AVX-512's 32 registers hold the tile, 12 of AVX2's 16
  int64_t row = 0;
  for (; row + kTileRows <= in.rows; row += kTileRows) {
    ahead.ask(kLinesATile);
    multiply_tile<Real, kBytes, kTileRows, kVectors>(in.inner, in.left + row * in.left_row, in.left_row, in.left_inner,
                                                     right, in.right_inner, out + row * in.out_row, in.out_row);
  }
  multiply_last_rows<Real, kBytes, kTileRows - 1, kVectors>(in.rows - row, in.inner, in.left + row * in.left_row,
                                                            in.left_row, in.left_inner, right, in.right_inner,
                                                            out + row * in.out_row, in.out_row);
}

template <class Real, int kBytes>
void multiply(const TileProduct<Real>& in, Ahead<kBytes>& ahead) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  const Real* right = in.right;
  int64_t column = 0;
  for (; column + 2 * kLanes <= in.columns; column += 2 * kLanes, right += in.right_panel)
    multiply_panel<Real, kBytes, 2>(in, right, in.out + column, ahead);
  if (column < in.columns) multiply_panel<Real, kBytes, 1>(in, right, in.out + column, ahead);
}

}  // namespace dcmmm::kernels
