#include "graph/learn_graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <tuple>

#include "common/errors.hpp"
#include "graph/graph.hpp"
#include "tests/fake_ranks.hpp"
#include "tests/graph/graph_panel.hpp"

namespace dcmmm {
namespace {

using testing::graph_panel;
using testing::GraphCase;
using ::testing::HasSubstr;
using testing::plan_of;
using testing::six_edges;
using ::testing::ThrowsMessage;

Graph learn(const Panel& panel, const GraphOptions& options = {}, int64_t weeks = -1) {
  const auto communicator = make_local_communicator();
  return learn_graph(panel, options, weeks < 0 ? panel.weeks() : weeks, 3,
                     RegionLoop(plan_of(0, panel.regions), *communicator));
}

using Pairs = std::set<std::pair<int64_t, int64_t>>;

Pairs directed_pairs(const Graph& graph) {
  Pairs out;
  for (const GraphEdge& edge : graph.edges)
    if (edge.is_directed()) out.insert({edge.source, edge.target});
  return out;
}

Pairs true_pairs(const GraphCase& graph) {
  Pairs out;
  for (const auto& edge : graph.edges) out.insert({edge.source, edge.target});
  return out;
}

int64_t wrong_directions(const Graph& found, const Pairs& truth) {
  const Pairs claimed = directed_pairs(found);
  return std::count_if(claimed.begin(), claimed.end(), [&](const auto& pair) { return !truth.contains(pair); });
}

TEST(LearnGraph, FindsEdgesDirectionsWeightsAndLags) {
  for (const GraphNoise noise : {GraphNoise::kStudent, GraphNoise::kLaplace}) {
    const GraphCase truth{.noise = noise, .edges = six_edges(), .seed = 5};
    const Graph graph = learn(graph_panel(truth));
    EXPECT_LT(graph.h, 1e-8);
    EXPECT_EQ(directed_pairs(graph), true_pairs(truth)) << graph_table(graph, graph_panel(truth).coordinates.channels);
    for (const auto& edge : truth.edges) {
      const auto found = std::find_if(graph.edges.begin(), graph.edges.end(), [&](const GraphEdge& other) {
        return other.source == edge.source && other.target == edge.target && other.lag == edge.lag;
      });
      ASSERT_NE(found, graph.edges.end());
      EXPECT_NEAR(found->weight, edge.weight, 0.06);
      EXPECT_GE(found->confidence, 0.9);
      EXPECT_EQ(found->direction, edge.lag == 0 ? Direction::kNoise : Direction::kTime);
    }
  }
}

TEST(LearnGraph, IsTheSameInOtherUnitsAndByTheOtherSolver) {
  Panel panel = graph_panel({.edges = six_edges(), .seed = 6});
  const Graph graph = learn(panel);
  const auto expect_same = [&](const Graph& other, double tolerance) {
    ASSERT_EQ(graph.edges.size(), other.edges.size());
    for (size_t s = 0; s < graph.edges.size(); ++s) {
      EXPECT_EQ(graph.edges[s].source, other.edges[s].source);
      EXPECT_EQ(graph.edges[s].target, other.edges[s].target);
      EXPECT_EQ(graph.edges[s].direction, other.edges[s].direction);
      EXPECT_NEAR(graph.edges[s].weight, other.edges[s].weight, tolerance);
    }
  };
  expect_same(learn(panel, {.solver = GraphSolver::kDagma}), 1e-9);
  for (size_t i = 1; i < panel.media_RTC.size(); i += 6) panel.media_RTC[i] *= 1000;
  for (size_t i = 4; i < panel.media_RTC.size(); i += 6) panel.media_RTC[i] *= 1e-4;
  expect_same(learn(panel), 1e-5);
}

TEST(LearnGraph, ClaimsNoDirectionThatGaussianNoiseDoesNotGive) {
  int64_t linked = 0, claimed = 0, wrong = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    GraphCase truth{.noise = GraphNoise::kGaussian, .edges = six_edges(), .seed = seed};
    for (auto& edge : truth.edges) edge.lag = 0;
    const Graph graph = learn(graph_panel(truth));
    linked += static_cast<int64_t>(graph.edges.size());
    claimed += static_cast<int64_t>(directed_pairs(graph).size());
    wrong += wrong_directions(graph, true_pairs(truth));
    EXPECT_LT(graph.h, 1e-8);
  }
  EXPECT_GE(linked, 6 * 5);  // seen, but undirected
  EXPECT_LE(5 * wrong, claimed);
}

TEST(LearnGraph, TakesDirectionsFromRegionsWhoseNoiseDiffers) {
  GraphCase truth{.noise = GraphNoise::kGaussian, .edges = six_edges(), .seed = 2, .unequal_regions = true};
  for (auto& edge : truth.edges) edge.lag = 0;
  const Graph graph = learn(graph_panel(truth));
  EXPECT_EQ(wrong_directions(graph, true_pairs(truth)), 0);
  EXPECT_GE(directed_pairs(graph).size(), 5U);
}

TEST(LearnGraph, SeesNoEdgeOfAChannelInRandomOrder) {
  Panel panel = graph_panel({.edges = six_edges(), .seed = 7});
  const size_t cells = panel.media_RTC.size() / 6;
  RandomStream random(1, 1);
  for (size_t i = cells - 1; i > 0; --i)
    std::swap(panel.media_RTC[i * 6 + 1],
              panel.media_RTC[static_cast<size_t>(random.uniform() * static_cast<double>(i + 1)) * 6 + 1]);
  const Graph graph = learn(panel);
  EXPECT_GE(graph.edges.size(), 3U);
  for (const GraphEdge& edge : graph.edges) EXPECT_TRUE(edge.source != 1 && edge.target != 1);
}

TEST(LearnGraph, LooksAtTrainingWeeksOnly) {
  Panel panel = graph_panel({.edges = six_edges(), .seed = 8});
  const Graph graph = learn(panel, {}, 100);
  for (int64_t r = 0; r < panel.regions; ++r)
    for (int64_t i = 100 * 6; i < 110 * 6; ++i) panel.media_RTC[r * 110 * 6 + i] = static_cast<double>(i % 17);
  EXPECT_EQ(learn(panel, {}, 100).weight_BS, graph.weight_BS);
}

TEST(LearnGraph, ObeysWhatTheConfigForbidsAndRequires) {
  const GraphCase truth{.edges = six_edges(), .seed = 5};
  const Panel panel = graph_panel(truth);
  const Graph graph = learn(panel, {.forbidden = {"channel_4->channel_2", "channel_3->channel_0"},
                                    .required = {"channel_2->channel_3", "channel_5->channel_4@1"}});
  const Pairs pairs = directed_pairs(graph);
  EXPECT_FALSE(pairs.contains({4, 2}));
  EXPECT_FALSE(pairs.contains({3, 0}));
  EXPECT_TRUE(pairs.contains({2, 3}));
  EXPECT_TRUE(pairs.contains({5, 4}));
  for (const GraphEdge& edge : graph.edges) {
    const bool is_required = edge.source == 2 && edge.target == 3;
    EXPECT_EQ(edge.direction == Direction::kConfig, is_required || (edge.source == 0 && edge.target == 3));
  }
}

TEST(LearnGraph, WithTheUpperTriangularMaskHasOnlyEdgesToLaterChannels) {
  const Graph graph = learn(graph_panel({.edges = six_edges(), .seed = 5}), {.upper_triangular = true});
  EXPECT_GE(graph.edges.size(), 3U);
  for (const GraphEdge& edge : graph.edges) EXPECT_TRUE(edge.lag > 0 || edge.source < edge.target);
}

TEST(LearnGraph, WithEqualVariancesFindsGaussianDirectionsInTheUnitsOfLogSpend) {
  GraphCase truth{.noise = GraphNoise::kGaussian, .edges = six_edges(), .seed = 3, .same_scales = true};
  const Graph graph = learn(graph_panel(truth), {.equal_variance = true});
  EXPECT_EQ(directed_pairs(graph), true_pairs(truth));
}

TEST(LearnGraph, TotalEffectsFollowAKnownChain) {
  std::vector<double> errors;
  for (const uint64_t seed : {4, 5, 6, 7, 8}) {
    const Graph graph = learn(graph_panel({.edges = {{2, 0, 0, 0.6}, {0, 4, 1, 0.5}, {4, 1, 0, -0.7}}, .seed = seed}));
    // With persistence p a lasting change of one becomes 1 / (1 - p): drawn from the same stream as in graph_panel.
    RandomStream shared(seed, 1 << 20);
    double kept[6];
    for (double& p : kept) {
      shared.uniform(-0.7, 0.7);
      p = shared.uniform(0.1, 0.5);
      shared.uniform(0.0, 0.5);
    }
    const double on_0 = 0.6 / (1 - kept[0]), on_4 = 0.5 / (1 - kept[4]) * on_0, on_1 = -0.7 / (1 - kept[1]) * on_4;
    for (const auto& [target, expected] : {std::pair(0, on_0), std::pair(4, on_4), std::pair(1, on_1)})
      errors.push_back(std::abs(graph.total_CC[2 * 6 + target] / expected - 1));
    EXPECT_EQ(graph.total_CC[1 * 6 + 2], 0.0);
  }
  std::sort(errors.begin(), errors.end());
  EXPECT_LT(errors[errors.size() / 2], 0.1);
  EXPECT_LT(errors.back(), 0.3);
}

TEST(LearnGraph, IsTheSameOnAnyRanks) {
  const Panel panel = graph_panel({.regions = 23, .weeks = 60, .edges = six_edges(), .seed = 9});
  const Graph alone = learn(panel);
  ASSERT_GE(alone.edges.size(), 3U);
  for (const int ranks : {2, 3}) {
    on_fake_ranks(ranks, [&](Communicator& communicator) {
      const int64_t first = 23 * communicator.rank() / ranks, end = 23 * (communicator.rank() + 1) / ranks;
      const Graph graph = learn_graph(slice_regions(panel, first, end - first), {}, 60, 3,
                                      RegionLoop(plan_of(first, end - first, 4), communicator));
      EXPECT_EQ(directed_pairs(graph), directed_pairs(alone));
      ASSERT_EQ(graph.weight_BS.size(), alone.weight_BS.size());
      for (size_t i = 0; i < alone.weight_BS.size(); ++i) EXPECT_NEAR(graph.weight_BS[i], alone.weight_BS[i], 1e-5);
    });
  }
}

TEST(LearnGraph, SeesWhereAGroupOfRegionsDiffers) {
  // 60 regions of one kind, 40 in which 5 -> 4 a week later is new.
  const GraphCase most{.regions = 60, .edges = six_edges(), .seed = 3};
  GraphCase others{.regions = 40, .edges = six_edges(), .seed = 3};
  others.edges.push_back({5, 4, 1, 0.5});
  Panel panel = graph_panel(most);
  const Panel more = graph_panel(others);
  GraphOptions options;
  for (int64_t r = 0; r < 40; ++r) {
    panel.coordinates.regions.push_back("other_" + std::to_string(r));
    options.group_of[panel.coordinates.regions.back()] = "others";
  }
  for (int64_t r = 0; r < 60; ++r) options.group_of[panel.coordinates.regions[r]] = "most";
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(panel.observed_RT, more.observed_RT);
  append(panel.target_RT, more.target_RT);
  append(panel.media_RTC, more.media_RTC);
  panel.regions = 100;
  const Graph graph = learn(panel, options);
  std::set<std::tuple<std::string, int64_t, int64_t, int64_t>> strong;
  for (const GroupDifference& edge : graph.differences)
    if (std::abs(edge.weight - edge.shared_weight) > 0.15)
      strong.insert({edge.group, edge.source, edge.target, edge.lag});
  EXPECT_EQ(strong, (decltype(strong){{"others", 5, 4, 1}, {"most", 5, 4, 1}}))
      << graph_table(graph, panel.coordinates.channels);
  for (const GroupDifference& edge : graph.differences)
    if (strong.contains({edge.group, edge.source, edge.target, edge.lag})) {
      EXPECT_NEAR(edge.weight, edge.group == "others" ? 0.5 : 0.0, 0.06);
    }
  // Without a difference none is seen.
  Panel alike = graph_panel({.regions = 100, .edges = six_edges(), .seed = 3});
  alike.coordinates.regions = panel.coordinates.regions;
  EXPECT_TRUE(learn(alike, options).differences.empty());
  options.group_of["nowhere"] = "most";
  EXPECT_THAT([&] { learn(panel, options); }, ThrowsMessage<UserError>(HasSubstr("names 'nowhere'")));
}

TEST(LearnGraph, OfTooFewRowsIsEmpty) {
  const Graph graph = learn(graph_panel({.regions = 2, .weeks = 9, .seed = 1}));
  EXPECT_TRUE(graph.edges.empty());
  EXPECT_EQ(graph.total_CC[0], 1.0);
}

TEST(LearnGraph, RefusesRulesThatCannotHold) {
  const Panel panel = graph_panel({.regions = 12, .weeks = 20});
  const auto with = [&](std::vector<std::string> forbidden, std::vector<std::string> required) {
    return [=, &panel] { learn(panel, {.forbidden = forbidden, .required = required}); };
  };
  EXPECT_THAT(with({"chanel_1->channel_2"}, {}),
              ThrowsMessage<UserError>(HasSubstr("'model.dag.forbidden' holds 'chanel_1->channel_2': the panel has no "
                                                 "channel 'chanel_1'. Did you mean 'channel_1'?")));
  EXPECT_THAT(with({}, {"channel_1"}), ThrowsMessage<UserError>(HasSubstr("expected an edge such as 'tv->search'")));
  EXPECT_THAT(with({}, {"channel_1->channel_2@2"}), ThrowsMessage<UserError>(HasSubstr("a lag of 0 to 1")));
  EXPECT_THAT(with({}, {"channel_1->channel_1"}), ThrowsMessage<UserError>(HasSubstr("two different channels")));
  EXPECT_THAT(with({"channel_1->channel_2"}, {"channel_1->channel_2"}),
              ThrowsMessage<UserError>(HasSubstr("rules out")));
  EXPECT_THAT(with({}, {"channel_1->channel_2", "channel_2->channel_3", "channel_3->channel_1"}),
              ThrowsMessage<UserError>(HasSubstr("cycle")));
}

}  // namespace
}  // namespace dcmmm
