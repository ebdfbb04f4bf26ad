#include "common/random.hpp"

#include <gtest/gtest.h>

namespace dcmmm {
namespace {

TEST(Random, UniformStaysBelowOne) {
  // Philox backwards from words of ones: the draw whose 53 bits are all set.
  const uint64_t stream = 0x97E2D350BA2CA899, counter = 0x4F07C0052C4AEE5D;
  EXPECT_EQ(RandomStream(0, stream, counter).uniform(), 1 - 0x1p-53);
  EXPECT_GT(RandomStream(0, stream, counter).normal(), 0);
}

}  // namespace
}  // namespace dcmmm
