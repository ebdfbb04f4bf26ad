#include <gtest/gtest.h>

#include "graph/learn_graph.hpp"
#include "tests/distributed/world.hpp"
#include "tests/graph/graph_panel.hpp"

namespace dcmmm {
namespace {

// `steps`: of a joint descent; -1: from the covariance.
Graph learn(const Panel& panel, bool deterministic, int64_t steps, Communicator& communicator) {
  const std::vector<int64_t> cells(static_cast<size_t>(panel.regions), panel.weeks());
  const RegionPlan plan = plan_regions(cells, communicator.rank(), communicator.size(), 5, deterministic);
  const Panel mine = slice_regions(panel, plan.first_region, plan.regions);
  const RegionLoop loop(plan, communicator);
  const GraphOptions options{.resamples = 20};
  if (steps < 0) return learn_graph(mine, options, panel.weeks(), 3, loop);
  JointGraph joint(mine, options, panel.weeks(), 3, loop);
  advance(*joint.term(), steps, loop);
  return joint.finish();
}

// One rank by itself against all of them.
TEST(Graph, IsTheSameOnAnyNumberOfRanks) {
  const Panel panel = testing::graph_panel({.regions = 41, .weeks = 70, .edges = testing::six_edges(), .seed = 9});
  const auto alone = make_local_communicator();
  for (const int64_t steps : {-1, 60})
    for (const bool deterministic : {false, true}) {
      const Graph expected = learn(panel, deterministic, -1, *alone),
                  found = learn(panel, deterministic, steps, testing::world());
      ASSERT_GE(expected.edges.size(), 5U);
      ASSERT_EQ(found.edges.size(), expected.edges.size());
      for (size_t s = 0; s < expected.edges.size(); ++s) {
        EXPECT_EQ(found.edges[s].source, expected.edges[s].source);
        EXPECT_EQ(found.edges[s].target, expected.edges[s].target);
        EXPECT_EQ(found.edges[s].lag, expected.edges[s].lag);
        EXPECT_EQ(found.edges[s].direction, expected.edges[s].direction);
        EXPECT_NEAR(found.edges[s].weight, expected.edges[s].weight, deterministic && steps < 0 ? 0 : 1e-10);
      }
      if (deterministic && steps < 0) {
        EXPECT_EQ(found.weight_BS, expected.weight_BS);
        EXPECT_EQ(found.total_BCC, expected.total_BCC);
      }
    }
}

}  // namespace
}  // namespace dcmmm
