// Sums over regions: chunk by chunk on this rank, then over all ranks. The one place where the order of additions is
// decided.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "comm/communicator.hpp"

namespace dcmmm {

/// A run of regions that goes through the model at once; `first` counts from this rank's first region.
struct Chunk {
  int64_t first = 0, count = 0;
};

/// Members, of those that are fitted side by side, that go through the model at once.
struct MemberRun {
  int64_t first = 0, count = 0;
};

/// Which regions this rank holds and how they are cut.
struct RegionPlan {
  int64_t first_region = 0;  // of this rank, in the panel's order
  int64_t regions = 0;       // of this rank; may be 0
  int64_t chunk = 64;        // regions at once at the most, on each thread, whatever the members
  int64_t rows = 64;         // regions times members at once where members may be cut, on each thread
  bool deterministic = false;
  int64_t first_shard = 0;           // deterministic: the number of this rank's first virtual shard
  std::vector<int64_t> shard_begin;  // deterministic: this rank's virtual shards begin here (counted from
                                     // first_region); last entry = regions
};

/// The plan of one rank. `observed_cells` of all the panel's regions balance the ranks. Deterministic plans cut the
/// panel into the same virtual shards whatever the ranks, and hand out whole shards. chunk_regions: the most regions at
/// once, on each thread.
RegionPlan plan_regions(std::span<const int64_t> observed_cells, int rank, int ranks, int64_t chunk_regions,
                        bool deterministic);

/// Whether the region at `place` of all the panel's is in a sample of `wanted`: one of each of so many runs of
/// neighbours, whichever chance says (a panel may list brands in turn). The same on any ranks.
bool is_sampled(int64_t place, int64_t wanted, int64_t all_regions);

/// Runs work over this rank's regions and adds up what it returns.
class RegionLoop {
 public:
  RegionLoop(RegionPlan plan, Communicator& communicator) : plan_(std::move(plan)), communicator_(communicator) {}

  /// Adds to `sums` (doubles) what each chunk contributes, and all-reduces: every rank gets the same bits. Threads call
  /// `work` side by side, each with chunks and with `length` sums of its own: beside these it may write what belongs to
  /// its chunk's regions, and it may not talk to other ranks. What is set for a thread (at::NoGradGuard) doesn't reach
  /// it. Deterministic plans run each virtual shard on one thread, chunks in order, and add the shards in the panel's
  /// order, so that the bits don't depend on ranks, threads or chunk size. `rank_counts` (whole numbers, each rank its
  /// own: flags) travel in the tail and come back summed. Collective.
  std::vector<double> sum(int64_t length, const std::function<void(Chunk, std::span<double> sums)>& work,
                          std::span<double> rank_counts = {}) const;

  /// The same over regions and members: one member with many regions at once, or where there are few regions some
  /// members, so that many cost no more than so many times one. Each run of members meets the same chunks.
  /// Deterministic plans don't cut members.
  std::vector<double> sum_of_members(int64_t length, int64_t members,
                                     const std::function<void(Chunk, MemberRun, std::span<double> sums)>& work,
                                     std::span<double> rank_counts = {}) const;

  /// Runs work over this rank's chunks, without a sum. Not collective.
  void each(const std::function<void(Chunk)>& work) const;

  const RegionPlan& plan() const { return plan_; }
  Communicator& communicator() const { return communicator_; }

 private:
  std::vector<double> sum_of_threads(int64_t length, int64_t chunk, int64_t parts,
                                     const std::function<void(Chunk, int64_t part, std::span<double> sums)>& work,
                                     std::span<double> rank_counts) const;

  RegionPlan plan_;
  Communicator& communicator_;
};

}  // namespace dcmmm
