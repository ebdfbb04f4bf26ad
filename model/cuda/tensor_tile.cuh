// What a warp multiplies at once on the GPU's tensor cores, which take floats of TF32's 11 bits: for
// trainer.precision=tf32.
#pragma once

#include <mma.h>

namespace dcmmm::cuda {

namespace wmma = nvcuda::wmma;

inline constexpr int kTileSize = 16, kTileDepth = 8;  // kTileSize x kTileDepth times kTileDepth x kTileSize

using TileSum = wmma::fragment<wmma::accumulator, kTileSize, kTileSize, kTileDepth, float>;
using TileLeft =
    wmma::fragment<wmma::matrix_a, kTileSize, kTileSize, kTileDepth, wmma::precision::tf32, wmma::col_major>;
using TileRight =
    wmma::fragment<wmma::matrix_b, kTileSize, kTileSize, kTileDepth, wmma::precision::tf32, wmma::row_major>;

}  // namespace dcmmm::cuda
