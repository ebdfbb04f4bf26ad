// What the descent makes of lift tests, and that the graph's term goes along without touching the model.
// E members, X experiments.
#include <gtest/gtest.h>

#include <numeric>

#include "graph/learn_graph.hpp"
#include "tests/trainer/fit_case.hpp"

namespace dcmmm {
namespace {

using testing::FitCase;
using testing::mmm_panel;
using testing::quick_model;
using testing::quick_trainer;

constexpr int64_t kRegions = 12, kWeeks = 70, kOrigin = 62;

struct Lift {
  double fitted, panel, panel_sd;
};

// The descent's lift of channel 0 in weeks 10 to 49 of all regions, with a measurement of it. `curves`: their priors'
// standard deviations.
Lift fitted_lift(double lift, double error, double curves = 0.5, int64_t steps = 80) {
  ModelOptions model = quick_model();
  model.decay_prior_sd = model.exponent_prior_sd = model.half_saturation_prior_sd = curves;
  model.region_coefficient_sd = 1e-3;  // else regions' own slopes make every test a wide one
  std::vector<int64_t> regions(kRegions);
  std::iota(regions.begin(), regions.end(), int64_t{0});
  model.knowledge.experiments = {{"test", 0, regions, 10, 49, lift, error}};
  FitCase run(mmm_panel(kRegions, kWeeks, 3, 2), model, quick_trainer(steps), kOrigin, {1});
  train(*run.fit, {});
  const std::vector<ExperimentReport> reports = experiment_reports(*run.fit);
  EXPECT_EQ(reports.size(), 1U);
  return {reports[0].fitted, reports[0].panel, reports[0].panel_sd};
}

TEST(Knowledge, MovesTheDescentByWhatThePrecisionsImply) {
  // At held curves: free ones give way as well, and the panel's sd doesn't count that.
  const Lift alone = fitted_lift(0, 1e12, 0.001);
  for (const double width : {0.5, 1.0, 2.0}) {
    const double error = width * alone.panel_sd, away = alone.panel_sd;
    const double moved = (fitted_lift(alone.fitted + away, error, 0.001).fitted - alone.fitted) / away;
    const double implied = 1 / (1 + width * width);
    EXPECT_NEAR(moved / implied, 1, 0.15) << "error " << width << " of the panel's";
  }
}

TEST(Knowledge, OfASharpTestIsMetByTheDescent) {
  const Lift alone = fitted_lift(0, 1e12);
  const double measured = 1.3 * alone.fitted;
  EXPECT_NEAR(fitted_lift(measured, 0.05 * alone.panel_sd).fitted, measured, 0.03 * measured);
}

TEST(Knowledge, OfATestThatIsntOverCountsForNoShadow) {
  ModelOptions model = quick_model();
  model.knowledge.experiments = {{"late", 1, {0, 1, 2, 3}, 40, kOrigin - 1, 100.0, 10.0}};
  FitCase run(mmm_panel(kRegions, kWeeks, 3, 2), model, quick_trainer(5), kOrigin, {1});
  ASSERT_TRUE(run.fit->has_shadows());
  EXPECT_TRUE(run.fit->data.lifts[0].counts_for(0));
  EXPECT_FALSE(run.fit->data.lifts[0].counts_for(1));
  EXPECT_EQ(run.fit->anchor.lift_sd_EX[1], 0);
}

TEST(GraphTerm, GoesAlongWithoutTouchingTheModel) {
  FitCase plain(mmm_panel(kRegions, kWeeks, 3, 2), quick_model(), quick_trainer(), kOrigin, {1}),
      joint(mmm_panel(kRegions, kWeeks, 3, 2), quick_model(), quick_trainer(), kOrigin, {1});
  train(*plain.fit, {});
  JointGraph graph(*joint.panel, {}, kOrigin, 1, joint.fit->loop);
  ASSERT_NE(graph.term(), nullptr);
  train(*joint.fit, {}, graph.term());
  EXPECT_EQ(graph.term()->steps(), 16);
  EXPECT_TRUE(at::equal(plain.fit->state.shared_EP, joint.fit->state.shared_EP));
  EXPECT_TRUE(at::equal(plain.fit->state.local_ERL, joint.fit->state.local_ERL));
  for (size_t i = 0; i < plain.fit->history.size(); ++i) {
    const HistoryRow &without = plain.fit->history[i], &with = joint.fit->history[i];
    EXPECT_NE(with.graph, 0);
    EXPECT_EQ(with.loss, without.loss + with.graph);
  }
  // A run that is resumed takes its steps again.
  JointGraph again(*joint.panel, {}, kOrigin, 1, joint.fit->loop);
  train(*joint.fit, {}, again.term());
  EXPECT_EQ(again.term()->steps(), 16);
  EXPECT_EQ(again.term()->descent().weight_PC(), graph.term()->descent().weight_PC());
}

}  // namespace
}  // namespace dcmmm
