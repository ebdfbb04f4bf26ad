// The sparse graph without cycles that explains the moments best. Shapes: C channels, P = (1 + lags) C sources: this
// week's channels, then those of each week before; weights are [source, target], of standardised channels.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <vector>

#include "graph/moments.hpp"
#include "graph/options.hpp"
#include "graph/sparse_minimum.hpp"

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

/// What the score needs of the innovations e = x - W'sources, from moments or summed over region-weeks.
struct InnovationMoments {
  Eigen::VectorXd variance_C;  // mean squares
  Eigen::MatrixXd with_PC;     // mean products with the sources
};

/// At these weights, from the sufficient statistic.
InnovationMoments innovation_moments(const GraphMoments& moments, const GraphProblem& problem,
                                     Eigen::MatrixXd weight_PC);

/// The search for the graph, one evaluation of the innovations at a time: where the allowed edges have no cycle one
/// convex-like descent, else NOTEARS's augmented Lagrangian (rho times 10 until h falls to a quarter) or DAGMA's path
/// (mu times .1), until h < 1e-8.
class GraphDescent {
 public:
  GraphDescent(GraphProblem problem, int64_t channels);

  const GraphProblem& problem() const { return problem_; }
  bool is_done() const { return is_done_; }
  /// Where the innovations are wanted next.
  const Eigen::MatrixXd& weight_PC() const { return weight_PC_; }
  void take(const InnovationMoments& innovations);
  /// Evaluations so far.
  int64_t evaluations() const { return evaluations_; }
  /// What is minimised, at the point last taken: score, penalty on the weights and constraint.
  double objective() const { return objective_; }
  /// After the end; a rest of a cycle is cut at its weakest edge.
  GraphSolution solution() const;

 private:
  // Allowed weights as one vector, and back.
  class Packing {
   public:
    explicit Packing(const Eigen::MatrixXd& allowed_PC);
    Eigen::VectorXd pack(const Eigen::MatrixXd& matrix) const;
    Eigen::MatrixXd unpack(const Eigen::VectorXd& vector) const;

   private:
    Eigen::Index rows_, columns_;
    std::vector<Eigen::Index> places_;
  };
  enum class Kind { kFree, kLagrangian, kPath };

  double h_of(const Eigen::VectorXd& x) const;
  void start_stage();
  void end_stage();
  void find_point();

  GraphProblem problem_;
  Eigen::Index C_;
  Packing packing_;
  Eigen::VectorXd l1_, x_;  // where this stage started
  Kind kind_;
  int rounds_ = 0;
  double rho_ = 1, alpha_ = 0, h_, mu_ = 1;
  std::optional<SparseDescent> stage_;
  Eigen::MatrixXd weight_PC_, constraint_CC_;
  double constraint_ = 0, objective_ = 0;
  int64_t evaluations_ = 0;
  bool is_done_ = false;
};

/// Minimises 1/2 sum_j log v_j + sum l1 |w| with v_j the variance of channel j's innovations, subject to h = 0.
GraphSolution solve_graph(const GraphMoments& moments, const GraphProblem& problem);

/// The same from where `descent` stands.
GraphSolution solve_graph(const GraphMoments& moments, GraphDescent& descent);

/// Least squares of each channel on the sources that `support_PC` (not 0) gives it: weights without shrinkage.
Eigen::MatrixXd refit(const GraphMoments& moments, const Eigen::MatrixXd& support_PC);

}  // namespace dcmmm
