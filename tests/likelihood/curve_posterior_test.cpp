#include <gmock/gmock.h>

#include <Eigen/Cholesky>

#include "likelihood/curve_sampler.hpp"
#include "likelihood/draws.hpp"
#include "likelihood_case.hpp"

namespace dcmmm {
namespace {

using testing::likelihood_case;

class CurvePosterior : public ::testing::Test {
 protected:
  std::unique_ptr<Communicator> communicator_ = make_local_communicator();
  testing::LikelihoodCase case_ = likelihood_case(6, 70);
  RegionLoop loop_{testing::plan_of(6, 4), *communicator_};
  LikelihoodOptions options_;
  Shapes center_ = initial_shapes(options_, 2);
  FixedCovariance covariance_ =
      fix_covariance(case_.data, initial_components(true, true, true),
                     freeze(case_.data, center_, Eigen::VectorXd::Constant(2, 0.1), true, loop_), loop_);
};

double log_positive(double mean, double sd) { return std::log(0.5 * std::erfc(-mean / sd / std::sqrt(2.0))); }

TEST_F(CurvePosterior, EvidenceIsTheProfileLessTheVolumeOfTheLinearTerms) {
  // The profile comes from another pass, with all columns weighted anew.
  const CurveEvidence evidence(case_.data, options_, covariance_, center_, loop_, /*power=*/1.0);
  std::vector<double> difference;
  for (const double move : {0.0, 0.4, -0.5}) {
    Shapes shapes = center_;
    shapes.coordinates[1] += move;
    shapes.coordinates[2] -= move;
    const CurvePoint point = CurveWalk(evidence, shapes.coordinates).point();
    const Mode mode = find_mode(case_.data, options_, covariance_, shapes, center_, 0, loop_);
    const int64_t L = mode.linear.size();
    ASSERT_GT(mode.linear.head(2).minCoeff(), 0);
    const Eigen::MatrixXd precision = mode.curvature.topLeftCorner(L, L);
    double expected = -mode.objective;
    const Eigen::MatrixXd root = precision.llt().matrixL();
    for (int64_t i = 0; i < L; ++i) expected -= std::log(root(i, i));
    const Eigen::MatrixXd covariance = precision.llt().solve(Eigen::MatrixXd::Identity(L, L));
    for (int64_t c = 0; c < 2; ++c) expected += log_positive(mode.linear[c], std::sqrt(covariance(c, c)));
    difference.push_back(point.log_density - expected);  // half of y' V^-1 y, the same everywhere
    EXPECT_LT((point.linear.mean - mode.linear).cwiseAbs().maxCoeff(), 1e-8);
    EXPECT_LT((point.linear.covariance - covariance).cwiseAbs().maxCoeff(), 1e-8);
    EXPECT_LT((point.mean_C - mode.mean_C).cwiseAbs().maxCoeff(), 1e-9);
  }
  EXPECT_NEAR(difference[0], difference[1], 1e-6 * std::abs(difference[0]));
  EXPECT_NEAR(difference[0], difference[2], 1e-6 * std::abs(difference[0]));
}

TEST_F(CurvePosterior, EvidenceDoesNotDependOnChunks) {
  const RegionLoop whole(testing::plan_of(6, 64), *communicator_);
  const CurveEvidence of_whole(case_.data, options_, covariance_, center_, whole),
      of_chunks(case_.data, options_, covariance_, center_, loop_);
  const double expected = CurveWalk(of_whole, center_.coordinates).point().log_density;
  EXPECT_NEAR(CurveWalk(of_chunks, center_.coordinates).point().log_density, expected, 1e-9 * std::abs(expected));
}

TEST_F(CurvePosterior, AStepOfOneChannelComesToTheSamePointAsTheWholeWay) {
  const CurveEvidence evidence(case_.data, options_, covariance_, center_, loop_);
  CurveWalk walk(evidence, center_.coordinates);
  Eigen::VectorXd there = center_.coordinates;
  RandomStream random(4, 4);
  for (const int channel : {0, 1, 1, 0}) {
    for (int s = channel; s < 6; s += 2) there[s] += 0.3 * random.normal();
    const CurvePoint tried = walk.try_channel(channel, there), whole = CurveWalk(evidence, there).point();
    EXPECT_NEAR(tried.log_density, whole.log_density, 1e-9 * std::abs(whole.log_density));
    EXPECT_LT((tried.linear.mean - whole.linear.mean).cwiseAbs().maxCoeff(), 1e-9);
    EXPECT_LT((tried.linear.covariance - whole.linear.covariance).cwiseAbs().maxCoeff(), 1e-9);
    EXPECT_LT((tried.mean_C - whole.mean_C).cwiseAbs().maxCoeff(), 1e-12);
    walk.accept();
    EXPECT_EQ(walk.point().coordinates, there);
    // What isn't accepted leaves no trace.
    Eigen::VectorXd elsewhere = there;
    elsewhere[channel] += 1;
    walk.try_channel(channel, elsewhere);
  }
}

TEST_F(CurvePosterior, ChainHasTheMomentsOfALongRandomWalk) {
  const CurveEvidence evidence(case_.data, options_, covariance_, center_, loop_);
  const Mode mode = find_mode(case_.data, options_, covariance_, center_, center_, 20, loop_);
  const CurveSample sample = sample_by_passes(evidence, mode, 3000, 3);
  // Metropolis steps along the curvature's axes, from the mode.
  const int64_t all = mode.curvature.rows();
  const Eigen::MatrixXd covariance = mode.curvature.ldlt().solve(Eigen::MatrixXd::Identity(all, all));
  const Eigen::MatrixXd root = Eigen::MatrixXd(covariance.bottomRightCorner(6, 6)).llt().matrixL();
  RandomStream random(9, 9);
  CurvePoint point = CurveWalk(evidence, mode.shapes.coordinates).point();
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(6), square = sum;
  Eigen::VectorXd shares = Eigen::VectorXd::Zero(2);
  constexpr int kSteps = 20000;
  for (int step = 0; step < kSteps; ++step) {
    Eigen::VectorXd move(6);
    for (int i = 0; i < 6; ++i) move[i] = random.normal();
    const CurvePoint trial = CurveWalk(evidence, point.coordinates + 0.9 * root * move).point();
    if (std::log(random.uniform()) < trial.log_density - point.log_density) point = trial;
    sum += point.coordinates;
    square += point.coordinates.cwiseAbs2();
    shares += point.linear.mean.head(2);
  }
  for (int i = 0; i < 6; ++i) {
    const double mean = sum[i] / kSteps, sd = std::sqrt(square[i] / kSteps - mean * mean);
    const Eigen::VectorXd drawn = sample.coordinates_DS.col(i);
    EXPECT_NEAR(drawn.mean(), mean, 0.18 * sd);
    EXPECT_NEAR(std::sqrt((drawn.array() - drawn.mean()).square().mean()), sd, 0.18 * sd);
  }
  for (int c = 0; c < 2; ++c) EXPECT_NEAR(sample.linear_L[c], shares[c] / kSteps, 0.05 * shares[c] / kSteps);
  EXPECT_GT(sample.linear_DL.leftCols(2).minCoeff(), 0);
  EXPECT_LT(sample.evaluations, 9 * 3300);
  // Batches of 50 draws: their means would be off by an eleventh of an sd if draws were independent.
  for (int c = 0; c < 2; ++c) {
    const Eigen::VectorXd drawn = sample.linear_DL.col(c);
    const double sd = std::sqrt((drawn.array() - drawn.mean()).square().mean());
    double between = 0;
    for (int b = 0; b < 60; ++b) between += std::pow(drawn.segment(50 * b, 50).mean() - drawn.mean(), 2) / 60;
    EXPECT_LT(std::sqrt(between), 0.3 * sd);
  }
}

TEST_F(CurvePosterior, ControlsKeepTheSignThatIsKnown) {
  options_.control_signs = {-1};  // the true effect is positive
  const CurveEvidence evidence(case_.data, options_, covariance_, center_, loop_);
  const Mode mode = find_mode(case_.data, options_, covariance_, center_, center_, 20, loop_);
  const CurveSample sample = sample_curves(evidence, mode, 200, 3);
  EXPECT_LE(sample.linear_DL.col(2).maxCoeff(), 0);
  EXPECT_LT(sample.linear_DL.col(2).minCoeff(), 0);
  EXPECT_LE(draw_posterior(mode, options_.control_signs, 200, RandomStream(3, 4)).linear_DL.col(2).maxCoeff(), 0);
  // What the cut costs: the probability of the side that is left.
  const CurvePoint point = CurveWalk(evidence, center_.coordinates).point();
  options_.control_signs = {0};
  const CurveEvidence without(case_.data, options_, covariance_, center_, loop_);
  const CurvePoint free = CurveWalk(without, center_.coordinates).point();
  EXPECT_NEAR(point.log_density - free.log_density,
              log_positive(-free.linear.mean[2], std::sqrt(free.linear.covariance(2, 2))), 1e-9);
}

TEST(SignedTerms, TurnAndOrderTermsAndBack) {
  const SignedTerms terms(2, {0, -1}, 5);
  EXPECT_EQ(terms.bound(), 3);
  EXPECT_TRUE(terms.has_sign(3) && !terms.has_sign(2) && !terms.has_sign(4));
  Eigen::VectorXd values(5);
  values << 1, 2, 3, 4, 5;
  Eigen::VectorXd expected(5);
  expected << 1, 2, -4, 3, 5;
  EXPECT_EQ(terms.turned(values), expected);
  EXPECT_EQ(terms.back(expected), values);
  const Eigen::MatrixXd outer = values * values.transpose();
  EXPECT_EQ(terms.turned(outer), expected * expected.transpose());
}

TEST_F(CurvePosterior, SharesThatAreHeldStayAndTheCurvesGiveWay) {
  const Mode free = find_mode(case_.data, options_, covariance_, center_, center_, 20, loop_);
  const Eigen::VectorXd shares = 1.3 * free.linear.head(2);
  const Mode held = find_mode(case_.data, options_, covariance_, free.shapes, center_, 20, loop_, &shares);
  EXPECT_LT((held.linear.head(2) - shares).cwiseAbs().maxCoeff(), 1e-3);
  // A larger share at the same slope: a curve that bends less.
  for (int c = 0; c < 2; ++c) EXPECT_LT(held.shapes.exponent(c), free.shapes.exponent(c) + 1e-3);
}

TEST(WiderDraws, LieAroundTheSameMeansWithoutSharesBelowZero) {
  CurveSample sample;
  sample.coordinates_DS.resize(2, 1);
  sample.coordinates_DS << 1, 3;
  sample.linear_DL.resize(2, 3);
  sample.linear_DL << 0.1, 0.01, -1, 0.3, 0.21, 2;  // two shares and a control
  const CurveSample before = sample;
  widen(sample, 2, 1.0);
  EXPECT_EQ(sample.linear_DL, before.linear_DL);
  widen(sample, 2, 1.5);
  RowMatrix expected(2, 3);
  expected << 0.05, 0, -1, 0.35, 0.26, 2;
  EXPECT_LT((sample.linear_DL - expected).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_NEAR(sample.coordinates_DS(0, 0), 0.5, 1e-12);
  EXPECT_NEAR(sample.coordinates_DS(1, 0), 3.5, 1e-12);
}

}  // namespace
}  // namespace dcmmm
