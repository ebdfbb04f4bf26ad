#include "data/panel_file_layout.hpp"

#include <gtest/gtest.h>

namespace dcmmm {

TEST(PanelFileLayout, BoundsTheChunksOfManyRegions) {
  constexpr int64_t kRegionBytes = 156 * 13 * 8;
  // As ever, so that files of the same panel hold the same bytes.
  EXPECT_EQ(regions_per_chunk(3, kRegionBytes), 3);
  EXPECT_EQ(regions_per_chunk(4000, kRegionBytes), 32);
  EXPECT_EQ(regions_per_chunk(100'000, kRegionBytes), 32);
  EXPECT_EQ(regions_per_chunk(4000, 1 << 20), 1);
  EXPECT_EQ(regions_per_chunk(0, 1), 1);
  for (const int64_t regions : {int64_t{10'000}, int64_t{1'000'000}, int64_t{30'000'000}})
    for (const int64_t bytes : {int64_t{8}, kRegionBytes, int64_t{1} << 22})
      EXPECT_LE((regions - 1) / regions_per_chunk(regions, bytes) + 1, 4096) << regions << " " << bytes;
}

}  // namespace dcmmm
