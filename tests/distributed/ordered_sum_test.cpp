#include "comm/ordered_sum.hpp"

#include <gmock/gmock.h>

#include <bit>
#include <random>

#include "tests/distributed/world.hpp"

namespace dcmmm {
namespace {

using testing::world;

std::vector<double> shard_values(int64_t shard, int64_t length) {
  std::mt19937_64 random(shard);
  std::normal_distribution<double> normal(0, 1e6);
  std::vector<double> values(length);
  for (double& value : values) value = normal(random);
  return values;
}

// The sum that a single process gets, from the definition.
std::vector<double> sum_from_the_left(int64_t shards, int64_t length) {
  std::vector<double> total(length, 0.0);
  for (int64_t s = 0; s < shards; ++s) {
    const auto values = shard_values(s, length);
    for (int64_t i = 0; i < length; ++i) total[i] += values[i];
  }
  return total;
}

void expect_same_bits(int64_t shards, int64_t length, int64_t first, int64_t owned) {
  OrderedSum sum(shards, first, owned, length);
  for (int64_t s = first; s < first + owned; ++s) {
    const auto values = shard_values(s, length);
    std::copy(values.begin(), values.end(), sum.partial(s).begin());
  }
  std::vector<double> total(length);
  sum.finish(world(), total);
  const std::vector<double> expected = sum_from_the_left(shards, length);
  for (int64_t i = 0; i < length; ++i) {
    ASSERT_EQ(std::bit_cast<uint64_t>(total[i]), std::bit_cast<uint64_t>(expected[i])) << shards << " shards, " << i;
  }
}

TEST(OrderedSum, HasTheBitsOfASingleProcess) {
  for (const int64_t shards : {1, 2, 7, 64}) {
    const int64_t first = shards * world().rank() / world().size();
    const int64_t end = shards * (world().rank() + 1) / world().size();
    expect_same_bits(shards, 1001, first, end - first);
  }
}

TEST(OrderedSum, HasTheSameBitsWhenSomeRanksOwnNothing) {
  const bool last = world().rank() == world().size() - 1;
  expect_same_bits(16, 100, 0, last ? 16 : 0);
  expect_same_bits(16, 100, world().rank() == 0 ? 0 : 16, world().rank() == 0 ? 16 : 0);
}

TEST(OrderedSum, HasTheSameBitsInSeveralSlices) {
  const int64_t first = 64 * world().rank() / world().size();
  expect_same_bits(64, 40000, first, 64 * (world().rank() + 1) / world().size() - first);
}

TEST(OrderedSum, AllRanksRefuseAGapInTheShards) {
  OrderedSum sum(world().size() + 1, world().rank(), 1, 1);
  std::vector<double> total(1);
  EXPECT_THROW(sum.finish(world(), total), std::logic_error);
}

}  // namespace
}  // namespace dcmmm
