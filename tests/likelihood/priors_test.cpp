// What is known of channels and controls from outside.
#include <gmock/gmock.h>

#include <Eigen/Dense>

#include "likelihood/likelihood_fit.hpp"
#include "likelihood_case.hpp"

namespace dcmmm {
namespace {

using testing::likelihood_case;

class Priors : public ::testing::Test {
 protected:
  FixedCovariance covariance_at(const Shapes& shapes) {
    return fix_covariance(case_.data, initial_components(true, true, true),
                          freeze(case_.data, shapes, Eigen::Vector2d(0.15, 0.1), true, loop_), loop_);
  }
  Mode mode_at(const Shapes& shapes, const Shapes& center) {
    return find_mode(case_.data, options_, covariance_at(center), shapes, center, 0, loop_);
  }

  std::unique_ptr<Communicator> communicator_ = make_local_communicator();
  testing::LikelihoodCase case_ = likelihood_case(6, 70);
  RegionLoop loop_{testing::plan_of(6, 4), *communicator_};
  LikelihoodOptions options_;
};

TEST_F(Priors, OfCurvesAreInNaturalUnits) {
  options_.channel_priors.resize(2);
  options_.channel_priors[1] = {{}, GaussianPrior{0.7, 0.02}, GaussianPrior{1.8, 0.05}, GaussianPrior{1.5, 0.1}};
  const Shapes center = initial_shapes(options_, 2);
  const Eigen::VectorXd sd = prior_sd_of_shapes(options_, 2);
  EXPECT_DOUBLE_EQ(center.decay(0), options_.decay);
  EXPECT_EQ(sd[0], options_.decay_prior_sd);
  EXPECT_NEAR(center.decay(1), 0.7, 1e-12);
  EXPECT_NEAR(center.exponent(1), 1.8, 1e-12);
  EXPECT_NEAR(center.half_saturation(1), 1.5, 1e-12);
  // A coordinate one sd up is, to first order, one sd up in natural units.
  Shapes moved = center;
  for (const int64_t i : {1, 3, 5}) moved.coordinates[i] += 0.01 * sd[i];
  EXPECT_NEAR(moved.decay(1) - 0.7, 0.01 * 0.02, 1e-6);
  EXPECT_NEAR(moved.exponent(1) - 1.8, 0.01 * 0.05, 1e-6);
  EXPECT_NEAR(moved.half_saturation(1) - 1.5, 0.01 * 0.1, 1e-5);
}

TEST_F(Priors, OfExponentsVaryTogetherUnlessTheirOwnIsKnown) {
  options_.channel_priors.resize(3);
  options_.channel_priors[1].exponent = GaussianPrior{1.8, 0.05};
  const Eigen::VectorXd sd = prior_sd_of_shapes(options_, 3);
  const Eigen::MatrixXd covariance = prior_precision_of_shapes(options_, 3).inverse();
  Eigen::MatrixXd expected = sd.cwiseAbs2().asDiagonal();
  expected(3, 5) = expected(5, 3) = options_.exponent_correlation * sd[3] * sd[5];  // of channels 0 and 2
  EXPECT_LT((covariance - expected).cwiseAbs().maxCoeff(), 1e-9);
}

TEST_F(Priors, AnRoiPullsTheShareByItsPrecision) {
  // With the curves held, the share under two priors differs as two normal measurements say.
  case_.data.spend_C = {0.1 * case_.data.total_target, 0.2 * case_.data.total_target};
  const Shapes& at = case_.truth;
  options_.channel_priors.assign(2, {});
  options_.channel_priors[0].roi = GaussianPrior{0, 1e6};
  const Mode free = mode_at(at, at);
  const int64_t L = free.linear.size();
  const double variance = free.curvature.topLeftCorner(L, L).inverse()(0, 0);
  options_.channel_priors[0].roi = GaussianPrior{4, 10 * std::sqrt(variance)};  // sd of the share: that of the data
  const Mode pulled = mode_at(at, at);
  EXPECT_NEAR(pulled.linear[0], 0.5 * (free.linear[0] + 4 * 0.1), 1e-6);
  EXPECT_NE(pulled.linear[1], free.linear[1]);
}

TEST_F(Priors, GradientOfTheProfileAgreesWithFiniteDifferences) {
  case_.data.spend_C = {0.1 * case_.data.total_target, 0.2 * case_.data.total_target};
  options_.channel_priors.resize(2);
  options_.channel_priors[0].roi = GaussianPrior{4, 0.1};
  options_.channel_priors[1].decay = GaussianPrior{0.7, 0.02};
  options_.control_signs = {-1};
  const Shapes center = initial_shapes(options_, 2);
  const Mode here = mode_at(center, center);
  EXPECT_EQ(here.linear[2], 0);  // the control's true effect is positive
  for (int64_t i = 0; i < 6; ++i) {
    Shapes above = center, below = center;
    above.coordinates[i] += 1e-5;
    below.coordinates[i] -= 1e-5;
    const double slope = here.gradient[here.linear.size() + i];
    EXPECT_NEAR(-slope, (mode_at(above, center).objective - mode_at(below, center).objective) / 2e-5,
                1e-3 * (1 + std::abs(slope)));
  }
}

TEST_F(Priors, SignsHoldTheControlOnTheirSide) {
  const double free = mode_at(case_.truth, case_.truth).linear[2];
  ASSERT_GT(free, 0.005);
  options_.control_signs = {1};
  EXPECT_NEAR(mode_at(case_.truth, case_.truth).linear[2], free, 1e-9);
  options_.control_signs = {-1};
  EXPECT_EQ(mode_at(case_.truth, case_.truth).linear[2], 0);
  for (int64_t i = 0; i < std::ssize(case_.data.control_RTK); ++i) case_.data.control_RTK[i] *= -1;
  EXPECT_NEAR(mode_at(case_.truth, case_.truth).linear[2], -free, 1e-9);
}

TEST_F(Priors, OfTheComponentsAPriorMeanIsTheSameAsATargetWithoutIt) {
  // A channel with the prior N(mu, sd) is one with N(0, sd) on a target from which its mean effect was taken.
  LikelihoodData& data = case_.data;
  const double mu = 0.15;
  const Frozen frozen = freeze(data, case_.truth, Eigen::Vector2d(0.15, 0.1), false, loop_);
  const auto negative_log = [&](const LikelihoodData& of, double mean, double sd) {
    LikelihoodOptions options;
    options.channel_priors.resize(2);
    options.channel_priors[0].roi = GaussianPrior{mean, sd};
    options.channel_priors[1].roi = GaussianPrior{0, sd};
    Frozen at = frozen;
    return estimate_components(of, options, at, initial_components(true, true, false), 6, 1, loop_).negative_log;
  };
  data.spend_C = {data.total_target, data.total_target};  // so that an ROI is a share
  LikelihoodData without = data;
  const ColumnLayout layout{2, 1, 2};
  for (int64_t r = 0; r < data.regions; ++r) {
    RowMatrix columns(data.origin, layout.count());
    fill_columns(data, layout, case_.truth, nullptr, r, columns);
    for (int64_t t = 0; t < data.origin; ++t)
      if (data.weight_RT[r * data.weeks + t] > 0)
        without.target_RT[r * data.weeks + t] -= mu * columns(t, 0) / frozen.mean_C[0];
  }
  // Shares are of what is left: sds grow by as much as the target has shrunk.
  EXPECT_NEAR(negative_log(data, mu, 0.05), negative_log(without, 0, 0.05 / (1 - mu)), 1e-6);
  EXPECT_GT(std::abs(negative_log(data, 0, 0.05) - negative_log(data, mu, 0.05)), 1e-3);
}

}  // namespace
}  // namespace dcmmm
