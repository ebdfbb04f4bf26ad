#include "graph/solver.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "graph/acyclic.hpp"

// C channels, P = (1 + lags) C sources.
namespace dcmmm {
namespace {

constexpr double kLeastVariance = 1e-9;  // of a channel's innovations, of its own variance
constexpr double kEnoughLess = 0.25;     // h must fall to this share, or rho grows (Zheng et al. 2018)
constexpr double kLargestRho = 1e16;
constexpr int kMostRounds = 100;
constexpr double kSmallestMu = 1e-12;
constexpr double kTolerance = 1e-6;  // of a stage's subgradient
// Added to the diagonal of least squares: channels that are exact copies of each other.
constexpr double kRidge = 1e-10;

// 1/2 sum_j log v_j, or C/2 log of the mean of scale_j^2 v_j; gradient as a matrix.
double score(const InnovationMoments& innovations, const GraphProblem& problem, Eigen::MatrixXd& gradient_PC) {
  const Eigen::VectorXd variance = innovations.variance_C.cwiseMax(kLeastVariance);
  const auto C = static_cast<double>(variance.size());
  if (problem.equal_scale_C.size() == 0) {
    gradient_PC = -innovations.with_PC * variance.cwiseInverse().asDiagonal();
    return 0.5 * variance.array().log().sum();
  }
  const Eigen::VectorXd square = problem.equal_scale_C.cwiseAbs2();
  const double total = square.dot(variance);
  gradient_PC = -innovations.with_PC * (C / total * square).asDiagonal();
  return 0.5 * C * std::log(total / C);
}

bool has_cycles(const Eigen::MatrixXd& allowed_CC) {
  std::vector<int64_t> all(allowed_CC.cols());
  std::iota(all.begin(), all.end(), 0);
  return topological_order(allowed_CC, all).empty();
}

}  // namespace

InnovationMoments innovation_moments(const GraphMoments& moments, const GraphProblem& problem,
                                     Eigen::MatrixXd weight_PC) {
  const Eigen::Index C = moments.channels;
  if (problem.offset_PC.size() > 0) weight_PC += problem.offset_PC;
  const auto now_PC = moments.moment_PP.leftCols(C);
  InnovationMoments out{Eigen::VectorXd(C), now_PC - moments.moment_PP * weight_PC};
  for (Eigen::Index j = 0; j < C; ++j)
    out.variance_C[j] = now_PC(j, j) - weight_PC.col(j).dot(now_PC.col(j)) - weight_PC.col(j).dot(out.with_PC.col(j));
  return out;
}

GraphDescent::Packing::Packing(const Eigen::MatrixXd& allowed_PC)
    : rows_(allowed_PC.rows()), columns_(allowed_PC.cols()) {
  for (Eigen::Index i = 0; i < allowed_PC.size(); ++i)
    if (allowed_PC.data()[i] != 0) places_.push_back(i);
}

Eigen::VectorXd GraphDescent::Packing::pack(const Eigen::MatrixXd& matrix) const {
  Eigen::VectorXd out(static_cast<Eigen::Index>(places_.size()));
  for (size_t i = 0; i < places_.size(); ++i) out[static_cast<Eigen::Index>(i)] = matrix.data()[places_[i]];
  return out;
}

Eigen::MatrixXd GraphDescent::Packing::unpack(const Eigen::VectorXd& vector) const {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(rows_, columns_);
  for (size_t i = 0; i < places_.size(); ++i) out.data()[places_[i]] = vector[static_cast<Eigen::Index>(i)];
  return out;
}

GraphDescent::GraphDescent(GraphProblem problem, int64_t channels)
    : problem_(std::move(problem)),
      C_(channels),
      packing_(problem_.allowed_PC),
      l1_(packing_.pack(problem_.l1_PC)),
      x_(Eigen::VectorXd::Zero(l1_.size())),
      kind_(!has_cycles(problem_.allowed_PC.topRows(C_)) ? Kind::kFree
            : problem_.solver == GraphSolver::kNotears   ? Kind::kLagrangian
                                                         : Kind::kPath),
      h_(std::numeric_limits<double>::infinity()),
      constraint_CC_(Eigen::MatrixXd::Zero(C_, C_)) {
  start_stage();
  find_point();
}

double GraphDescent::h_of(const Eigen::VectorXd& x) const { return trace_exponential(packing_.unpack(x).topRows(C_)); }

// The score and its penalty count mu-fold along DAGMA's path, else once.
void GraphDescent::start_stage() { stage_.emplace(mu_ * l1_, x_, kTolerance * mu_); }

void GraphDescent::end_stage() {
  const Eigen::VectorXd& next = stage_->lowest();
  if (kind_ == Kind::kLagrangian) {
    const double next_h = h_of(next);
    if (next_h > kEnoughLess * h_ && next_h >= kAcyclic && rho_ < kLargestRho) {
      rho_ *= 10;  // from the same start again
    } else {
      x_ = next;
      h_ = next_h;
      alpha_ += rho_ * h_;
      ++rounds_;
      is_done_ = h_ < kAcyclic || rho_ >= kLargestRho || rounds_ >= kMostRounds;
    }
  } else {
    x_ = next;
    ++rounds_;
    is_done_ = kind_ == Kind::kFree || (mu_ < 1e-2 && h_of(x_) < kAcyclic);
    if (!is_done_) mu_ *= 0.1;
    is_done_ = is_done_ || mu_ <= kSmallestMu;
  }
  if (!is_done_) start_stage();
}

// Moves on past stages that have ended and points where the constraint isn't defined.
void GraphDescent::find_point() {
  while (!is_done_) {
    if (stage_->is_done()) {
      end_stage();
      continue;
    }
    weight_PC_ = packing_.unpack(stage_->point());
    if (kind_ == Kind::kLagrangian) {
      const double h = trace_exponential(weight_PC_.topRows(C_), &constraint_CC_);
      constraint_CC_ *= rho_ * h + alpha_;
      constraint_ = 0.5 * rho_ * h * h + alpha_ * h;
    } else if (kind_ == Kind::kPath) {
      constraint_ = log_determinant(weight_PC_.topRows(C_), &constraint_CC_);
    }
    if (std::isfinite(constraint_)) return;
    stage_->take(constraint_, {});
  }
}

void GraphDescent::take(const InnovationMoments& innovations) {
  if (is_done_) return;
  ++evaluations_;
  Eigen::MatrixXd gradient_PC;
  const double value = mu_ * score(innovations, problem_, gradient_PC) + constraint_;
  objective_ = value + mu_ * l1_.dot(stage_->point().cwiseAbs());
  gradient_PC *= mu_;
  gradient_PC.topRows(C_) += constraint_CC_;
  stage_->take(value, packing_.pack(gradient_PC));
  find_point();
}

GraphSolution GraphDescent::solution() const {
  GraphSolution out{packing_.unpack(x_), h_of(x_), rounds_};
  if (out.h < kAcyclic) return out;
  Eigen::MatrixXd now_CC = out.weight_PC.topRows(C_);
  cut_cycles(now_CC, Eigen::MatrixXd::Zero(C_, C_));
  out.weight_PC.topRows(C_) = now_CC;
  out.h = trace_exponential(now_CC);
  return out;
}

GraphSolution solve_graph(const GraphMoments& moments, GraphDescent& descent) {
  while (!descent.is_done()) descent.take(innovation_moments(moments, descent.problem(), descent.weight_PC()));
  return descent.solution();
}

GraphSolution solve_graph(const GraphMoments& moments, const GraphProblem& problem) {
  GraphDescent descent(problem, moments.channels);
  return solve_graph(moments, descent);
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
