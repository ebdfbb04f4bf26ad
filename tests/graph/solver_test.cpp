#include "graph/solver.hpp"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>

#include "common/random.hpp"
#include "graph/acyclic.hpp"

namespace dcmmm {
namespace {

GraphMoments standardised(GraphMoments moments) {
  const Eigen::VectorXd scale = moments.moment_PP.diagonal().cwiseSqrt().cwiseInverse();
  moments.moment_PP = scale.asDiagonal() * moments.moment_PP * scale.asDiagonal();
  return moments;
}

// The moments of x_t = W0'x_t + W1'x_{t-1} + shocks of these standard deviations, x_{t-1} having the covariance `past`.
GraphMoments exact_moments(const Eigen::MatrixXd& weight_PC, const Eigen::VectorXd& shock_C,
                           const Eigen::MatrixXd& past) {
  const Eigen::Index C = shock_C.size();
  const Eigen::MatrixXd through = (Eigen::MatrixXd::Identity(C, C) - weight_PC.topRows(C)).inverse();
  const Eigen::MatrixXd slope = weight_PC.bottomRows(C) * through;  // x_t = x_{t-1} slope + shocks through
  GraphMoments out{C, 1, 1e6, Eigen::MatrixXd(2 * C, 2 * C)};
  out.moment_PP.bottomRightCorner(C, C) = past;
  out.moment_PP.topRightCorner(C, C) = slope.transpose() * past;
  out.moment_PP.bottomLeftCorner(C, C) = past * slope;
  out.moment_PP.topLeftCorner(C, C) =
      slope.transpose() * past * slope + through.transpose() * shock_C.cwiseAbs2().asDiagonal() * through;
  return out;
}

Eigen::MatrixXd some_weights() {
  Eigen::MatrixXd weight = Eigen::MatrixXd::Zero(10, 5);
  weight(3, 1) = 0.6;
  weight(1, 0) = -0.5;
  weight(3, 4) = 0.7;
  weight(5 + 0, 2) = 0.5;
  weight(5 + 4, 2) = -0.4;
  for (Eigen::Index c = 0; c < 5; ++c) weight(5 + c, c) = 0.3;
  return weight;
}

GraphProblem open_problem(GraphSolver solver, Eigen::Index C, double l1) {
  GraphProblem problem{solver, Eigen::MatrixXd::Ones(2 * C, C), Eigen::MatrixXd::Constant(2 * C, C, l1), {}, {}};
  problem.allowed_PC.topRows(C).diagonal().setZero();
  problem.l1_PC.bottomRows(C).diagonal().setZero();
  return problem;
}

Eigen::MatrixXd support_of(const Eigen::MatrixXd& weight, double least) {
  return (weight.cwiseAbs().array() > least).cast<double>();
}

class Solvers : public ::testing::TestWithParam<GraphSolver> {};
INSTANTIATE_TEST_SUITE_P(Both, Solvers, ::testing::Values(GraphSolver::kNotears, GraphSolver::kDagma),
                         [](const auto& of) { return of.param == GraphSolver::kNotears ? "Notears" : "Dagma"; });

TEST_P(Solvers, FindTheGraphWhereVariancesAreEqual) {
  const Eigen::MatrixXd truth = some_weights();
  const GraphMoments moments = exact_moments(truth, Eigen::VectorXd::Ones(5), Eigen::MatrixXd::Identity(5, 5));
  GraphProblem problem = open_problem(GetParam(), 5, 0.02);
  problem.equal_scale_C = Eigen::VectorXd::Ones(5);
  const GraphSolution found = solve_graph(moments, problem);
  EXPECT_LT(found.h, 1e-8);
  EXPECT_EQ(support_of(found.weight_PC, 0.1), support_of(truth, 0.1)) << found.weight_PC;
  EXPECT_LT((refit(moments, support_of(found.weight_PC, 0.1)) - truth).cwiseAbs().maxCoeff(), 1e-6);
}

TEST_P(Solvers, FindLaggedEdgesAndWhatMasksLeaveWhateverTheVariances) {
  Eigen::VectorXd shock(5);
  shock << 0.3, 2.0, 1.0, 0.5, 1.5;
  const Eigen::MatrixXd truth = some_weights();
  const GraphMoments moments = standardised(exact_moments(truth, shock, Eigen::MatrixXd::Identity(5, 5)));
  GraphProblem problem = open_problem(GetParam(), 5, 0.02);
  // The reverse of every true edge within a week is known not to be.
  for (Eigen::Index i = 0; i < 5; ++i)
    for (Eigen::Index j = 0; j < 5; ++j)
      if (truth(i, j) != 0) problem.allowed_PC(j, i) = 0;
  const GraphSolution found = solve_graph(moments, problem);
  EXPECT_LT(found.h, 1e-8);
  EXPECT_EQ(support_of(found.weight_PC, 0.05), support_of(truth, 0.05)) << found.weight_PC;
}

TEST_P(Solvers, AlwaysEndWithoutACycle) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    RandomStream random(seed, 0);
    const Eigen::Index C = 4 + static_cast<Eigen::Index>(seed % 5);
    Eigen::MatrixXd mixing(2 * C, 2 * C);
    for (Eigen::Index i = 0; i < mixing.size(); ++i) mixing.data()[i] = random.normal();
    Eigen::MatrixXd moment = mixing * mixing.transpose();
    const Eigen::VectorXd scale = moment.diagonal().cwiseSqrt().cwiseInverse();
    moment = scale.asDiagonal() * moment * scale.asDiagonal();
    const GraphSolution found = solve_graph({C, 1, 1e4, moment}, open_problem(GetParam(), C, 0.05));
    EXPECT_LT(found.h, 1e-8) << seed;
    EXPECT_NEAR(found.h, trace_exponential(found.weight_PC.topRows(C)), 1e-12);
    EXPECT_GT(support_of(found.weight_PC.topRows(C), 0.05).sum(), 1) << seed;
  }
}

TEST(Solver, RefitIsLeastSquares) {
  const GraphMoments moments =
      exact_moments(some_weights(), Eigen::VectorXd::LinSpaced(5, 0.5, 2.0), Eigen::MatrixXd::Identity(5, 5));
  Eigen::MatrixXd support = support_of(some_weights(), 0.0);
  support(2, 3) = 1;  // one that isn't there
  EXPECT_LT((refit(moments, support) - some_weights()).cwiseAbs().maxCoeff(), 1e-7);
}

}  // namespace
}  // namespace dcmmm
