#include "comm/ordered_sum.hpp"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

namespace dcmmm {
namespace {

TEST(OrderedSum, AddsShardsInAscendingOrder) {
  // 1e16 + 1 is 1e16, so the order of adding shows in the result.
  OrderedSum sum(4, 0, 4, 2);
  const double values[] = {1e16, 1, -1e16, 1};
  for (int64_t s = 0; s < 4; ++s) {
    sum.partial(s)[0] += values[s];
    sum.partial(s)[1] += values[3 - s];
  }
  std::vector<double> total = {7, 7};
  const auto local = make_local_communicator();
  sum.finish(*local, total);
  EXPECT_EQ(total[0], 1);  // ((1e16 + 1) - 1e16) + 1
  EXPECT_EQ(total[1], 0);  // ((1 - 1e16) + 1) + 1e16
}

TEST(OrderedSum, GoesThroughVectorsLongerThanOneSlice) {
  constexpr int64_t kShards = 3, kLength = 700001;
  OrderedSum sum(kShards, 0, kShards, kLength);
  std::vector<double> expected(kLength, 0.0), total(kLength);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  for (int64_t s = 0; s < kShards; ++s) {
    const auto partial = sum.partial(s);
    for (int64_t i = 0; i < kLength; ++i) {
      partial[i] = normal(random);
      expected[i] += partial[i];
    }
  }
  const auto local = make_local_communicator();
  sum.finish(*local, total);
  EXPECT_EQ(total, expected);
}

TEST(OrderedSum, StartsAgainAfterClear) {
  OrderedSum sum(2, 0, 2, 1);
  sum.partial(1)[0] = 5;
  sum.clear();
  sum.partial(0)[0] = 2;
  std::vector<double> total(1);
  const auto local = make_local_communicator();
  sum.finish(*local, total);
  EXPECT_EQ(total[0], 2);
}

TEST(OrderedSum, RefusesShardsThatAreMissingOrNotOurs) {
  OrderedSum sum(3, 1, 2, 1);
  std::vector<double> total(1);
  const auto local = make_local_communicator();
  EXPECT_THROW(sum.finish(*local, total), std::logic_error);
  EXPECT_THROW(sum.partial(0), std::logic_error);
  EXPECT_THROW(sum.partial(3), std::logic_error);
}

TEST(OrderedSum, TakesAnEmptyVector) {
  OrderedSum sum(2, 0, 2, 0);
  const auto local = make_local_communicator();
  EXPECT_NO_THROW(sum.finish(*local, {}));
}

}  // namespace
}  // namespace dcmmm
