// Minimum of a smooth function plus an l1 penalty: orthant-wise limited-memory quasi-Newton (OWL-QN; Andrew and Gao
// 2007). Zeros come out exactly zero.
#pragma once

#include <Eigen/Core>
#include <functional>

namespace dcmmm {

/// The smooth part at x, its gradient into `gradient`; infinity where it is not defined.
using SmoothFunction = std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd& gradient)>;

/// Minimises smooth(x) + sum_i l1_i |x_i| from `x`, where smooth is finite. Stops when no entry of the subgradient is
/// larger than `tolerance`, when the line search finds nothing lower, or after `most_steps`. l1_i >= 0.
Eigen::VectorXd sparse_minimum(const SmoothFunction& smooth, const Eigen::VectorXd& l1, Eigen::VectorXd x,
                               double tolerance = 1e-6, int most_steps = 1000);

}  // namespace dcmmm
