#include "likelihood/experiments.hpp"

#include <gmock/gmock.h>

#include <Eigen/Dense>

#include "likelihood/curve_sampler.hpp"
#include "likelihood/drift_objective.hpp"
#include "likelihood/likelihood_fit.hpp"
#include "likelihood_case.hpp"
#include "model/kernels/media.hpp"

namespace dcmmm {
namespace {

using testing::likelihood_case;

// What a channel's response is in a week, by plain loops over what came before.
double slow_response(const LikelihoodData& data, const Shapes& shapes, int64_t region, int64_t channel, int64_t week,
                     int64_t off_from, int64_t off_to) {
  double carried = 0;
  for (int64_t t = 0; t <= week; ++t) {
    const double media = data.media_RTC[(region * data.weeks + t) * data.channels + channel];
    carried += (1 - shapes.decay(channel)) * std::pow(shapes.decay(channel), static_cast<double>(week - t)) *
               (t >= off_from && t <= off_to ? 0.0 : media);
  }
  return 1 /
         (1 + std::pow((carried + kernels::kHillOffset) / shapes.half_saturation(channel), -shapes.exponent(channel)));
}

class Experiments : public ::testing::Test {
 protected:
  Experiments() {
    case_.data.experiments = {{"north", 1, {0, 2, 3, 5}, 20, 31, 900.0, 50.0},
                              {"all", 0, {0, 1, 2, 3, 4, 5}, 0, 9, 2500.0, 100.0}};
  }

  FixedCovariance covariance_at(const Shapes& shapes) {
    return fix_covariance(case_.data, initial_components(true, true, true),
                          freeze(case_.data, shapes, Eigen::Vector2d(0.15, 0.1), true, loop_), loop_);
  }

  std::unique_ptr<Communicator> communicator_ = make_local_communicator();
  testing::LikelihoodCase case_ = likelihood_case(6, 70);
  RegionLoop loop_{testing::plan_of(6, 4), *communicator_};
  LikelihoodOptions options_;
};

TEST_F(Experiments, RowsAreSumsOverTheirRegionsAndWeeks) {
  const LikelihoodData& data = case_.data;
  const FixedCovariance covariance = covariance_at(initial_shapes(options_, 2));
  const Frozen& frozen = covariance.frozen;
  const ColumnLayout layout{2, 1, 2, 3, true, frozen.waves.count()};
  const ExperimentRows rows = experiment_rows(data, layout, case_.truth, frozen, covariance.components, loop_);
  const RowMatrix weekly = weekly_lifts(data, case_.truth, loop_);
  for (int64_t e = 0; e < 2; ++e) {
    const Experiment& test = data.experiments[e];
    const int64_t c = test.channel;
    double lift = 0, wave = 0, squares = 0;
    for (const int64_t r : test.regions) {
      double at_frozen = 0;
      for (int64_t t = test.first_week; t <= test.last_week; ++t) {
        const auto difference = [&](const Shapes& shapes) {
          return data.size_R[r] * (slow_response(data, shapes, r, c, t, 1000, 1000) -
                                   slow_response(data, shapes, r, c, t, test.first_week, test.last_week));
        };
        lift += difference(case_.truth);
        at_frozen += difference(frozen.shapes);
        wave += difference(frozen.shapes) * frozen.share_C[c] / frozen.mean_C[c] *
                (frozen.waves.value_NB(t, 1) - frozen.wave_mean_CB(c, 1));
      }
      squares += at_frozen * at_frozen;
    }
    EXPECT_NEAR(rows.row_EP(e, c), lift, 1e-5 * lift);
    EXPECT_NEAR(weekly.row(e).sum(), lift, 1e-5 * lift);
    EXPECT_NEAR(rows.row_EP(e, layout.wave(c, 1)), wave, 1e-4 * lift);
    EXPECT_EQ(rows.row_EP(e, layout.media(1 - c)), 0);
    EXPECT_EQ(rows.row_EP(e, layout.target()), test.lift);
    const double slope = 0.2 * frozen.share_C[c] / frozen.mean_C[c];
    EXPECT_NEAR(rows.variance_E[e], test.standard_error * test.standard_error + slope * slope * squares,
                1e-5 * rows.variance_E[e]);
    for (int64_t block = 0; block < 3; ++block) {  // derivatives by the curves' coordinates
      const auto at = [&](double step) {
        Shapes moved = case_.truth;
        moved.coordinates[block * 2 + c] += step;
        return experiment_rows(data, layout, moved, frozen, covariance.components, loop_).row_EP(e, c);
      };
      EXPECT_NEAR(rows.row_EP(e, layout.derivative(block, c)), (at(1e-5) - at(-1e-5)) / 2e-5, 1e-5 * lift);
    }
  }
}

TEST_F(Experiments, GradientOfTheProfileAgreesWithFiniteDifferences) {
  const Shapes start = initial_shapes(options_, 2);
  for (Experiment& test : case_.data.experiments) test.standard_error /= 10;  // they decide, the panel hardly does
  const FixedCovariance covariance = covariance_at(start);
  const auto objective = [&](const Shapes& shapes) {
    return find_mode(case_.data, options_, covariance, shapes, start, 0, loop_).objective;
  };
  const Mode here = find_mode(case_.data, options_, covariance, start, start, 0, loop_);
  ASSERT_GT(here.linear.head(2).minCoeff(), 0);
  FixedCovariance without = covariance;
  without.experiments = false;
  const Mode panel = find_mode(case_.data, options_, without, start, start, 0, loop_);
  EXPECT_GT((here.gradient - panel.gradient).tail(6).norm(), panel.gradient.tail(6).norm());
  for (int64_t i = 0; i < 6; ++i) {
    Shapes above = start, below = start;
    above.coordinates[i] += 1e-5;
    below.coordinates[i] -= 1e-5;
    const double slope = here.gradient[here.linear.size() + i];
    EXPECT_NEAR(-slope, (objective(above) - objective(below)) / 2e-5, 1e-3 * (1 + std::abs(slope)));
  }
}

TEST_F(Experiments, AFewPercentMoveTheLiftByWhatThePrecisionsImply) {
  // With the curves held, everything is linear and the rule exact.
  const Shapes& at = case_.truth;
  case_.data.experiments.resize(1);
  FixedCovariance covariance = covariance_at(at);
  covariance.experiments = false;
  const Mode panel = find_mode(case_.data, options_, covariance, at, at, 0, loop_);
  const int64_t L = panel.linear.size();
  const Eigen::VectorXd gradient = panel.lift_gradient_EA.row(0).head(L);
  const double variance = gradient.dot(panel.curvature.topLeftCorner(L, L).llt().solve(gradient));
  Experiment& test = case_.data.experiments[0];
  for (const double ratio : {0.5, 2.0}) {
    const double own = panel.lift_variance_E[0] - 50.0 * 50.0;  // of the regions' slopes
    test.standard_error = std::sqrt(std::max(ratio * ratio * variance - own, 1.0));
    test.lift = 1.1 * panel.lift_E[0];
    covariance.experiments = true;
    const Mode both = find_mode(case_.data, options_, covariance, at, at, 0, loop_);
    const double weight = variance / (variance + own + test.standard_error * test.standard_error);
    EXPECT_NEAR((both.lift_E[0] - panel.lift_E[0]) / (test.lift - panel.lift_E[0]), weight, 1e-6);
  }
}

TEST_F(Experiments, TheChainKnowsThemAsItsDrawsReweighted) {
  // Curves are free and the posterior is skewed, so two normals' precisions no longer say where a test of the panel's
  // own sd moves the lift; Bayes' rule on draws of the panel alone does.
  case_.data.experiments.resize(1);
  Experiment& test = case_.data.experiments[0];
  const Shapes center = initial_shapes(options_, 2);
  FixedCovariance covariance = covariance_at(center);
  const auto lifts = [&](bool with_test, uint64_t seed) {
    covariance.experiments = with_test;
    const Mode mode = find_mode(case_.data, options_, covariance, center, center, 20, loop_);
    const CurveEvidence evidence(case_.data, options_, covariance, center, loop_);
    return Eigen::ArrayXd(sample_curves(evidence, mode, 2500, seed).lift_DE.col(0));
  };
  const auto sd_of = [](const Eigen::ArrayXd& values) { return std::sqrt((values - values.mean()).square().mean()); };
  const Eigen::ArrayXd alone = lifts(false, 1);
  test.standard_error = sd_of(alone);
  test.lift = alone.mean() + 2 * sd_of(alone);
  const double variance = experiment_rows(case_.data, {2, 1, 2, 0, true, covariance.frozen.waves.count()}, center,
                                          covariance.frozen, covariance.components, loop_)
                              .variance_E[0];
  Eigen::ArrayXd weight = (-0.5 * (test.lift - alone).square() / variance).exp();
  weight /= weight.sum();
  const double mean = (weight * alone).sum(), sd = std::sqrt((weight * (alone - mean).square()).sum());
  ASSERT_GT(mean, alone.mean() + 0.5 * sd_of(alone));
  const Eigen::ArrayXd both = lifts(true, 2);
  EXPECT_NEAR(both.mean(), mean, 0.15 * sd);
  EXPECT_NEAR(sd_of(both), sd, 0.15 * sd);
}

TEST_F(Experiments, TheDriftsObjectiveKnowsThem) {
  const FixedCovariance covariance = covariance_at(case_.truth);
  const Mode mode = find_mode(case_.data, options_, covariance, case_.truth, case_.truth, 0, loop_);
  const DriftObjective objective(case_.data, options_, covariance, mode, 6, loop_);
  LikelihoodData silent = case_.data;
  silent.experiments.clear();
  const DriftObjective of_panel(silent, options_, covariance, mode, 6, loop_);
  const int64_t T = case_.data.origin;
  RowMatrix path(T, 2), gradient(T, 2), other(T, 2);
  RandomStream random(5, 6);
  for (int64_t i = 0; i < path.size(); ++i) path.data()[i] = 0.1 * random.normal();
  // The difference is the experiments' squares, nothing else.
  const RowMatrix weekly = weekly_lifts(case_.data, mode.shapes, loop_);
  double squares = 0;
  for (int64_t e = 0; e < 2; ++e) {
    const Experiment& test = case_.data.experiments[e];
    double lift = 0;
    for (int64_t t = 0; t < T; ++t) lift += mode.coefficient(test.channel) * weekly(e, t) * (1 + path(t, test.channel));
    squares += std::pow(test.lift - lift, 2) / mode.lift_variance_E[e];
  }
  const double value = objective.value(path, gradient);
  EXPECT_NEAR(value - of_panel.value(path, other), 0.5 * squares, 1e-6 * value);
  for (const auto& [t, c] : {std::pair{25, 1}, {3, 0}, {50, 0}}) {
    const double here = path(t, c);
    path(t, c) = here + 1e-3;
    const double above = objective.value(path, other);
    path(t, c) = here - 1e-3;
    const double below = objective.value(path, other);
    path(t, c) = here;
    EXPECT_NEAR((above - below) / 2e-3, gradient(t, c), 1e-5 * (1 + std::abs(gradient(t, c))));
  }
}

TEST(LikelihoodFit, ListensToExperimentsAndDoubtsOneThatIsFarOff) {
  const auto sample = likelihood_case(20, 110, 5);
  const auto communicator = make_local_communicator();
  LikelihoodOptions options;
  options.drift = Drift::kWaves;
  std::vector<int64_t> everywhere(20);
  for (int64_t r = 0; r < 20; ++r) everywhere[r] = r;
  const auto fit = [&](std::vector<Experiment> experiments, int64_t chunk = 64) {
    LikelihoodData data = sample.data;
    data.experiments = std::move(experiments);
    return fit_likelihood(data, options, {std::nullopt}, 20, 0, RegionLoop(testing::plan_of(20, chunk), *communicator),
                          {});
  };
  const Experiment blunt{"blunt", 0, everywhere, 10, 40, 0.0, 1e9};
  const LikelihoodFit alone = fit({}), predicted = fit({blunt});
  // One that knows nothing changes nothing, and shows what the panel says.
  EXPECT_NEAR(predicted.members[0].mode.linear[0], alone.members[0].mode.linear[0], 2e-3);
  const ExperimentReport& panel = predicted.experiments[0];
  EXPECT_NEAR(panel.fitted, panel.panel, 0.5 * panel.panel_sd);
  EXPECT_FALSE(panel.is_doubtful());

  Experiment sharp = blunt;
  sharp.lift = panel.panel + panel.panel_sd;
  sharp.standard_error = 0.1 * panel.panel_sd;
  const LikelihoodFit listened = fit({sharp});
  EXPECT_EQ(listened.experiments[0].panel, panel.panel);
  EXPECT_GT(listened.experiments[0].fitted, panel.panel);
  EXPECT_FALSE(listened.experiments[0].is_doubtful());
  const LikelihoodFit single = fit({sharp}, 1);
  EXPECT_NEAR(single.experiments[0].fitted, listened.experiments[0].fitted, 1e-4 * panel.panel);

  Experiment wrong = sharp;
  wrong.lift = panel.panel + 8 * panel.panel_sd;
  wrong.standard_error = panel.panel_sd;
  const LikelihoodFit doubted = fit({wrong});
  EXPECT_TRUE(doubted.experiments[0].is_doubtful());
  EXPECT_GT(doubted.experiments[0].surprise(), 3);
}

}  // namespace
}  // namespace dcmmm
