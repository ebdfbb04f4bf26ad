// A test of the tests: it fails on the last rank only, while the others wait. ctest must see it fail (WILL_FAIL), in
// time.
#include <gtest/gtest.h>

#include "tests/distributed/world.hpp"

TEST(Distributed, AFailureOnOneRankEndsTheJob) {
  auto& world = dcmmm::testing::world();
  ASSERT_LT(world.rank(), world.size() - 1);
  world.barrier();
}
