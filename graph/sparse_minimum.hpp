// Minimum of a smooth function plus an l1 penalty: orthant-wise limited-memory quasi-Newton (OWL-QN; Andrew and Gao
// 2007). Zeros come out exactly zero.
#pragma once

#include <Eigen/Core>
#include <deque>
#include <functional>

namespace dcmmm {

/// The search, one evaluation of the smooth part at a time, for callers who can't evaluate it whenever they are asked.
class SparseDescent {
 public:
  /// Minimises smooth(x) + sum_i l1_i |x_i| from `start`, where smooth is finite. Ends when no entry of the subgradient
  /// is larger than `tolerance`, when the line search finds nothing lower, or after `most_steps`. l1_i >= 0.
  SparseDescent(Eigen::VectorXd l1, Eigen::VectorXd start, double tolerance, int most_steps = 1000);

  /// Where the smooth part is wanted next.
  const Eigen::VectorXd& point() const { return next_; }
  /// The smooth part at point(), infinity where it is not defined, and its gradient there.
  void take(double smooth, const Eigen::VectorXd& gradient);
  bool is_done() const { return is_done_; }
  /// The lowest point so far.
  const Eigen::VectorXd& lowest() const { return x_; }

 private:
  struct Pair {
    Eigen::VectorXd step, change;
    double product;
  };

  void choose_direction();
  void propose();
  void move(double value, const Eigen::VectorXd& gradient);
  Eigen::VectorXd newton_direction() const;

  Eigen::VectorXd l1_, x_, next_, gradient_, slope_, direction_;
  double tolerance_, value_ = 0, length_ = 0;
  int most_steps_, steps_ = 0, halvings_ = 0;
  bool has_value_ = false, is_done_ = false;
  std::deque<Pair> pairs_;  // the last steps and changes of the gradient
};

/// The smooth part at x, its gradient into `gradient`; infinity where it is not defined.
using SmoothFunction = std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd& gradient)>;

/// The same search for a function at hand.
Eigen::VectorXd sparse_minimum(const SmoothFunction& smooth, const Eigen::VectorXd& l1, Eigen::VectorXd x,
                               double tolerance = 1e-6, int most_steps = 1000);

}  // namespace dcmmm
