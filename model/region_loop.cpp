#include "model/region_loop.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "comm/ordered_sum.hpp"
#include "common/large_vector.hpp"
#include "data/partition.hpp"

namespace dcmmm {
namespace {

// Enough to keep the threads of a few machines busy, few enough that the shards' partial sums stay small.
constexpr int kVirtualShards = 32;
// Fixed, so that the shapes of a deterministic fit never change.
constexpr int64_t kDeterministicChunk = 64;

// Of arrays that are in files, what a chunk has read leaves memory.
void run(const RegionPlan& plan, Chunk chunk, const std::function<void()>& work) {
  if (!keeps_large_arrays_in_files()) return work();
  const auto share = [&](int64_t region) { return static_cast<double>(region) / static_cast<double>(plan.regions); };
  work();
  release_large_arrays(share(chunk.first), share(chunk.first + chunk.count));
}

// How many chunks the threads go through side by side: none larger than the plan's, and where there are regions enough,
// as many for each thread.
int64_t chunk_count(const RegionPlan& plan) {
  const int64_t threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  const int64_t needed = (plan.regions + plan.chunk - 1) / plan.chunk;
  return std::min((needed + threads - 1) / threads * threads, plan.regions);
}

Chunk chunk_of(const RegionPlan& plan, int64_t number, int64_t count) {
  const int64_t first = number * plan.regions / count;
  return {first, (number + 1) * plan.regions / count - first};
}

}  // namespace

RegionPlan plan_regions(std::span<const int64_t> observed_cells, int rank, int ranks, int64_t chunk_regions,
                        bool deterministic) {
  RegionPlan plan;
  plan.deterministic = deterministic;
  if (!deterministic) {
    const auto offsets = balanced_partition(observed_cells, ranks);
    plan.first_region = offsets[rank];
    plan.regions = offsets[rank + 1] - offsets[rank];
    plan.chunk = std::max<int64_t>(1, chunk_regions);
    return plan;
  }
  plan.chunk = kDeterministicChunk;
  const auto shards = balanced_partition(observed_cells, kVirtualShards);
  std::vector<int64_t> shard_cells(kVirtualShards, 0);
  for (int shard = 0; shard < kVirtualShards; ++shard)
    for (int64_t region = shards[shard]; region < shards[shard + 1]; ++region)
      shard_cells[shard] += observed_cells[region] + 1;
  const auto of_ranks = balanced_partition(shard_cells, ranks);
  plan.first_region = shards[of_ranks[rank]];
  plan.regions = shards[of_ranks[rank + 1]] - plan.first_region;
  plan.first_shard = of_ranks[rank];
  for (int64_t shard = of_ranks[rank]; shard <= of_ranks[rank + 1]; ++shard)
    plan.shard_begin.push_back(shards[shard] - plan.first_region);
  return plan;
}

std::vector<double> RegionLoop::sum(int64_t length, const std::function<void(Chunk, std::span<double>)>& work,
                                    std::span<double> rank_counts) const {
  const auto width = static_cast<size_t>(length);
  const auto step = [&](Chunk chunk, std::span<double> to) { run(plan_, chunk, [&] { work(chunk, to); }); };
  if (!plan_.deterministic) {
    // Each thread sums its own run of chunks; threads are added in their order.
    const int64_t count = chunk_count(plan_);
    std::vector<std::vector<double>> of_threads(static_cast<size_t>(at::get_num_threads()));
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      std::vector<double>& to = of_threads[at::get_thread_num()];
      if (to.empty()) to.assign(width, 0.0);
      for (int64_t number = begin; number < end; ++number) step(chunk_of(plan_, number, count), to);
    });
    std::vector<double> sums(width + rank_counts.size(), 0.0);
    for (const std::vector<double>& of_thread : of_threads)
      for (size_t i = 0; i < of_thread.size(); ++i) sums[i] += of_thread[i];
    std::copy(rank_counts.begin(), rank_counts.end(), sums.begin() + length);
    communicator_.all_reduce_sum(std::span<double>(sums));
    std::copy(sums.begin() + length, sums.end(), rank_counts.begin());
    sums.resize(width);
    return sums;
  }
  const auto shards = static_cast<int64_t>(plan_.shard_begin.size()) - 1;
  OrderedSum shard_sums(kVirtualShards, plan_.first_shard, shards, length);
  at::parallel_for(0, shards, 1, [&](int64_t begin, int64_t end) {
    for (int64_t shard = begin; shard < end; ++shard)
      for (int64_t first = plan_.shard_begin[shard]; first < plan_.shard_begin[shard + 1]; first += plan_.chunk)
        step({first, std::min(plan_.chunk, plan_.shard_begin[shard + 1] - first)},
             shard_sums.partial(plan_.first_shard + shard));
  });
  std::vector<double> sums(width);
  shard_sums.finish(communicator_, sums);
  communicator_.all_reduce_sum(rank_counts);  // whole numbers: exact in any order
  return sums;
}

void RegionLoop::each(const std::function<void(Chunk)>& work) const {
  const auto step = [&](Chunk chunk) { run(plan_, chunk, [&] { work(chunk); }); };
  if (!plan_.deterministic) {
    for (int64_t first = 0; first < plan_.regions; first += plan_.chunk)
      step({first, std::min(plan_.chunk, plan_.regions - first)});
    return;
  }
  for (size_t shard = 0; shard + 1 < plan_.shard_begin.size(); ++shard)
    for (int64_t first = plan_.shard_begin[shard]; first < plan_.shard_begin[shard + 1]; first += plan_.chunk)
      step({first, std::min(plan_.chunk, plan_.shard_begin[shard + 1] - first)});
}

}  // namespace dcmmm
