#include "graph/skeleton.hpp"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>

namespace dcmmm {
namespace {

// The moments of x = W'x + shocks of variance 1.
GraphMoments moments_of(const Eigen::MatrixXd& weight_CC) {
  const Eigen::Index C = weight_CC.rows();
  const Eigen::MatrixXd through = (Eigen::MatrixXd::Identity(C, C) - weight_CC).inverse();
  return {C, 0, 1e5, through.transpose() * through};
}

TEST(Skeleton, SeparatesParentsOfACommonEffectAndEndsOfAChain) {
  Eigen::MatrixXd weight = Eigen::MatrixXd::Zero(4, 4);
  weight(0, 2) = 0.7;  // 0 -> 2 <- 1, 2 -> 3
  weight(1, 2) = -0.6;
  weight(2, 3) = 0.5;
  const GraphMoments moments = moments_of(weight);
  const Eigen::MatrixXd everything = Eigen::MatrixXd::Ones(4, 4);
  EXPECT_LT(least_dependence(moments, everything, 0, 1), 1e-6);  // nothing held fixed
  EXPECT_LT(least_dependence(moments, everything, 0, 3), 1e-6);  // given 2
  EXPECT_GT(least_dependence(moments, everything, 0, 2), 0.3);
  EXPECT_GT(least_dependence(moments, everything, 1, 2), 0.3);
  EXPECT_GT(least_dependence(moments, everything, 2, 3), 0.3);
  // Without the link to 2 nobody asks what 2 explains.
  Eigen::MatrixXd alone = Eigen::MatrixXd::Zero(4, 4);
  EXPECT_GT(least_dependence(moments, alone, 0, 3), 0.1);
  // By hand: the marginal correlation of 0 and 3.
  EXPECT_NEAR(least_dependence(moments, alone, 0, 3), 0.35 / std::sqrt(1 + 0.25 * 1.85), 1e-12);
}

TEST(Skeleton, HoldsTheWeeksBeforeFixed) {
  // 0 and 1 of this week both follow 0 of the week before, and nothing else: sources 0, 1 now, 2, 3 a week before.
  Eigen::MatrixXd weight = Eigen::MatrixXd::Zero(4, 4);
  weight(2, 0) = 0.6;
  weight(2, 1) = 0.8;
  GraphMoments moments = moments_of(weight);
  moments.channels = 2;
  moments.lags = 1;
  Eigen::MatrixXd support = Eigen::MatrixXd::Zero(4, 2);
  support(0, 1) = support(2, 1) = 1;
  EXPECT_LT(least_dependence(moments, support, 0, 1), 1e-6);
  EXPECT_GT(least_dependence(moments, support, 2, 1), 0.3);
}

}  // namespace
}  // namespace dcmmm
