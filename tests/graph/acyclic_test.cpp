#include "graph/acyclic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/random.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Eigen::MatrixXd random_weights(int64_t C, double size, uint64_t seed) {
  RandomStream random(seed, 0);
  Eigen::MatrixXd out(C, C);
  for (Eigen::Index i = 0; i < out.size(); ++i) out.data()[i] = size * random.normal();
  out.diagonal().setZero();
  return out;
}

// By its series: every term counts closed walks of one length.
double slow_trace_exponential(const Eigen::MatrixXd& weight) {
  const Eigen::MatrixXd square = weight.cwiseAbs2();
  Eigen::MatrixXd term = Eigen::MatrixXd::Identity(square.rows(), square.cols());
  double sum = 0;
  for (int k = 1; k < 60; ++k) {
    term = term * square / k;
    sum += term.trace();
  }
  return sum;
}

TEST(Acyclic, TraceOfTheExponentialIsItsSeries) {
  const Eigen::MatrixXd weight = random_weights(7, 0.6, 1);
  EXPECT_NEAR(trace_exponential(weight), slow_trace_exponential(weight), 1e-12);
}

TEST(Acyclic, LogDeterminantIsItsSeries) {
  const Eigen::MatrixXd weight = random_weights(5, 0.2, 2);
  const Eigen::MatrixXd square = weight.cwiseAbs2();
  Eigen::MatrixXd power = square;
  double sum = 0;
  for (int k = 1; k < 200; ++k, power = power * square) sum += power.trace() / k;
  EXPECT_NEAR(log_determinant(weight), sum, 1e-12);
}

TEST(Acyclic, GradientsAreFiniteDifferences) {
  const Eigen::MatrixXd weight = random_weights(6, 0.25, 3);
  for (const auto& [name, measure] :
       {std::pair("exponential", &trace_exponential), std::pair("determinant", &log_determinant)}) {
    Eigen::MatrixXd gradient;
    measure(weight, &gradient);
    for (Eigen::Index i = 0; i < weight.size(); ++i) {
      Eigen::MatrixXd above = weight, below = weight;
      above.data()[i] += 1e-5;
      below.data()[i] -= 1e-5;
      EXPECT_NEAR(gradient.data()[i], (measure(above, nullptr) - measure(below, nullptr)) / 2e-5, 1e-8) << name;
    }
  }
}

TEST(Acyclic, MeasuresAreZeroWithoutACycleAndInfiniteOutsideTheDomain) {
  Eigen::MatrixXd weight = 3.0 * random_weights(6, 1.0, 4).triangularView<Eigen::StrictlyUpper>().toDenseMatrix();
  EXPECT_NEAR(trace_exponential(weight), 0, 1e-9);
  EXPECT_NEAR(log_determinant(weight), 0, 1e-9);
  Eigen::MatrixXd loop = Eigen::MatrixXd::Zero(4, 4);
  loop(0, 1) = loop(1, 0) = loop(2, 3) = loop(3, 2) = 2.0;  // two loops: the determinant alone would be positive
  EXPECT_TRUE(std::isinf(log_determinant(loop)));
}

TEST(Acyclic, OrdersSourcesBeforeTargetsAndElseAsPreferred) {
  Eigen::MatrixXd weight = Eigen::MatrixXd::Zero(4, 4);
  weight(3, 0) = 0.1;
  weight(0, 2) = -0.2;
  EXPECT_THAT(topological_order(weight, {0, 1, 2, 3}), ElementsAre(1, 3, 0, 2));
  weight(2, 3) = 0.1;
  EXPECT_THAT(topological_order(weight, {0, 1, 2, 3}), IsEmpty());
}

TEST(Acyclic, CutsTheWeakestEdgeOfEachCycleOnly) {
  Eigen::MatrixXd weight = Eigen::MatrixXd::Zero(4, 4);
  weight(0, 1) = 0.5;
  weight(1, 2) = -0.3;
  weight(2, 0) = 0.4;
  weight(2, 3) = 0.01;  // on no cycle
  Eigen::MatrixXd cut = weight;
  cut_cycles(cut, Eigen::MatrixXd::Zero(4, 4));
  Eigen::MatrixXd expected = weight;
  expected(1, 2) = 0;
  EXPECT_EQ(cut, expected);
  Eigen::MatrixXd keep = Eigen::MatrixXd::Zero(4, 4);
  keep(1, 2) = 1;
  cut_cycles(weight, keep);
  EXPECT_EQ(weight(1, 2), -0.3);
  EXPECT_EQ(weight(2, 0), 0.0);
}

}  // namespace
}  // namespace dcmmm
