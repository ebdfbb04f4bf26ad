#include "graph/total_effects.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace dcmmm {
namespace {

// Four channels, two lags: 0 -> 1 at once, 1 -> 2 a week later, 0 -> 2 two weeks later, 2 -> 3 at once, 3 -> 0 a week
// later; all but 3 persist.
Eigen::MatrixXd weights() {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(12, 4);
  out(0, 1) = 0.5;
  out(4 + 1, 2) = 0.4;
  out(8 + 0, 2) = -0.3;
  out(2, 3) = 0.8;
  out(4 + 3, 0) = 0.2;
  out(4 + 0, 0) = 0.5;
  out(4 + 1, 1) = 0.3;
  out(8 + 2, 2) = 0.2;
  return out;
}

// Week after week: channel `set` is held at 1, the others follow.
Eigen::RowVectorXd simulate(const Eigen::MatrixXd& weight, int64_t set) {
  Eigen::RowVectorXd now = Eigen::RowVectorXd::Zero(4), before = now, earlier = now;
  for (int week = 0; week < 500; ++week) {
    earlier = before;
    before = now;
    for (const int64_t j : {0, 1, 2, 3})  // an order of the same week's edges
      now[j] = j == set ? 1.0
                        : now.dot(weight.col(j).segment(0, 4)) + before.dot(weight.col(j).segment(4, 4)) +
                              earlier.dot(weight.col(j).segment(8, 4));
  }
  return now;
}

TEST(TotalEffects, AreWhereSpendSettlesWhenOneChannelIsHeld) {
  const Eigen::MatrixXd weight = weights(), total = total_effects(weight);
  for (const int64_t i : {0, 1, 2, 3}) EXPECT_LT((total.row(i) - simulate(weight, i)).cwiseAbs().maxCoeff(), 1e-9) << i;
  EXPECT_EQ(total(0, 0), 1.0);
}

TEST(TotalEffects, AreUnknownWhereSpendDoesNotSettle) {
  Eigen::MatrixXd weight = weights();
  weight(4 + 0, 0) = 1.01;
  EXPECT_TRUE(std::isnan(total_effects(weight)(0, 1)));
}

TEST(TotalEffects, WithoutLagsAreSumsOverPaths) {
  Eigen::MatrixXd weight = Eigen::MatrixXd::Zero(3, 3);
  weight(0, 1) = 0.5;
  weight(1, 2) = 0.4;
  weight(0, 2) = 0.1;
  EXPECT_NEAR(total_effects(weight)(0, 2), 0.1 + 0.5 * 0.4, 1e-12);
}

}  // namespace
}  // namespace dcmmm
