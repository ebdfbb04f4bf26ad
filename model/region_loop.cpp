#include "model/region_loop.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "comm/ordered_sum.hpp"
#include "common/large_vector.hpp"
#include "common/random.hpp"
#include "data/partition.hpp"

namespace dcmmm {
namespace {

// Enough to keep the threads of a few machines busy, few enough that the shards' partial sums stay small.
constexpr int kVirtualShards = 32;
// Fixed, so that the shapes of a deterministic fit never change.
constexpr int64_t kDeterministicChunk = 64;

// Of arrays that are in files, what a chunk has read leaves memory.
void release(const RegionPlan& plan, Chunk chunk) {
  if (!keeps_large_arrays_in_files()) return;
  const auto share = [&](int64_t region) { return static_cast<double>(region) / static_cast<double>(plan.regions); };
  release_large_arrays(share(chunk.first), share(chunk.first + chunk.count));
}

int64_t threads_at_hand() { return at::in_parallel_region() ? 1 : at::get_num_threads(); }

// Into how many chunks regions are cut: none larger than `most`, and where there are regions enough, so many that with
// `parts` of each all threads have as much to do.
int64_t chunk_count(int64_t regions, int64_t most, int64_t parts) {
  const int64_t threads = threads_at_hand(), needed = (regions + most - 1) / most;
  int64_t count = needed;
  while (count * parts % threads != 0) ++count;
  return std::min(count, regions);
}

Chunk chunk_of(int64_t regions, int64_t number, int64_t count) {
  const int64_t first = number * regions / count;
  return {first, (number + 1) * regions / count - first};
}

}  // namespace

bool is_sampled(int64_t place, int64_t wanted, int64_t all_regions) {
  if (all_regions <= wanted) return true;
  constexpr uint64_t kSampleStream = uint64_t{1} << 57;
  const int64_t run = place * wanted / all_regions;
  const auto begin = [&](int64_t of_run) { return (of_run * all_regions + wanted - 1) / wanted; };
  const double chance = RandomStream(kSampleStream, static_cast<uint64_t>(run)).uniform();
  return place == begin(run) + static_cast<int64_t>(chance * static_cast<double>(begin(run + 1) - begin(run)));
}

RegionPlan plan_regions(std::span<const int64_t> observed_cells, int rank, int ranks, int64_t chunk_regions,
                        bool deterministic) {
  RegionPlan plan;
  plan.deterministic = deterministic;
  if (!deterministic) {
    const auto offsets = balanced_partition(observed_cells, ranks);
    plan.first_region = offsets[rank];
    plan.regions = offsets[rank + 1] - offsets[rank];
    plan.chunk = plan.rows = std::max<int64_t>(1, chunk_regions);
    return plan;
  }
  plan.chunk = plan.rows = kDeterministicChunk;
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
  if (!plan_.deterministic)
    return sum_of_threads(
        length, plan_.chunk, 1, [&](Chunk chunk, int64_t, std::span<double> to) { work(chunk, to); }, rank_counts);
  const auto shards = static_cast<int64_t>(plan_.shard_begin.size()) - 1;
  OrderedSum shard_sums(kVirtualShards, plan_.first_shard, shards, length);
  at::parallel_for(0, shards, 1, [&](int64_t begin, int64_t end) {
    for (int64_t shard = begin; shard < end; ++shard)
      for (int64_t first = plan_.shard_begin[shard]; first < plan_.shard_begin[shard + 1]; first += plan_.chunk) {
        const Chunk chunk{first, std::min(plan_.chunk, plan_.shard_begin[shard + 1] - first)};
        work(chunk, shard_sums.partial(plan_.first_shard + shard));
        release(plan_, chunk);
      }
  });
  std::vector<double> sums(static_cast<size_t>(length));
  shard_sums.finish(communicator_, sums);
  communicator_.all_reduce_sum(rank_counts);  // whole numbers: exact in any order
  return sums;
}

std::vector<double> RegionLoop::sum_of_members(int64_t length, int64_t members,
                                               const std::function<void(Chunk, MemberRun, std::span<double>)>& work,
                                               std::span<double> rank_counts) const {
  if (plan_.deterministic)
    return sum(
        length,
        [&](Chunk chunk, std::span<double> to) {
          work(chunk, {0, members}, to);
        },
        rank_counts);
  // As many members as fill the rows with all regions, but no more than leave each thread some of them.
  const int64_t regions = std::max<int64_t>(plan_.regions, 1);
  const int64_t most = std::max<int64_t>(1, std::min(plan_.rows / regions, members * regions / threads_at_hand()));
  const int64_t at_once = std::min(most, members), parts = (members + at_once - 1) / at_once;
  return sum_of_threads(
      length, std::max<int64_t>(1, plan_.rows / at_once), parts,
      [&](Chunk chunk, int64_t part, std::span<double> to) {
        const int64_t first = part * members / parts;
        work(chunk, {first, (part + 1) * members / parts - first}, to);
      },
      rank_counts);
}

// Each thread sums its own run of chunks and their parts; threads are added in their order.
std::vector<double> RegionLoop::sum_of_threads(int64_t length, int64_t chunk, int64_t parts,
                                               const std::function<void(Chunk, int64_t, std::span<double>)>& work,
                                               std::span<double> rank_counts) const {
  const auto width = static_cast<size_t>(length);
  const int64_t count = chunk_count(plan_.regions, chunk, parts);
  std::vector<std::vector<double>> of_threads(static_cast<size_t>(at::get_num_threads()));
  at::parallel_for(0, count * parts, 1, [&](int64_t begin, int64_t end) {
    std::vector<double>& to = of_threads[at::get_thread_num()];
    if (to.empty()) to.assign(width, 0.0);
    for (int64_t number = begin; number < end; ++number) {
      const Chunk regions = chunk_of(plan_.regions, number / parts, count);
      work(regions, number % parts, to);
      if (number % parts == parts - 1) release(plan_, regions);
    }
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

void RegionLoop::each(const std::function<void(Chunk)>& work) const {
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += plan_.chunk) {
      const Chunk chunk{first, std::min(plan_.chunk, end - first)};
      work(chunk);
      release(plan_, chunk);
    }
  };
  if (!plan_.deterministic) return run(0, plan_.regions);
  for (size_t shard = 0; shard + 1 < plan_.shard_begin.size(); ++shard)
    run(plan_.shard_begin[shard], plan_.shard_begin[shard + 1]);
}

}  // namespace dcmmm
