#include "likelihood/curve_surrogate.hpp"

#include <gmock/gmock.h>

#include "likelihood/curve_sampler.hpp"
#include "likelihood_case.hpp"

namespace dcmmm {
namespace {

using testing::likelihood_case;

class Surrogate : public ::testing::Test {
 protected:
  FixedCovariance covariance() {
    return fix_covariance(case_.data, initial_components(true, true, true),
                          freeze(case_.data, center_, Eigen::VectorXd::Constant(2, 0.1), true, loop_), loop_);
  }

  // Curves all over the prior.
  std::vector<Shapes> curves(int64_t count, uint64_t seed, double spread = 1.0) const {
    std::vector<Shapes> out(static_cast<size_t>(count), center_);
    const Eigen::VectorXd sd = prior_sd_of_shapes(options_, 2);
    RandomStream random(seed, 1);
    for (Shapes& shapes : out)
      for (int64_t s = 0; s < sd.size(); ++s) shapes.coordinates[s] += spread * sd[s] * random.normal();
    return out;
  }

  // Root mean square, over cells, of what the basis leaves of responses between 0 and 1; of the worse channel.
  double left_over(const ResponseBasis& basis, const Shapes& shapes) {
    const ColumnLayout layout{2, case_.data.controls, case_.data.patterns};
    Eigen::Array2d square_C = Eigen::Array2d::Zero();
    RowMatrix columns(case_.data.origin, layout.count()), basis_TK(case_.data.origin, ResponseBasis::kColumns);
    for (int64_t region = 0; region < case_.data.regions; ++region) {
      fill_columns(case_.data, layout, shapes, nullptr, region, columns);
      for (int64_t c = 0; c < 2; ++c) {
        basis.fill(region, c, basis_TK);
        square_C[c] += (basis_TK * basis.coefficients(c, shapes) - columns.col(c)).squaredNorm();
      }
    }
    return std::sqrt(square_C.maxCoeff() / static_cast<double>(case_.data.regions * case_.data.origin));
  }

  std::unique_ptr<Communicator> communicator_ = make_local_communicator();
  testing::LikelihoodCase case_ = likelihood_case(6, 70);
  RegionLoop loop_{testing::plan_of(6, 4), *communicator_};
  LikelihoodOptions options_;
  Shapes center_ = initial_shapes(options_, 2);
};

TEST_F(Surrogate, BasisHoldsResponsesOfCurvesItWasNotMadeOf) {
  const ResponseBasis basis(case_.data, curves(192, 1), loop_);
  for (const Shapes& shapes : curves(20, 2)) EXPECT_LT(left_over(basis, shapes), 5e-3);
  EXPECT_LT(left_over(basis, center_), 1e-4);
}

TEST_F(Surrogate, BasisHoldsLateCarryOver) {
  options_.delayed_channels = {1};
  center_ = initial_shapes(options_, 2);
  const ResponseBasis basis(case_.data, curves(192, 1), loop_);
  for (const Shapes& shapes : curves(20, 2, 0.5)) EXPECT_LT(left_over(basis, shapes), 5e-3);
}

TEST_F(Surrogate, BasisDoesNotDependOnChunks) {
  const RegionLoop whole(testing::plan_of(6, 64), *communicator_);
  const ResponseBasis of_chunks(case_.data, curves(40, 1), loop_), of_whole(case_.data, curves(40, 1), whole);
  for (int64_t c = 0; c < 2; ++c) EXPECT_EQ(of_chunks.coefficients(c, center_), of_whole.coefficients(c, center_));
}

TEST_F(Surrogate, DensityIsThatOfThePanel) {
  for (const int sign : {0, -1, 1}) {
    options_.control_signs = {sign};
    const FixedCovariance fixed = covariance();
    const CurveEvidence evidence(case_.data, options_, fixed, center_, loop_);
    const ResponseBasis basis(case_.data, curves(192, 1), loop_);
    const CurveSurrogate surrogate(evidence, basis);
    for (const Shapes& shapes : curves(5, 3, 0.5)) {
      const CurvePoint exact = CurveWalk(evidence, shapes.coordinates).point(),
                       near = surrogate.point(shapes.coordinates);
      EXPECT_NEAR(near.log_density, exact.log_density, 0.05) << sign;
      EXPECT_LT((near.linear.mean - exact.linear.mean).cwiseAbs().maxCoeff(), 1e-3);
      EXPECT_LT((near.mean_C - exact.mean_C).cwiseAbs().maxCoeff(), 1e-4);
      // The walk leaves out what doesn't depend on curves, and nothing else.
      EXPECT_NEAR(SurrogateWalk(surrogate, shapes.coordinates).point().log_density, near.log_density,
                  1e-7 * std::abs(near.log_density));
    }
  }
}

TEST_F(Surrogate, AStepOfOneChannelComesToTheSamePointAsTheWholeWay) {
  const FixedCovariance fixed = covariance();
  const CurveEvidence evidence(case_.data, options_, fixed, center_, loop_);
  const ResponseBasis basis(case_.data, curves(64, 1), loop_);
  const CurveSurrogate surrogate(evidence, basis);
  SurrogateWalk walk(surrogate, center_.coordinates);
  Eigen::VectorXd there = center_.coordinates;
  RandomStream random(4, 4);
  for (const int channel : {0, 1, 1, 0}) {
    for (int s = channel; s < 6; s += 2) there[s] += 0.3 * random.normal();
    const SurrogateWalk::Point tried = walk.try_channel(channel, there),
                               whole = SurrogateWalk(surrogate, there).point();
    EXPECT_NEAR(tried.log_density, whole.log_density, 1e-9 * std::abs(whole.log_density));
    EXPECT_LT((tried.share_C - whole.share_C).cwiseAbs().maxCoeff(), 1e-9);
    walk.accept();
    EXPECT_EQ(walk.point().coordinates, there);
    Eigen::VectorXd elsewhere = there;  // what isn't accepted leaves no trace
    elsewhere[channel] += 1;
    walk.try_channel(channel, elsewhere);
  }
}

TEST_F(Surrogate, ChainHasTheMomentsOfOneByPassesAndLittleNoise) {
  const FixedCovariance fixed = covariance();
  const CurveEvidence evidence(case_.data, options_, fixed, center_, loop_);
  const Mode mode = find_mode(case_.data, options_, fixed, center_, center_, 20, loop_);
  const CurveSample expected = sample_by_passes(evidence, mode, 6000, 1);
  constexpr int kSeeds = 6, kDraws = 600;
  RowMatrix shares_SC(kSeeds, 2);
  for (int seed = 0; seed < kSeeds; ++seed) {
    const CurveSample sample = sample_curves(evidence, mode, kDraws, 10 + static_cast<uint64_t>(seed));
    EXPECT_EQ(sample.steps, 8 * kDraws);
    EXPECT_LT(sample.density_error, 0.1);
    EXPECT_GT(sample.linear_DL.leftCols(2).minCoeff(), 0);
    shares_SC.row(seed) = sample.linear_L.head(2).transpose();
  }
  for (int c = 0; c < 2; ++c) {
    const Eigen::ArrayXd drawn = expected.linear_DL.col(c).array();
    const double sd = std::sqrt((drawn - drawn.mean()).square().mean()), mean = shares_SC.col(c).mean();
    EXPECT_NEAR(mean, expected.linear_L[c], 0.1 * sd);
    // 600 independent draws would leave 4 % of an sd.
    EXPECT_LT(std::sqrt((shares_SC.col(c).array() - mean).square().sum() / (kSeeds - 1)), 0.05 * sd);
  }
}

TEST_F(Surrogate, StandsBackWhereItsDensityIsOff) {
  Components precise = initial_components(true, true, true);
  for (const Component sd : {Component::kNoise, Component::kLevel, Component::kSlow, Component::kFast})
    precise[sd] -= 9;  // log: what the basis leaves of responses is many sds of the noise
  const FixedCovariance fixed = fix_covariance(
      case_.data, precise, freeze(case_.data, center_, Eigen::VectorXd::Constant(2, 0.1), true, loop_), loop_);
  const CurveEvidence evidence(case_.data, options_, fixed, center_, loop_);
  const Mode mode = find_mode(case_.data, options_, fixed, center_, center_, 20, loop_);
  EXPECT_GT(sample_by_surrogate(evidence, mode, 20, 1).density_error, 0.25);
  EXPECT_EQ(sample_curves(evidence, mode, 20, 1).linear_DL, sample_by_passes(evidence, mode, 20, 1).linear_DL);
}

TEST_F(Surrogate, StandsBackWhereItCannotStandForThePanel) {
  const FixedCovariance fixed = covariance();
  const Mode mode = find_mode(case_.data, options_, fixed, center_, center_, 20, loop_);
  case_.data.experiments.push_back({});
  EXPECT_FALSE(CurveSurrogate::can_stand_for(CurveEvidence(case_.data, options_, fixed, center_, loop_)));
  case_.data.experiments.clear();
  EXPECT_TRUE(CurveSurrogate::can_stand_for(CurveEvidence(case_.data, options_, fixed, center_, loop_)));
  LikelihoodData many;
  many.channels = ResponseBasis::kMostChannels;
  many.origin = 2048;  // sums of 64 MiB
  EXPECT_TRUE(ResponseBasis::spans(many));
  ++many.origin;
  EXPECT_FALSE(ResponseBasis::spans(many));
  many.origin = 100;
  ++many.channels;
  EXPECT_FALSE(ResponseBasis::spans(many));
  case_.data.frequency_RTC = case_.data.media_RTC;
  case_.data.has_frequency_C = {1, 0};
  const CurveEvidence evidence(case_.data, options_, fixed, center_, loop_);
  const CurveSample sample = sample_curves(evidence, mode, 20, 1);
  EXPECT_EQ(sample.steps, 20);
  EXPECT_EQ(sample.linear_DL, sample_by_passes(evidence, mode, 20, 1).linear_DL);
}

}  // namespace
}  // namespace dcmmm
