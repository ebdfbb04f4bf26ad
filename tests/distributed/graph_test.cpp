#include <gtest/gtest.h>

#include "graph/learn_graph.hpp"
#include "tests/distributed/world.hpp"
#include "tests/graph/graph_panel.hpp"

namespace dcmmm {
namespace {

Graph learn(const Panel& panel, bool deterministic, Communicator& communicator) {
  const std::vector<int64_t> cells(static_cast<size_t>(panel.regions), panel.weeks());
  const RegionPlan plan = plan_regions(cells, communicator.rank(), communicator.size(), 5, deterministic);
  return learn_graph(slice_regions(panel, plan.first_region, plan.regions), {.resamples = 20}, panel.weeks(), 3,
                     RegionLoop(plan, communicator));
}

// One rank by itself against all of them.
TEST(Graph, IsTheSameOnAnyNumberOfRanks) {
  const Panel panel = testing::graph_panel({.regions = 41, .weeks = 70, .edges = testing::six_edges(), .seed = 9});
  const auto alone = make_local_communicator();
  for (const bool deterministic : {false, true}) {
    const Graph expected = learn(panel, deterministic, *alone), found = learn(panel, deterministic, testing::world());
    ASSERT_GE(expected.edges.size(), 5U);
    ASSERT_EQ(found.edges.size(), expected.edges.size());
    for (size_t s = 0; s < expected.edges.size(); ++s) {
      EXPECT_EQ(found.edges[s].source, expected.edges[s].source);
      EXPECT_EQ(found.edges[s].target, expected.edges[s].target);
      EXPECT_EQ(found.edges[s].lag, expected.edges[s].lag);
      EXPECT_EQ(found.edges[s].direction, expected.edges[s].direction);
      EXPECT_NEAR(found.edges[s].weight, expected.edges[s].weight, deterministic ? 0 : 1e-5);
    }
    if (deterministic) {
      EXPECT_EQ(found.weight_BS, expected.weight_BS);
      EXPECT_EQ(found.total_BCC, expected.total_BCC);
    }
  }
}

}  // namespace
}  // namespace dcmmm
