#include "graph/solver.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <limits>
#include <numeric>

#include "graph/acyclic.hpp"
#include "graph/sparse_minimum.hpp"

// C channels, P = (1 + lags) C sources.
namespace dcmmm {
namespace {

constexpr double kLeastVariance = 1e-9;  // of a channel's innovations, of its own variance
constexpr double kEnoughLess = 0.25;     // h must fall to this share, or rho grows (Zheng et al. 2018)
constexpr double kLargestRho = 1e16;
constexpr int kMostRounds = 100;
constexpr double kSmallestMu = 1e-12;
// Added to the diagonal of least squares: channels that are exact copies of each other.
constexpr double kRidge = 1e-10;

// Allowed weights as one vector, and back.
class Packing {
 public:
  explicit Packing(const Eigen::MatrixXd& allowed_PC) : rows_(allowed_PC.rows()), columns_(allowed_PC.cols()) {
    for (Eigen::Index i = 0; i < allowed_PC.size(); ++i)
      if (allowed_PC.data()[i] != 0) places_.push_back(i);
  }
  Eigen::VectorXd pack(const Eigen::MatrixXd& matrix) const {
    Eigen::VectorXd out(static_cast<Eigen::Index>(places_.size()));
    for (size_t i = 0; i < places_.size(); ++i) out[static_cast<Eigen::Index>(i)] = matrix.data()[places_[i]];
    return out;
  }
  Eigen::MatrixXd unpack(const Eigen::VectorXd& vector) const {
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(rows_, columns_);
    for (size_t i = 0; i < places_.size(); ++i) out.data()[places_[i]] = vector[static_cast<Eigen::Index>(i)];
    return out;
  }

 private:
  Eigen::Index rows_, columns_;
  std::vector<Eigen::Index> places_;
};

// 1/2 sum_j log v_j, or C/2 log of the mean of scale_j^2 v_j; gradient as a matrix.
double score(const GraphMoments& moments, const GraphProblem& problem, Eigen::MatrixXd weight_PC,
             Eigen::MatrixXd& gradient_PC) {
  const Eigen::Index C = moments.channels;
  if (problem.offset_PC.size() > 0) weight_PC += problem.offset_PC;
  const auto now_PC = moments.moment_PP.leftCols(C);
  const Eigen::MatrixXd left_PC = now_PC - moments.moment_PP * weight_PC;  // moments of sources and innovations
  Eigen::VectorXd variance(C);
  for (Eigen::Index j = 0; j < C; ++j)
    variance[j] = std::max(kLeastVariance,
                           now_PC(j, j) - weight_PC.col(j).dot(now_PC.col(j)) - weight_PC.col(j).dot(left_PC.col(j)));
  if (problem.equal_scale_C.size() == 0) {
    gradient_PC = -left_PC * variance.cwiseInverse().asDiagonal();
    return 0.5 * variance.array().log().sum();
  }
  const Eigen::VectorXd square = problem.equal_scale_C.cwiseAbs2();
  const double total = square.dot(variance);
  gradient_PC = -left_PC * (static_cast<double>(C) / total * square).asDiagonal();
  return 0.5 * static_cast<double>(C) * std::log(total / static_cast<double>(C));
}

class Solver {
 public:
  Solver(const GraphMoments& moments, const GraphProblem& problem)
      : moments_(moments), problem_(problem), packing_(problem.allowed_PC), l1_(packing_.pack(problem.l1_PC)) {}

  GraphSolution solve() {
    const Eigen::Index C = moments_.channels;
    GraphSolution out;
    Eigen::VectorXd x = Eigen::VectorXd::Zero(l1_.size());
    std::vector<int64_t> all(C);
    std::iota(all.begin(), all.end(), 0);
    if (!topological_order(problem_.allowed_PC.topRows(C), all).empty()) {
      x = minimum(std::move(x), 1.0, [](const Eigen::MatrixXd&, Eigen::MatrixXd&) { return 0.0; });
      out.rounds = 1;
    } else if (problem_.solver == GraphSolver::kNotears) {
      x = notears(std::move(x), out.rounds);
    } else {
      x = dagma(std::move(x), out.rounds);
    }
    out.weight_PC = packing_.unpack(x);
    out.h = h_of(x);
    if (out.h >= kAcyclic) {
      Eigen::MatrixXd now_CC = out.weight_PC.topRows(C);
      cut_cycles(now_CC, Eigen::MatrixXd::Zero(C, C));
      out.weight_PC.topRows(C) = now_CC;
      out.h = trace_exponential(now_CC);
    }
    return out;
  }

 private:
  // The minimum of factor (score + l1) + constraint, whose value and gradient `constraint` gives.
  template <class Constraint>
  Eigen::VectorXd minimum(Eigen::VectorXd x, double factor, const Constraint& constraint) const {
    const Eigen::Index C = moments_.channels;
    Eigen::MatrixXd gradient_PC, constraint_CC = Eigen::MatrixXd::Zero(C, C);
    const auto smooth = [&](const Eigen::VectorXd& at, Eigen::VectorXd& gradient) {
      const Eigen::MatrixXd weight_PC = packing_.unpack(at);
      const double barrier = constraint(weight_PC.topRows(C), constraint_CC);
      if (!std::isfinite(barrier)) return std::numeric_limits<double>::infinity();
      const double value = factor * score(moments_, problem_, weight_PC, gradient_PC) + barrier;
      gradient_PC *= factor;
      gradient_PC.topRows(C) += constraint_CC;
      gradient = packing_.pack(gradient_PC);
      return value;
    };
    return sparse_minimum(smooth, factor * l1_, std::move(x), 1e-6 * factor);
  }

  double h_of(const Eigen::VectorXd& x) const {
    return trace_exponential(packing_.unpack(x).topRows(moments_.channels));
  }

  Eigen::VectorXd notears(Eigen::VectorXd x, int& rounds) const {
    double rho = 1, alpha = 0, h = std::numeric_limits<double>::infinity();
    while (h >= kAcyclic && rho < kLargestRho && rounds < kMostRounds) {
      ++rounds;
      Eigen::VectorXd next;
      double next_h = 0;
      for (;; rho *= 10) {
        next = minimum(x, 1.0, [&](const Eigen::MatrixXd& weight_CC, Eigen::MatrixXd& gradient) {
          const double value = trace_exponential(weight_CC, &gradient);
          gradient *= rho * value + alpha;
          return 0.5 * rho * value * value + alpha * value;
        });
        next_h = h_of(next);
        if (next_h <= kEnoughLess * h || next_h < kAcyclic || rho >= kLargestRho) break;
      }
      x = next;
      h = next_h;
      alpha += rho * h;
    }
    return x;
  }

  Eigen::VectorXd dagma(Eigen::VectorXd x, int& rounds) const {
    for (double mu = 1; mu > kSmallestMu; mu *= 0.1) {
      ++rounds;
      x = minimum(std::move(x), mu, [](const Eigen::MatrixXd& weight_CC, Eigen::MatrixXd& gradient) {
        return log_determinant(weight_CC, &gradient);
      });
      if (mu < 1e-2 && h_of(x) < kAcyclic) break;
    }
    return x;
  }

  const GraphMoments& moments_;
  const GraphProblem& problem_;
  Packing packing_;
  Eigen::VectorXd l1_;
};

}  // namespace

GraphSolution solve_graph(const GraphMoments& moments, const GraphProblem& problem) {
  return Solver(moments, problem).solve();
}

Eigen::MatrixXd refit(const GraphMoments& moments, const Eigen::MatrixXd& support_PC) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(support_PC.rows(), support_PC.cols());
  for (Eigen::Index j = 0; j < support_PC.cols(); ++j) {
    std::vector<Eigen::Index> sources;
    for (Eigen::Index i = 0; i < support_PC.rows(); ++i)
      if (support_PC(i, j) != 0) sources.push_back(i);
    if (sources.empty()) continue;
    Eigen::MatrixXd gram = moments.moment_PP(sources, sources);
    gram.diagonal().array() += kRidge;
    const Eigen::VectorXd with = moments.moment_PP(sources, j);
    const Eigen::VectorXd weight = gram.ldlt().solve(with);
    out(sources, j) = weight;
  }
  return out;
}

}  // namespace dcmmm
