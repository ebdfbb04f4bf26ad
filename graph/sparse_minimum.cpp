#include "graph/sparse_minimum.hpp"

#include <cmath>
#include <utility>
#include <vector>

namespace dcmmm {
namespace {

constexpr size_t kMemory = 10;        // pairs of steps and changes of the gradient
constexpr double kSufficient = 1e-4;  // share of the decrease that the slope promises (Armijo 1966)
constexpr int kMostHalvings = 50;
constexpr double kSmallestGain = 1e-13;  // of the value's size

double sign(double value) { return value > 0 ? 1.0 : value < 0 ? -1.0 : 0.0; }

}  // namespace

SparseDescent::SparseDescent(Eigen::VectorXd l1, Eigen::VectorXd start, double tolerance, int most_steps)
    : l1_(std::move(l1)), x_(std::move(start)), next_(x_), tolerance_(tolerance), most_steps_(most_steps) {}

void SparseDescent::take(double smooth, const Eigen::VectorXd& gradient) {
  const double value = smooth + l1_.dot(next_.cwiseAbs());
  if (!has_value_) {
    has_value_ = true;
    value_ = value;
    gradient_ = gradient;
    choose_direction();
  } else if (value <= value_ + kSufficient * slope_.dot(next_ - x_)) {
    move(value, gradient);
  } else if (++halvings_ < kMostHalvings) {
    length_ *= 0.5;
    propose();
  } else if (pairs_.empty()) {
    is_done_ = true;
  } else {
    pairs_.clear();  // the memory misled; once more along the slope
    choose_direction();
  }
}

// Minus the inverse Hessian's estimate times the slope: the two loops of L-BFGS (Nocedal 1980).
Eigen::VectorXd SparseDescent::newton_direction() const {
  Eigen::VectorXd direction = -slope_;
  std::vector<double> factor(pairs_.size());
  for (size_t i = pairs_.size(); i-- > 0;) {
    factor[i] = pairs_[i].step.dot(direction) / pairs_[i].product;
    direction -= factor[i] * pairs_[i].change;
  }
  if (!pairs_.empty()) direction *= pairs_.back().product / pairs_.back().change.squaredNorm();
  for (size_t i = 0; i < pairs_.size(); ++i)
    direction += (factor[i] - pairs_[i].change.dot(direction) / pairs_[i].product) * pairs_[i].step;
  return direction;
}

void SparseDescent::choose_direction() {
  const Eigen::Index n = x_.size();
  // The subgradient of least size.
  slope_.resize(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const double g = gradient_[i];
    slope_[i] = x_[i] != 0 ? g + sign(x_[i]) * l1_[i] : sign(g) * std::max(0.0, std::abs(g) - l1_[i]);
  }
  if (steps_++ >= most_steps_ || n == 0 || slope_.cwiseAbs().maxCoeff() <= tolerance_) {
    is_done_ = true;
    return;
  }
  direction_ = newton_direction();
  for (Eigen::Index i = 0; i < n; ++i)
    if (l1_[i] > 0 && direction_[i] * slope_[i] >= 0) direction_[i] = 0;
  if (direction_.dot(slope_) >= 0) {
    pairs_.clear();
    direction_ = -slope_;
  }
  length_ = pairs_.empty() ? 1.0 / (1.0 + slope_.norm()) : 1.0;
  halvings_ = 0;
  propose();
}

void SparseDescent::propose() {
  next_ = x_ + length_ * direction_;
  for (Eigen::Index i = 0; i < next_.size(); ++i) {
    const double orthant = x_[i] != 0 ? sign(x_[i]) : -sign(slope_[i]);
    if (l1_[i] > 0 && next_[i] * orthant <= 0) next_[i] = 0;
  }
}

void SparseDescent::move(double value, const Eigen::VectorXd& gradient) {
  Pair pair{next_ - x_, gradient - gradient_, 0};
  pair.product = pair.step.dot(pair.change);
  if (pair.product > 1e-12 * pair.change.squaredNorm()) {
    pairs_.push_back(std::move(pair));
    if (pairs_.size() > kMemory) pairs_.pop_front();
  }
  const double gain = value_ - value;
  x_ = next_;
  gradient_ = gradient;
  value_ = value;
  if (gain <= kSmallestGain * (1 + std::abs(value_))) {
    if (pairs_.size() <= 1) {
      is_done_ = true;
      return;
    }
    pairs_.clear();
  }
  choose_direction();
}

Eigen::VectorXd sparse_minimum(const SmoothFunction& smooth, const Eigen::VectorXd& l1, Eigen::VectorXd x,
                               double tolerance, int most_steps) {
  SparseDescent descent(l1, std::move(x), tolerance, most_steps);
  Eigen::VectorXd gradient(l1.size());
  while (!descent.is_done()) {
    const double value = smooth(descent.point(), gradient);
    descent.take(value, gradient);
  }
  return descent.lowest();
}

}  // namespace dcmmm
