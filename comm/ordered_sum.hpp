// Sums over regions with the same bits for any number of ranks: floating-point addition depends on its order, so the
// order is fixed by shards of the data that exist whatever the number of ranks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/communicator.hpp"

namespace dcmmm {

/// The sum over S fixed shards of vectors of L doubles. A rank owns consecutive shards (perhaps none), in rank order,
/// and adds into each of them on its own; finish() adds the shards in ascending order. The result's bits depend on what
/// each shard holds, on nothing else. Memory: L doubles for each owned shard, and finish() gathers slices of 8 MiB or
/// so, whatever S, L and the ranks are.
class OrderedSum {
 public:
  /// This rank owns the shards [first_shard, first_shard + owned_shards) of `shards`.
  OrderedSum(int64_t shards, int64_t first_shard, int64_t owned_shards, int64_t length);

  /// The L partial sums of an owned shard (a shard's number counts over all ranks), to be added into; zero at first.
  std::span<double> partial(int64_t shard);

  /// Sets all partial sums to zero.
  void clear();

  /// Collective over the ranks that hold the shards: writes the sum over all shards into `total` (L doubles), the same
  /// bits on every rank. Throws std::logic_error on every rank when the ranks' shards aren't 0 ... S-1 in rank order.
  void finish(Communicator& communicator, std::span<double> total) const;

 private:
  int64_t shards_, first_shard_, owned_shards_, length_;
  std::vector<double> partial_SL_;  // S owned shards, L doubles each
};

}  // namespace dcmmm
