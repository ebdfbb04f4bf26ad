// Chunks that threads take side by side: each region once, none larger than the plan's, and the same sums.
#include "model/region_loop.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace dcmmm {
namespace {

TEST(Samples, TakeOneOfEachRunOfNeighboursAndNotEverySecondBrand) {
  for (const auto& [wanted, all] : {std::pair<int64_t, int64_t>{1, 5}, {7, 7}, {9, 4}, {200, 300}, {1000, 20'000}}) {
    std::vector<int64_t> taken_of_run(static_cast<size_t>(wanted));
    int64_t taken = 0, even = 0;
    for (int64_t place = 0; place < all; ++place) {
      if (!is_sampled(place, wanted, all)) continue;
      ++taken;
      even += place % 2 == 0;
      if (all > wanted) EXPECT_EQ(++taken_of_run[static_cast<size_t>(place * wanted / all)], 1);
    }
    EXPECT_EQ(taken, std::min(wanted, all));
    if (all == 20'000) EXPECT_NEAR(static_cast<double>(even), 500, 60);
  }
}

class RegionLoops : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { at::set_num_threads(GetParam()); }
  void TearDown() override { at::set_num_threads(1); }

  std::unique_ptr<Communicator> alone_ = make_local_communicator();
};
INSTANTIATE_TEST_SUITE_P(Threads, RegionLoops, ::testing::Values(1, 2, 3, 7));

TEST_P(RegionLoops, TakeEachRegionOnceInChunksOfThePlan) {
  for (const int64_t regions : {0, 1, 7, 8, 9, 40, 190, 1001})
    for (const int64_t chunk : {1, 5, 24, 192}) {
      const std::vector<int64_t> cells(static_cast<size_t>(regions), 10);
      const RegionLoop loop(plan_regions(cells, 0, 1, chunk, false), *alone_);
      std::vector<std::atomic<int>> taken(static_cast<size_t>(regions));
      std::atomic<int64_t> largest = 0;
      double flags[] = {3};
      const std::vector<double> sums = loop.sum(
          2,
          [&](Chunk part, std::span<double> total) {
            if (part.count > chunk) largest = part.count;
            for (int64_t r = part.first; r < part.first + part.count; ++r) {
              ++taken[static_cast<size_t>(r)];
              total[0] += 1;
              total[1] += static_cast<double>(r);
            }
          },
          flags);
      EXPECT_EQ(largest, 0) << "more than " << chunk << " at once";
      for (const std::atomic<int>& times : taken) EXPECT_EQ(times, 1);
      EXPECT_EQ(sums,
                (std::vector<double>{static_cast<double>(regions), static_cast<double>(regions * (regions - 1) / 2)}));
      EXPECT_EQ(flags[0], 3);
    }
}

// Every member meets every region once, at the most `rows` of both at a time.
TEST_P(RegionLoops, TakeEachMemberOfEachRegionOnce) {
  for (const int64_t regions : {0, 1, 5, 40, 401})
    for (const int64_t members : {1, 2, 5, 17})
      for (const int64_t rows : {1, 24, 192}) {
        const std::vector<int64_t> cells(static_cast<size_t>(regions), 10);
        RegionPlan plan = plan_regions(cells, 0, 1, 3, false);
        plan.rows = rows;
        std::vector<std::atomic<int>> taken(static_cast<size_t>(regions * members)), begun(taken.size());
        std::atomic<int64_t> largest = 0;
        const std::vector<double> sums =
            RegionLoop(plan, *alone_)
                .sum_of_members(members, members, [&](Chunk part, MemberRun run, std::span<double> total) {
                  if (part.count * run.count > rows) largest = part.count * run.count;
                  for (int64_t e = run.first; e < run.first + run.count; ++e) {
                    ++begun[static_cast<size_t>(e * regions + part.first)];
                    for (int64_t r = part.first; r < part.first + part.count; ++r) {
                      ++taken[static_cast<size_t>(e * regions + r)];
                      total[static_cast<size_t>(e)] += static_cast<double>(r + 1);
                    }
                  }
                });
        EXPECT_EQ(largest, 0) << "more than " << rows << " at once";
        for (const std::atomic<int>& times : taken) EXPECT_EQ(times, 1);
        for (int64_t i = 0; i < regions * members; ++i)
          EXPECT_EQ(begun[static_cast<size_t>(i)], begun[static_cast<size_t>(i % regions)]) << "the same chunks";
        EXPECT_EQ(sums,
                  std::vector<double>(static_cast<size_t>(members), static_cast<double>(regions * (regions + 1) / 2)));
      }
}

// Few regions of many members are enough for all threads.
TEST_P(RegionLoops, ShareMembersWhereRegionsAreFew) {
  const std::vector<int64_t> cells(2, 10);
  RegionPlan plan = plan_regions(cells, 0, 1, 24, false);
  plan.rows = 192;
  std::atomic<int> parts = 0;
  RegionLoop(plan, *alone_).sum_of_members(0, 32, [&](Chunk, MemberRun, std::span<double>) { ++parts; });
  EXPECT_GE(parts, GetParam());
  EXPECT_LE(parts, 2 * GetParam()) << "members that could go together didn't";
}

TEST_P(RegionLoops, LeaveMembersTogetherWhereTheBitsCount) {
  const std::vector<int64_t> cells(100, 10);
  RegionPlan plan = plan_regions(cells, 0, 1, 10, true);
  const std::vector<double> sums =
      RegionLoop(plan, *alone_).sum_of_members(1, 5, [](Chunk part, MemberRun run, std::span<double> total) {
        EXPECT_EQ(run.first, 0);
        EXPECT_EQ(run.count, 5);
        total[0] += static_cast<double>(part.count);
      });
  EXPECT_EQ(sums[0], 100);
}

TEST_P(RegionLoops, HandOnWhatAChunkThrows) {
  const std::vector<int64_t> cells(100, 10);
  const RegionLoop loop(plan_regions(cells, 0, 1, 10, false), *alone_);
  EXPECT_THROW(loop.sum(1,
                        [](Chunk part, std::span<double>) {
                          if (part.first + part.count == 100) throw std::runtime_error("the last chunk");
                        }),
               std::runtime_error);
}

// A loop within a chunk of another one has that chunk's thread alone.
TEST_P(RegionLoops, RunWithinOneAnother) {
  const std::vector<int64_t> cells(60, 10);
  const RegionLoop loop(plan_regions(cells, 0, 1, 16, false), *alone_);
  const std::vector<double> sums = loop.sum(1, [&](Chunk part, std::span<double> total) {
    const RegionLoop inner(plan_regions(cells, 0, 1, 16, false), *alone_);
    total[0] += static_cast<double>(part.count) *
                inner.sum(1, [](Chunk of, std::span<double> to) { to[0] += static_cast<double>(of.count); })[0];
  });
  EXPECT_EQ(sums[0], 3600);
}

}  // namespace
}  // namespace dcmmm
