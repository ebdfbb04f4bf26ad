// The sparse graph without cycles that explains the moments best. Shapes: C channels, P = (1 + lags) C sources: this
// week's channels, then those of each week before; weights are [source, target], of standardised channels.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "graph/moments.hpp"
#include "graph/options.hpp"

namespace dcmmm {

struct GraphProblem {
  GraphSolver solver = GraphSolver::kNotears;
  Eigen::MatrixXd allowed_PC;  // 1: an edge may be there
  Eigen::MatrixXd l1_PC;       // penalty on |weight|
  // Standard deviations of channels with innovations of one variance; empty: each has its own, which is profiled out,
  // so that the answer doesn't depend on units (the Gaussian likelihood; GOLEM's, Ng et al. 2020).
  Eigen::VectorXd equal_scale_C;
  // Added to the weights, which then are departures from it; empty: none. Acyclic with all that is allowed.
  Eigen::MatrixXd offset_PC;
};

struct GraphSolution {
  Eigen::MatrixXd weight_PC;
  double h = 0;    // tr exp(W o W) - C of the same week's weights; below kAcyclic
  int rounds = 0;  // of the augmented Lagrangian or the path
};

inline constexpr double kAcyclic = 1e-8;

/// Minimises 1/2 sum_j log v_j + sum l1 |w| with v_j the variance of channel j's innovations, subject to h = 0. Where
/// the allowed edges have no cycle that is one convex-like descent, else NOTEARS's augmented Lagrangian (rho times 10
/// until h falls to a quarter) or DAGMA's path (mu times .1), until h < 1e-8; a rest of a cycle is cut at its weakest
/// edge.
GraphSolution solve_graph(const GraphMoments& moments, const GraphProblem& problem);

/// Least squares of each channel on the sources that `support_PC` (not 0) gives it: weights without shrinkage.
Eigen::MatrixXd refit(const GraphMoments& moments, const Eigen::MatrixXd& support_PC);

}  // namespace dcmmm
