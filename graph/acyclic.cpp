#include "graph/acyclic.hpp"

#include <Eigen/LU>
#include <cmath>
#include <limits>
#include <numeric>
#include <unsupported/Eigen/MatrixFunctions>

namespace dcmmm {

double trace_exponential(const Eigen::MatrixXd& weight_CC, Eigen::MatrixXd* gradient) {
  const Eigen::MatrixXd exponential = weight_CC.cwiseAbs2().exp();
  if (gradient != nullptr) *gradient = 2.0 * exponential.transpose().cwiseProduct(weight_CC);
  return exponential.trace() - static_cast<double>(weight_CC.rows());
}

double log_determinant(const Eigen::MatrixXd& weight_CC, Eigen::MatrixXd* gradient) {
  const Eigen::Index C = weight_CC.rows();
  const Eigen::MatrixXd matrix = Eigen::MatrixXd::Identity(C, C) - weight_CC.cwiseAbs2();
  const Eigen::PartialPivLU<Eigen::MatrixXd> factor(matrix);
  // I - W o W is an M-matrix, as the domain asks, exactly where its inverse has no negative entry (Berman and Plemmons
  // 1994, theorem 6.2.3).
  const Eigen::MatrixXd inverse = factor.inverse();
  const double determinant = factor.determinant();
  if (!(determinant > 0) || !(inverse.minCoeff() >= -1e-12)) return std::numeric_limits<double>::infinity();
  if (gradient != nullptr) *gradient = 2.0 * inverse.transpose().cwiseProduct(weight_CC);
  return -std::log(determinant);
}

std::vector<int64_t> topological_order(const Eigen::MatrixXd& weight_CC, const std::vector<int64_t>& preferred) {
  std::vector<int64_t> order, left = preferred;
  while (!left.empty()) {
    bool found = false;
    for (size_t i = 0; i < left.size() && !found; ++i) {
      bool has_source = false;
      for (const int64_t source : left) has_source |= weight_CC(source, left[i]) != 0;
      if (has_source) continue;
      order.push_back(left[i]);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
      found = true;
    }
    if (!found) return {};
  }
  return order;
}

void cut_cycles(Eigen::MatrixXd& weight_CC, const Eigen::MatrixXd& keep_CC) {
  std::vector<int64_t> all(weight_CC.rows());
  std::iota(all.begin(), all.end(), 0);
  // reach(i, j): whether a path leads from i to j; an entry lies on a cycle where a path leads back.
  while (topological_order(weight_CC, all).empty()) {
    Eigen::MatrixXd reach = (weight_CC.array() != 0).cast<double>();
    for (const int64_t k : all)
      for (const int64_t i : all)
        if (reach(i, k) != 0) reach.row(i) = reach.row(i).cwiseMax(reach.row(k));
    double weakest = std::numeric_limits<double>::infinity();
    int64_t source = 0, target = 0;
    for (const int64_t i : all)
      for (const int64_t j : all) {
        if (weight_CC(i, j) == 0 || reach(j, i) == 0) continue;
        const double strength = std::abs(weight_CC(i, j)) + (keep_CC(i, j) != 0 ? 1e6 : 0.0);
        if (strength >= weakest) continue;
        weakest = strength;
        source = i;
        target = j;
      }
    weight_CC(source, target) = 0;
  }
}

}  // namespace dcmmm
