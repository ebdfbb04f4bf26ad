#include "data/partition.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "common/random.hpp"

namespace dcmmm {

TEST(Partition, GivesEqualRegionsEqualParts) {
  const std::vector<int64_t> cells(12, 100);
  EXPECT_EQ(balanced_partition(cells, 3), (std::vector<int64_t>{0, 4, 8, 12}));
  EXPECT_EQ(balanced_partition(cells, 1), (std::vector<int64_t>{0, 12}));
}

TEST(Partition, BalancesCellsAndNotRegions) {
  // One region with as many cells as the six others together.
  EXPECT_EQ(balanced_partition(std::vector<int64_t>{5, 5, 5, 5, 5, 5, 35}, 2), (std::vector<int64_t>{0, 6, 7}));
}

TEST(Partition, CountsRegionsWithoutCellsAsWork) {
  EXPECT_EQ(balanced_partition(std::vector<int64_t>{0, 0, 0, 0}, 2), (std::vector<int64_t>{0, 2, 4}));
}

TEST(Partition, LeavesPartsEmptyWhenThereAreMoreThanRegions) {
  const auto offsets = balanced_partition(std::vector<int64_t>{10, 10}, 5);
  ASSERT_EQ(offsets.size(), 6u);
  int64_t filled = 0;
  for (size_t p = 0; p < 5; ++p) filled += offsets[p + 1] > offsets[p];
  EXPECT_EQ(filled, 2);
  EXPECT_EQ(balanced_partition({}, 3), (std::vector<int64_t>{0, 0, 0, 0}));
}

TEST(Partition, CoversAllRegionsAndNoPartExceedsAFairShareByMoreThanOneRegion) {
  RandomStream random(1, 0);
  for (int round = 0; round < 300; ++round) {
    std::vector<int64_t> cells(static_cast<size_t>(random.uniform(0.0, 60.0)));
    for (auto& count : cells) count = static_cast<int64_t>(std::pow(10.0, random.uniform(0.0, 3.0)));
    const int parts = 1 + static_cast<int>(random.uniform(0.0, 12.0));
    const auto offsets = balanced_partition(cells, parts);
    ASSERT_EQ(offsets.size(), static_cast<size_t>(parts) + 1);
    EXPECT_EQ(offsets.front(), 0);
    EXPECT_EQ(offsets.back(), static_cast<int64_t>(cells.size()));
    EXPECT_TRUE(std::is_sorted(offsets.begin(), offsets.end()));
    const auto work = [&](int64_t first, int64_t last) {
      return std::accumulate(cells.begin() + first, cells.begin() + last, last - first);
    };
    const int64_t largest = cells.empty() ? 0 : *std::max_element(cells.begin(), cells.end()) + 1;
    const auto total = static_cast<double>(work(0, static_cast<int64_t>(cells.size())));
    for (int p = 0; p < parts; ++p) {
      EXPECT_LE(static_cast<double>(work(offsets[p], offsets[p + 1])),
                total / parts + static_cast<double>(largest) + 1e-9);
    }
  }
}

}  // namespace dcmmm
