// A channel's responses as combinations of a few: whatever the curve, they lie close to a space of few dimensions.
// Shapes: C channels, Q snapshots, K basis columns a channel, T training weeks, W sampled regions, V of their weeks.
#pragma once

#include <vector>

#include "likelihood/shapes.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// A basis of each channel's responses, from snapshots of them at given curves (a reduced basis; Quarteroni, Manzoni
/// and Negri 2016, chapter 6), and the coefficients of any other curve in it. These come from a few hundred cells,
/// spread over regions and weeks, that every rank has, so that finding them takes microseconds and no communication.
class ResponseBasis {
 public:
  static constexpr int64_t kColumns = 32;  // K
  static constexpr int64_t kMostChannels = 64;
  static constexpr int64_t kMostSums = int64_t{1} << 23;  // 64 MiB

  /// `snapshots`: curves of all channels, Q; `data`, which must outlive it: such as spans() allows. Collective.
  ResponseBasis(const LikelihoodData& data, std::vector<Shapes> snapshots, const RegionLoop& loop);

  /// Whether a basis can stand for the channels' responses: not with reach and frequency, nor of more than 64 channels,
  /// nor where the sums of their M = C K columns over regions, M (M + T) doubles on each thread (in each shard of a
  /// deterministic run), would take more than 64 MiB.
  static bool spans(const LikelihoodData& data) {
    const int64_t columns = data.channels * kColumns;
    return data.frequency_RTC.empty() && data.channels <= kMostChannels &&
           columns * (columns + data.origin) <= kMostSums;
  }

  /// Basis columns of a channel in one region of this rank, [T, K]; 0 beyond the dimensions that there are.
  void fill(int64_t region, int64_t channel, Eigen::Ref<RowMatrix> out) const;

  /// Coefficients [K] of the channel's response under these curves.
  Eigen::VectorXd coefficients(int64_t channel, const Shapes& shapes) const;

 private:
  // A channel on the cells that are looked at.
  struct Looked {
    std::vector<float> media_TW;  // all weeks, since what came before carries over
    Eigen::MatrixXd mix_QK;       // from snapshots to the basis
    Eigen::MatrixXd basis_KN;     // orthonormal rows on the N = V W cells, in which coefficients are found
  };

  Eigen::ArrayXd respond(int64_t channel, const Shapes& shapes) const;

  const LikelihoodData& data_;
  std::vector<Shapes> snapshots_;
  int64_t lanes_ = 0, stride_ = 1;  // W; every so many weeks are looked at
  std::vector<Looked> looked_C_;
};

}  // namespace dcmmm
