// Every operation of the MPI communicator against what a single process computes from all ranks' values.
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "comm/control_groups.hpp"
#include "comm/mpi_communicator.hpp"
#include "comm/threads.hpp"
#include "tests/distributed/world.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAreArray;
using testing::world;

// What rank `rank` brings to a test: any rank can compute every rank's values.
std::vector<double> values_of(int rank, size_t count) {
  std::mt19937_64 random(100 + rank);
  std::normal_distribution<double> normal(0, 1e3);
  std::vector<double> values(count);
  for (double& value : values) value = normal(random);
  return values;
}

TEST(MpiCommunicator, KnowsItsPlace) {
  EXPECT_EQ(world().size(), testing::environment().size());
  EXPECT_EQ(world().rank(), testing::environment().rank());
  EXPECT_EQ(testing::environment().local_rank(), world().rank());  // all on this machine
  ASSERT_NE(world().mpi_handle(), nullptr);
  int size = 0;
  MPI_Comm_size(*static_cast<MPI_Comm*>(world().mpi_handle()), &size);
  EXPECT_EQ(size, world().size());
}

TEST(MpiCommunicator, SumsDoublesFloatsAndIntegers) {
  for (const size_t count : {0, 1, 1000, 200000}) {
    std::vector<double> sum = values_of(world().rank(), count);
    std::vector<int64_t> integer_sum(sum.begin(), sum.end());
    for (auto& value : integer_sum) value += int64_t{1} << 40;
    world().all_reduce_sum(sum);
    world().all_reduce_sum(integer_sum);
    std::vector<double> expected(count, 0.0);
    std::vector<int64_t> expected_integers(count, 0);
    for (int rank = 0; rank < world().size(); ++rank) {
      const std::vector<double> theirs = values_of(rank, count);
      for (size_t i = 0; i < count; ++i) {
        expected[i] += theirs[i];
        expected_integers[i] += static_cast<int64_t>(theirs[i]) + (int64_t{1} << 40);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      ASSERT_NEAR(sum[i], expected[i], 1e-9) << i;
    }
    EXPECT_EQ(integer_sum, expected_integers);
  }
}

TEST(MpiCommunicator, GivesEveryRankTheSameBits) {
  for (const size_t count : {1, 3, 1000, 50000, 1000000}) {  // short and long ones go through different algorithms
    std::vector<double> sum = values_of(world().rank(), count);
    world().all_reduce_sum(sum);
    uint64_t hash = 1;
    for (const double value : sum) hash = hash * 0x9E3779B97F4A7C15ull + std::bit_cast<uint64_t>(value);
    const double halves[] = {static_cast<double>(hash >> 32), static_cast<double>(hash & 0xffffffff)};
    const std::vector<double> all = world().all_gather(halves);
    for (int rank = 0; rank < world().size(); ++rank) {
      EXPECT_EQ(all[2 * rank], halves[0]) << count << " values, rank " << rank;
      EXPECT_EQ(all[2 * rank + 1], halves[1]) << count << " values, rank " << rank;
    }
  }
}

TEST(MpiCommunicator, TakesTheMaximum) {
  std::vector<double> maximum = values_of(world().rank(), 500);
  world().all_reduce_max(maximum);
  std::vector<double> expected(500, -std::numeric_limits<double>::infinity());
  for (int rank = 0; rank < world().size(); ++rank) {
    const std::vector<double> theirs = values_of(rank, 500);
    for (size_t i = 0; i < 500; ++i) expected[i] = std::max(expected[i], theirs[i]);
  }
  EXPECT_EQ(maximum, expected);
}

TEST(MpiCommunicator, NoRankMissesAnotherOnesNan) {
  for (int rank = 0; rank < world().size(); ++rank) {
    double value = world().rank() == rank ? std::nan("") : 1.0;
    world().all_reduce_max({&value, 1});
    EXPECT_TRUE(std::isnan(value)) << "NaN on rank " << rank;
  }
}

TEST(MpiCommunicator, GathersPartsOfAnyLength) {
  const auto length_of = [](int rank) { return static_cast<size_t>(rank == 1 ? 0 : 3 * rank + 2); };
  std::vector<double> expected;
  for (int rank = 0; rank < world().size(); ++rank) {
    const auto theirs = values_of(rank, length_of(rank));
    expected.insert(expected.end(), theirs.begin(), theirs.end());
  }
  EXPECT_THAT(world().all_gather(values_of(world().rank(), length_of(world().rank()))), ElementsAreArray(expected));
  EXPECT_TRUE(world().all_gather({}).empty());
}

TEST(MpiCommunicator, BroadcastsTextFromAnyRank) {
  for (int root = 0; root < world().size(); ++root) {
    const std::string sent = std::string("from\0rank ", 10) + std::to_string(root) + std::string(100000, 'x');
    std::string received = world().rank() == root ? sent : "another text";
    world().broadcast(received, root);
    EXPECT_EQ(received, sent);
    std::string nothing = world().rank() == root ? "" : "another text";
    world().broadcast(nothing, root);
    EXPECT_EQ(nothing, "");
  }
}

TEST(MpiCommunicator, SplitsByColour) {
  const auto part = world().split(world().rank() == 1 ? 5 : 3);
  EXPECT_EQ(part->size(), world().rank() == 1 ? 1 : world().size() - (world().size() > 1 ? 1 : 0));
  EXPECT_EQ(part->rank(), world().rank() == 2 ? 1 : 0);
  const double mine[] = {static_cast<double>(world().rank())};
  const std::vector<double> members = part->all_gather(mine);
  if (world().rank() == 1) {
    EXPECT_THAT(members, ::testing::ElementsAre(1));
  } else if (world().size() == 3) {
    EXPECT_THAT(members, ::testing::ElementsAre(0, 2));
  } else {
    EXPECT_THAT(members, ::testing::ElementsAre(0));
  }
}

TEST(MpiCommunicator, ReportsMpisOwnErrors) {
  // Each rank for itself: no rank waits, as the root doesn't exist.
  const auto alone = world().split(world().rank());
  std::string value = "x";
  EXPECT_THROW(alone->broadcast(value, 99), std::runtime_error);
}

TEST(Threads, DividesTheMachineAmongUnboundRanks) {
  unsetenv("OMP_NUM_THREADS");
  const double processors =
      std::min(static_cast<double>(allowed_processors().size()), granted_by_control_groups().processors);
  EXPECT_EQ(threads_for_this_rank(testing::environment()), std::max(1, static_cast<int>(processors / world().size())));
}

TEST(Environment, ChoosesRomioForParallelFiles) { EXPECT_STREQ(getenv("OMPI_MCA_io"), "romio321"); }

}  // namespace
}  // namespace dcmmm
