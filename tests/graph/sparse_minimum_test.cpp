#include "graph/sparse_minimum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/random.hpp"

namespace dcmmm {
namespace {

// 1/2 x'Ax - b'x with a random positive definite A.
struct Quadratic {
  Eigen::MatrixXd matrix;
  Eigen::VectorXd linear;
  explicit Quadratic(Eigen::Index n) : matrix(n, n), linear(n) {
    RandomStream random(5, 0);
    for (Eigen::Index i = 0; i < n * n; ++i) matrix.data()[i] = random.normal();
    matrix = matrix * matrix.transpose() / static_cast<double>(n) + 0.1 * Eigen::MatrixXd::Identity(n, n);
    for (Eigen::Index i = 0; i < n; ++i) linear[i] = random.normal();
  }
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    gradient = matrix * x - linear;
    return 0.5 * x.dot(matrix * x) - linear.dot(x);
  }
};

// The lasso by coordinate descent (Friedman et al. 2010).
Eigen::VectorXd slow_lasso(const Quadratic& of, const Eigen::VectorXd& l1) {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(l1.size());
  for (int sweep = 0; sweep < 5000; ++sweep)
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double rest = of.linear[i] - of.matrix.row(i).dot(x) + of.matrix(i, i) * x[i];
      x[i] = std::copysign(std::max(0.0, std::abs(rest) - l1[i]), rest) / of.matrix(i, i);
    }
  return x;
}

TEST(SparseMinimum, IsTheLassoWithExactZeros) {
  const Quadratic quadratic(25);
  Eigen::VectorXd l1 = Eigen::VectorXd::Constant(25, 0.6);
  l1.head(3).setZero();  // without penalty
  const Eigen::VectorXd expected = slow_lasso(quadratic, l1);
  const Eigen::VectorXd found = sparse_minimum(quadratic, l1, Eigen::VectorXd::Zero(25), 1e-9);
  EXPECT_LT((found - expected).cwiseAbs().maxCoeff(), 1e-5);
  int zeros = 0;
  for (Eigen::Index i = 0; i < 25; ++i) {
    EXPECT_EQ(found[i] == 0, expected[i] == 0) << i;
    zeros += found[i] == 0;
  }
  EXPECT_GT(zeros, 3);
  // From elsewhere, the same.
  const Eigen::VectorXd other = sparse_minimum(quadratic, l1, Eigen::VectorXd::Constant(25, -2.0), 1e-9);
  EXPECT_LT((other - expected).cwiseAbs().maxCoeff(), 1e-5);
}

TEST(SparseMinimum, StaysWhereTheFunctionIsDefined) {
  // -log(1 - x) + 10 (x - 2)^2 below 1.
  const auto barrier = [](const Eigen::VectorXd& x, Eigen::VectorXd& gradient) {
    if (x[0] >= 1) return std::numeric_limits<double>::infinity();
    gradient = Eigen::VectorXd::Constant(1, 1 / (1 - x[0]) + 20 * (x[0] - 2));
    return -std::log(1 - x[0]) + 10 * std::pow(x[0] - 2, 2);
  };
  const double found = sparse_minimum(barrier, Eigen::VectorXd::Zero(1), Eigen::VectorXd::Zero(1), 1e-9)[0];
  EXPECT_NEAR(1 / (1 - found), 20 * (2 - found), 1e-6);
}

}  // namespace
}  // namespace dcmmm
