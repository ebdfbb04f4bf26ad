#include "comm/threads.hpp"

#include <gmock/gmock.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "comm/control_groups.hpp"

namespace dcmmm {
namespace {

TEST(Threads, DividesSharedProcessors) {
  EXPECT_EQ(share_of_processors({{0, 1, 2, 3}}, 0), 4);
  EXPECT_EQ(share_of_processors({{0, 1, 2, 3}, {0, 1, 2, 3}}, 1), 2);
  EXPECT_EQ(share_of_processors({{0, 1, 2, 3}, {0, 1, 2, 3}, {0, 1, 2, 3}}, 2), 1);
}

TEST(Threads, TakesAnUnsharedMaskAsItIs) {
  EXPECT_EQ(share_of_processors({{0, 1}, {2, 3, 4}}, 0), 2);
  EXPECT_EQ(share_of_processors({{0, 1}, {2, 3, 4}}, 1), 3);
  EXPECT_EQ(share_of_processors({{0, 1, 2, 3}, {2, 3}, {8}}, 0), 2);
}

TEST(Threads, IsNeverZero) { EXPECT_EQ(share_of_processors({{0}, {0}, {0}}, 1), 1); }

TEST(Threads, FollowsTheAffinityMask) {
  const std::vector<int> before = allowed_processors();
  ASSERT_FALSE(before.empty());
  std::vector<int> narrowed;
  std::thread([&] {  // the mask belongs to a thread, so the test's own stays as it was
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(before.back(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    narrowed = allowed_processors();
  })
      .join();
  EXPECT_THAT(narrowed, ::testing::ElementsAre(before.back()));
}

TEST(Threads, LetsTheUserDecide) {
  const Environment environment;
  setenv("OMP_NUM_THREADS", "7", 1);
  EXPECT_EQ(threads_for_this_rank(environment), 7);
  unsetenv("OMP_NUM_THREADS");
  const double granted = std::floor(granted_by_control_groups().processors);
  EXPECT_EQ(threads_for_this_rank(environment),
            std::clamp(granted, 1.0, static_cast<double>(allowed_processors().size())));
}

}  // namespace
}  // namespace dcmmm
