// The graph as a term of a training loss against the same graph from its sufficient statistic.
#include <gtest/gtest.h>

#include "graph/learn_graph.hpp"
#include "tests/graph/graph_panel.hpp"

namespace dcmmm {
namespace {

using testing::graph_panel;
using testing::GraphCase;
using testing::plan_of;
using testing::six_edges;

struct JointCase {
  Panel panel;
  std::unique_ptr<Communicator> alone = make_local_communicator();
  RegionLoop loop;
  GraphOptions options;

  explicit JointCase(const GraphCase& truth, GraphOptions the_options = {})
      : panel(graph_panel(truth)), loop(plan_of(0, panel.regions), *alone), options(std::move(the_options)) {}
  Graph covariance() const { return learn_graph(panel, options, panel.weeks(), 3, loop); }
  /// With `steps` along a descent.
  Graph joint(int64_t steps) const {
    JointGraph joint(panel, options, panel.weeks(), 3, loop);
    advance(*joint.term(), steps, loop);
    return joint.finish();
  }
};

void expect_same(const Graph& found, const Graph& expected, double tolerance) {
  EXPECT_LT(found.h, 1e-8);
  ASSERT_EQ(found.edges.size(), expected.edges.size());
  for (size_t s = 0; s < expected.edges.size(); ++s) {
    EXPECT_EQ(found.edges[s].source, expected.edges[s].source) << s;
    EXPECT_EQ(found.edges[s].target, expected.edges[s].target) << s;
    EXPECT_EQ(found.edges[s].lag, expected.edges[s].lag) << s;
    EXPECT_EQ(found.edges[s].direction, expected.edges[s].direction) << s;
    EXPECT_EQ(found.edges[s].confidence, expected.edges[s].confidence) << s;
    EXPECT_NEAR(found.edges[s].weight, expected.edges[s].weight, tolerance) << s;
  }
  for (size_t i = 0; i < expected.total_CC.size(); ++i) EXPECT_NEAR(found.total_CC[i], expected.total_CC[i], tolerance);
}

TEST(JointGraph, IsTheGraphOfTheCovariance) {
  for (const GraphSolver solver : {GraphSolver::kNotears, GraphSolver::kDagma})
    for (const GraphNoise noise : {GraphNoise::kStudent, GraphNoise::kGaussian}) {
      const JointCase both({.noise = noise, .edges = six_edges(), .seed = 5}, {.solver = solver});
      const Graph expected = both.covariance();
      EXPECT_GE(expected.edges.size(), 5U);
      // None of the steps along a descent, some (what a fit takes), and all.
      for (const int64_t steps : {0, 80, 5000}) expect_same(both.joint(steps), expected, 1e-10);
    }
}

TEST(JointGraph, IsTheGraphOfTheCovarianceWhereVariancesAreEqual) {
  const JointCase both({.noise = GraphNoise::kGaussian, .edges = six_edges(), .seed = 3, .same_scales = true},
                       {.equal_variance = true});
  expect_same(both.joint(40), both.covariance(), 1e-10);
}

// What the regions add up, chunk by chunk, is what the moments give.
TEST(JointGraph, ItsStepsAreThoseOfTheSufficientStatistic) {
  const JointCase both({.noise = GraphNoise::kGaussian, .edges = six_edges(), .seed = 4});
  JointGraph joint(both.panel, both.options, both.panel.weeks(), 3, both.loop);
  const LogSpend spend = log_spend(both.panel, both.panel.weeks(), both.loop);
  const GraphMoments moments =
      graph_moments(spend, 1, 0, 3, std::vector<int64_t>(both.panel.regions, -1), 0, both.loop)[0][0];
  GraphDescent slow(joint.term()->descent().problem(), moments.channels);
  int64_t steps = 0;
  for (; steps < 200 && !slow.is_done(); ++steps) {
    slow.take(innovation_moments(moments, slow.problem(), slow.weight_PC()));
    advance(*joint.term(), steps + 1, both.loop);
    ASSERT_NEAR(joint.term()->loss(), slow.objective(), 1e-9 * std::abs(slow.objective())) << "step " << steps;
    ASSERT_LT((joint.term()->descent().weight_PC() - slow.weight_PC()).cwiseAbs().maxCoeff(), 1e-9) << steps;
  }
  EXPECT_GT(steps, 30);
  EXPECT_GT(slow.weight_PC().cwiseAbs().maxCoeff(), 0.3) << "weights that stay at zero would prove nothing";
}

// The gradient that a step moves along, against differences of the score.
TEST(JointGraph, ItsInnovationsGiveTheScoresGradient) {
  const JointCase both({.edges = six_edges(), .seed = 6});
  const LogSpend spend = log_spend(both.panel, both.panel.weeks(), both.loop);
  const GraphMoments moments =
      graph_moments(spend, 1, 0, 3, std::vector<int64_t>(both.panel.regions, -1), 0, both.loop)[0][0];
  Eigen::MatrixXd weight_PC = Eigen::MatrixXd::Random(12, 6) * 0.2;
  const auto score = [&] { return 0.5 * innovation_moments(moments, {}, weight_PC).variance_C.array().log().sum(); };
  const InnovationMoments at = innovation_moments(moments, {}, weight_PC);
  for (const auto& [i, j] : std::vector<std::pair<int, int>>{{0, 1}, {7, 3}, {11, 5}, {4, 2}}) {
    const double slope = -at.with_PC(i, j) / at.variance_C[j], middle = weight_PC(i, j);
    weight_PC(i, j) = middle + 1e-5;
    const double more = score();
    weight_PC(i, j) = middle - 1e-5;
    EXPECT_NEAR((more - score()) / 2e-5, slope, 1e-6 * (1 + std::abs(slope)));
    weight_PC(i, j) = middle;
  }
}

}  // namespace
}  // namespace dcmmm
