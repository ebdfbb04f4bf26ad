#include "likelihood/gauss_newton.hpp"

#include <gmock/gmock.h>

#include <Eigen/LU>

#include "likelihood/carry_over.hpp"
#include "likelihood/draws.hpp"
#include "likelihood/likelihood_fit.hpp"
#include "likelihood/robust.hpp"
#include "likelihood_case.hpp"

namespace dcmmm {
namespace {

using testing::likelihood_case;

TEST(Columns, DerivativesAgreeWithFiniteDifferences) {
  const auto sample = likelihood_case(2, 30);
  Shapes delayed = sample.truth;  // the second channel's carry-over peaks after 2.2 weeks
  delayed.delayed_channels = {1};
  delayed.max_lag = 7;
  delayed.coordinates.conservativeResize(8);
  delayed.coordinates.tail(2) << 0.3, -0.55;
  Shapes cut = sample.truth;  // of exponents 1.8 and 2.6
  cut.max_exponent = 2.2;
  EXPECT_EQ(cut.exponent(0), sample.truth.exponent(0));
  EXPECT_EQ(cut.exponent(1), 2.2);
  for (const Shapes& shapes : {sample.truth, delayed, cut}) {
    const ColumnLayout layout{2, 1, 2, shapes.blocks(), false};
    RowMatrix columns(20, layout.count()), above = columns, below = columns;
    fill_columns(sample.data, layout, shapes, nullptr, 0, columns);
    for (int64_t block = 0; block < shapes.blocks(); ++block)
      for (int64_t c = 0; c < 2; ++c) {
        Shapes moved = shapes;
        moved.coordinates[block * 2 + c] += 1e-6;
        fill_columns(sample.data, layout, moved, nullptr, 0, above);
        moved.coordinates[block * 2 + c] -= 2e-6;
        fill_columns(sample.data, layout, moved, nullptr, 0, below);
        for (int64_t t = 0; t < 20; ++t)
          EXPECT_NEAR(columns(t, layout.derivative(block, c)), (above(t, c) - below(t, c)) / 2e-6, 1e-7);
      }
  }
}

// Huber's weights are a fixed point: an outlier's weight of before doesn't excuse it from the next one.
TEST(Scales, AnOutliersWeightSettles) {
  auto sample = likelihood_case(6, 60);
  LikelihoodData& data = sample.data;
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(6, 64), *communicator);
  Components components = initial_components(true, true, false);
  components[Component::kNoise] = std::log(0.03);
  components[Component::kLevel] = std::log(0.02);
  int64_t cell = 2 * data.weeks + 20;
  while (data.weight_RT[cell] == 0) ++cell;
  data.target_RT[cell] += 25 * 0.03;
  const LikelihoodOptions options;
  std::vector<double> weights;
  for (int round = 0; round < 4; ++round) {
    const FixedCovariance covariance = fix_covariance(
        data, components, freeze(data, sample.truth, Eigen::VectorXd::Constant(2, 0.1), false, loop), loop);
    const Mode mode = find_mode(data, options, covariance, sample.truth, sample.truth, 0, loop);
    data.error_scale_R.assign(6, 1.0);
    refresh_scales(data, covariance, mode, loop);
    weights.push_back(data.weight_RT[cell]);
  }
  EXPECT_LT(weights[0], 0.2);
  EXPECT_LT(weights[1], weights[0]);  // the level no longer follows the cell
  for (const int round : {1, 2}) EXPECT_NEAR(weights[round], weights[3], 0.1 * weights[3]);
}

TEST(Columns, OfReachAndFrequencyAreTheReachTimesTheFrequencysCurveCarriedOver) {
  auto sample = likelihood_case(2, 30);
  LikelihoodData& data = sample.data;
  data.has_frequency_C = {0, 1};
  RandomStream random(5, 1);
  for (size_t i = 0; i < data.media_RTC.size(); ++i)
    data.frequency_RTC.push_back(static_cast<float>(std::exp(0.5 * random.normal())));
  const ColumnLayout layout{2, 1, 2, 3, false};
  RowMatrix columns(20, layout.count()), above = columns, below = columns, plain = columns;
  fill_columns(data, layout, sample.truth, nullptr, 1, columns);
  double carried = 0;
  for (int64_t t = 0; t < 20; ++t) {
    const auto cell = static_cast<size_t>((data.weeks + t) * 2 + 1);
    const double ratio = (data.frequency_RTC[cell] + 1e-4) / sample.truth.half_saturation(1);
    carried += (1 - sample.truth.decay(1)) *
               (data.media_RTC[cell] / (1 + std::pow(ratio, -sample.truth.exponent(1))) - carried);
    EXPECT_NEAR(columns(t, 1), carried, 1e-6);
  }
  for (int64_t block = 0; block < 3; ++block) {
    Shapes moved = sample.truth;
    moved.coordinates[block * 2 + 1] += 1e-3;
    fill_columns(data, layout, moved, nullptr, 1, above);
    moved.coordinates[block * 2 + 1] -= 2e-3;
    fill_columns(data, layout, moved, nullptr, 1, below);
    for (int64_t t = 0; t < 20; ++t)  // media are float
      EXPECT_NEAR(columns(t, layout.derivative(block, 1)), (above(t, 1) - below(t, 1)) / 2e-3, 1e-3);
  }
  data.has_frequency_C.clear();
  fill_columns(data, layout, sample.truth, nullptr, 1, plain);
  EXPECT_TRUE(plain.col(0).isApprox(columns.col(0))) << "other channels are as before";
  EXPECT_FALSE(plain.col(1).isApprox(columns.col(1)));
}

TEST(CarryOver, DelayedWeightsArePlainSums) {
  const std::vector<float> media = {1, 0, 2, 0, 0, 3, 1, 0};
  CarriedMedia carried;
  carry_delayed({media.data(), 1}, 0.6, 1.5, 4, 8, carried);
  double sum = 0;
  for (int l = 0; l < 4; ++l) sum += std::pow(0.6, std::pow(l - 1.5, 2));
  for (int t = 0; t < 8; ++t) {
    double expected = 0;
    for (int l = 0; l < std::min(4, t + 1); ++l) expected += std::pow(0.6, std::pow(l - 1.5, 2)) / sum * media[t - l];
    EXPECT_NEAR(carried.adstock_T[t], expected, 1e-12);
  }
}

class Modes : public ::testing::Test {
 protected:
  std::unique_ptr<Communicator> communicator_ = make_local_communicator();
  testing::LikelihoodCase case_ = likelihood_case(6, 70);
  RegionLoop loop_{testing::plan_of(6, 4), *communicator_};
  LikelihoodOptions options_;
  Shapes start_ = initial_shapes(options_, 2);
  FixedCovariance covariance_ =
      fix_covariance(case_.data, initial_components(true, true, true),
                     freeze(case_.data, start_, Eigen::VectorXd::Constant(2, 0.1), true, loop_), loop_);
};

TEST_F(Modes, GradientOfTheProfileAgreesWithFiniteDifferences) {
  // Where the linear terms are at their best, the profile's derivative is that of the curves alone.
  const Mode here = find_mode(case_.data, options_, covariance_, start_, start_, 0, loop_);
  ASSERT_GT(here.linear.head(2).minCoeff(), 0);
  const int64_t L = here.linear.size();
  for (int64_t i = 0; i < 6; ++i) {
    Shapes moved = start_;
    moved.coordinates[i] += 1e-5;
    const double above = find_mode(case_.data, options_, covariance_, moved, start_, 0, loop_).objective;
    moved.coordinates[i] -= 2e-5;
    const double below = find_mode(case_.data, options_, covariance_, moved, start_, 0, loop_).objective;
    EXPECT_NEAR(-here.gradient[L + i], (above - below) / 2e-5, 1e-3 * (1 + std::abs(here.gradient[L + i])));
  }
}

TEST_F(Modes, StepsGoDownToAPointWithoutSlope) {
  const Mode first = find_mode(case_.data, options_, covariance_, start_, start_, 0, loop_);
  const Mode last = find_mode(case_.data, options_, covariance_, start_, start_, 40, loop_);
  EXPECT_LT(last.objective, first.objective);
  EXPECT_LT(last.gradient.tail(6).norm(), 0.05 * first.gradient.tail(6).norm());
}

TEST_F(Modes, DrawsKeepSharesPositiveAndSpreadAsTheCurvatureSays) {
  const Mode mode = find_mode(case_.data, options_, covariance_, start_, start_, 20, loop_);
  const Draws draws = draw_posterior(mode, {}, 2000, RandomStream(3, 4));
  EXPECT_GE(draws.linear_DL.leftCols(2).minCoeff(), 0);
  const Eigen::MatrixXd covariance = mode.curvature.inverse();
  for (int64_t c = 0; c < 2; ++c) {  // both are many standard deviations above zero
    const Eigen::VectorXd share = draws.linear_DL.col(c);
    const double sd = std::sqrt((share.array() - share.mean()).square().mean());
    EXPECT_NEAR(share.mean(), mode.linear[c], 4 * std::sqrt(covariance(c, c)));
    EXPECT_NEAR(sd / std::sqrt(covariance(c, c)), 1.0, 0.15);
  }
}

TEST(LikelihoodFit, AChannelWithoutMediaInTheTrainingWeeksHasNoShare) {
  auto sample = likelihood_case(8, 80);
  LikelihoodData& data = sample.data;
  for (int64_t r = 0; r < data.regions; ++r)
    for (int64_t t = 0; t < data.origin; ++t) data.media_RTC[(r * data.weeks + t) * 2 + 1] = 0;
  data.off_C = {0, 1};
  const auto communicator = make_local_communicator();
  for (const int64_t draws : {0, 50}) {
    LikelihoodOptions options;
    options.curve_draws = draws;
    const LikelihoodFit fit =
        fit_likelihood(data, options, {std::nullopt, 7}, 8, 4, RegionLoop(testing::plan_of(8, 64), *communicator), {});
    for (const LikelihoodMember& member : fit.members) {
      EXPECT_EQ(member.mode.coefficient(1), 0);
      EXPECT_LT(std::abs(member.mode.linear[1]), 1e-6);
      EXPECT_GT(member.mode.linear[0], 0.05);
      EXPECT_TRUE(member.mode.linear.allFinite());
    }
    EXPECT_NEAR(fit.media_share, fit.members[0].mode.linear.head(2).sum(), 1e-3);
    EXPECT_EQ(draw_posterior(fit.members[0].mode, {}, 10, RandomStream(1, 2)).linear_DL.col(1).cwiseAbs().maxCoeff(),
              0);
  }
}

TEST(LikelihoodFit, NoExponentIsAboveItsBound) {
  const auto sample = likelihood_case(20, 110, 5);  // of exponents 1.8 and 2.6
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(20, 64), *communicator);
  LikelihoodOptions options;
  options.drift = Drift::kNone;
  options.exponent = 1.5;
  options.max_exponent = 1.9;
  for (const int64_t draws : {0, 50}) {
    options.curve_draws = draws;
    const LikelihoodFit fit = fit_likelihood(sample.data, options, {std::nullopt, 7}, 20, 4, loop, {});
    for (const LikelihoodMember& member : fit.members) {
      for (int64_t c = 0; c < 2; ++c) EXPECT_LE(member.mode.shapes.exponent(c), 1.9);
      EXPECT_TRUE(member.mode.linear.allFinite());
    }
    EXPECT_NEAR(fit.members[0].mode.shapes.exponent(1), 1.9, 0.02);
    options.max_exponent = std::numeric_limits<double>::infinity();
    EXPECT_GT(fit_likelihood(sample.data, options, {std::nullopt}, 20, 4, loop, {}).members[0].mode.shapes.exponent(1),
              2.0);
    options.max_exponent = 1.9;
  }
}

TEST(LikelihoodFit, WithoutDriftThePathIsZeroInAllWeeks) {
  const auto sample = likelihood_case(8, 80);
  const auto communicator = make_local_communicator();
  LikelihoodOptions options;
  options.drift = Drift::kNone;
  const LikelihoodFit fit = fit_likelihood(sample.data, options, {std::nullopt, 7}, 8, 4,
                                           RegionLoop(testing::plan_of(8, 64), *communicator), {});
  for (const LikelihoodMember& member : fit.members) {
    EXPECT_EQ(member.drift_NC().rows(), 84);
    EXPECT_EQ(member.drift_NC().cwiseAbs().maxCoeff(), 0);
  }
}

TEST(LikelihoodFit, RecoversSharesAndCurvesAndDoesNotDependOnChunks) {
  const auto sample = likelihood_case(20, 110, 5);
  const auto communicator = make_local_communicator();
  const LikelihoodOptions options;
  const auto fit = [&](int64_t chunk) {
    return fit_likelihood(sample.data, options, {std::nullopt, 7}, 20, 4,
                          RegionLoop(testing::plan_of(20, chunk), *communicator), {});
  };
  const LikelihoodFit whole = fit(64);
  const Mode& mode = whole.members[0].mode;
  double sizes = 0;
  for (int64_t r = 0; r < 20; ++r)
    for (int64_t t = 0; t < sample.data.origin; ++t)
      sizes += sample.data.weight_RT[r * 110 + t] > 0 ? sample.data.size_R[r] : 0;
  for (int64_t c = 0; c < 2; ++c) {
    EXPECT_NEAR(mode.linear[c], sample.share_C[c] * sizes / sample.data.total_target, 0.03);
    EXPECT_NEAR(mode.shapes.decay(c), sample.truth.decay(c), 0.08);
  }
  EXPECT_NEAR(std::exp(whole.estimate.components[Component::kNoise]), 0.03, 0.006);
  EXPECT_EQ(whole.members[0].national_T.size(), 114);
  EXPECT_NE(whole.members[1].mode.objective, mode.objective);  // under other priors

  const LikelihoodFit single = fit(1);
  EXPECT_LT((single.members[0].mode.linear - mode.linear).norm(), 1e-5);
}

TEST(LikelihoodFit, AnEarlierOriginDoesNotSeeWhatComesAfterIt) {
  auto sample = likelihood_case(8, 80);
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(8, 64), *communicator);
  const LikelihoodFit fit = fit_likelihood(sample.data, {}, {std::nullopt}, 8, 0, loop, {});
  const auto earlier = [&](double change) {
    LikelihoodData data = sample.data;
    data.origin = 60;
    for (int64_t r = 0; r < 8; ++r)
      for (int64_t t = 60; t < 80; ++t) {
        data.target_RT[r * 80 + t] += change;
        data.weight_RT[r * 80 + t] = 0;
      }
    return refit_at_earlier_origin(fit, data, data.regions, loop).members[0];
  };
  const LikelihoodMember one = earlier(0), other = earlier(5);
  EXPECT_EQ(one.mode.linear, other.mode.linear);
  EXPECT_EQ(one.national_T, other.national_T);
}

}  // namespace
}  // namespace dcmmm
