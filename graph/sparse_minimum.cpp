#include "graph/sparse_minimum.hpp"

#include <cmath>
#include <deque>
#include <utility>

namespace dcmmm {
namespace {

constexpr size_t kMemory = 10;        // pairs of steps and changes of the gradient
constexpr double kSufficient = 1e-4;  // share of the decrease that the slope promises (Armijo 1966)
constexpr int kMostHalvings = 50;
constexpr double kSmallestGain = 1e-13;  // of the value's size

double sign(double value) { return value > 0 ? 1.0 : value < 0 ? -1.0 : 0.0; }

struct Pair {
  Eigen::VectorXd step, change;
  double product;
};

// Minus the inverse Hessian's estimate times the gradient: the two loops of L-BFGS (Nocedal 1980).
Eigen::VectorXd direction_of(const std::deque<Pair>& pairs, const Eigen::VectorXd& gradient) {
  Eigen::VectorXd direction = -gradient;
  std::vector<double> factor(pairs.size());
  for (size_t i = pairs.size(); i-- > 0;) {
    factor[i] = pairs[i].step.dot(direction) / pairs[i].product;
    direction -= factor[i] * pairs[i].change;
  }
  if (!pairs.empty()) direction *= pairs.back().product / pairs.back().change.squaredNorm();
  for (size_t i = 0; i < pairs.size(); ++i)
    direction += (factor[i] - pairs[i].change.dot(direction) / pairs[i].product) * pairs[i].step;
  return direction;
}

}  // namespace

Eigen::VectorXd sparse_minimum(const SmoothFunction& smooth, const Eigen::VectorXd& l1, Eigen::VectorXd x,
                               double tolerance, int most_steps) {
  const Eigen::Index n = x.size();
  Eigen::VectorXd gradient(n), next_gradient(n);
  double value = smooth(x, gradient) + l1.dot(x.cwiseAbs());
  std::deque<Pair> pairs;
  for (int step = 0; step < most_steps; ++step) {
    // The subgradient of least size.
    Eigen::VectorXd slope(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      const double g = gradient[i];
      slope[i] = x[i] != 0 ? g + sign(x[i]) * l1[i] : sign(g) * std::max(0.0, std::abs(g) - l1[i]);
    }
    if (n == 0 || slope.cwiseAbs().maxCoeff() <= tolerance) break;
    Eigen::VectorXd direction = direction_of(pairs, slope);
    for (Eigen::Index i = 0; i < n; ++i)
      if (l1[i] > 0 && direction[i] * slope[i] >= 0) direction[i] = 0;
    if (direction.dot(slope) >= 0) {
      pairs.clear();
      direction = -slope;
    }
    double length = pairs.empty() ? 1.0 / (1.0 + slope.norm()) : 1.0;
    Eigen::VectorXd next(n);
    double next_value = 0;
    bool lower = false;
    for (int halving = 0; halving < kMostHalvings && !lower; ++halving, length *= 0.5) {
      next = x + length * direction;
      for (Eigen::Index i = 0; i < n; ++i) {
        const double orthant = x[i] != 0 ? sign(x[i]) : -sign(slope[i]);
        if (l1[i] > 0 && next[i] * orthant <= 0) next[i] = 0;
      }
      next_value = smooth(next, next_gradient) + l1.dot(next.cwiseAbs());
      lower = next_value <= value + kSufficient * slope.dot(next - x);
    }
    if (!lower) {
      if (pairs.empty()) break;
      pairs.clear();  // the memory misled; once more along the slope
      continue;
    }
    Pair pair{next - x, next_gradient - gradient, 0};
    pair.product = pair.step.dot(pair.change);
    if (pair.product > 1e-12 * pair.change.squaredNorm()) {
      pairs.push_back(std::move(pair));
      if (pairs.size() > kMemory) pairs.pop_front();
    }
    const double gain = value - next_value;
    x = next;
    gradient = next_gradient;
    value = next_value;
    if (gain <= kSmallestGain * (1 + std::abs(value))) {
      if (pairs.size() <= 1) break;
      pairs.clear();
    }
  }
  return x;
}

}  // namespace dcmmm
