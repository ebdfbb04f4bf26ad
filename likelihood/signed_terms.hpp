// Linear terms whose sign is known. Shapes: L linear terms.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

namespace dcmmm {

/// An order of the terms that has those of known sign first, turned round where they are negative: what solvers and
/// samplers of non-negative terms take. Shares of channels are never negative, controls as far as their signs say.
class SignedTerms {
 public:
  /// `control_signs`: none, or one a control (1, -1; 0: either); controls follow the channels. `count`: of all terms.
  SignedTerms(int64_t channels, const std::vector<int>& control_signs, int64_t count);

  /// How many have a sign.
  int64_t bound() const { return bound_; }
  bool has_sign(int64_t term) const { return sign_[static_cast<size_t>(term)] != 0; }

  Eigen::VectorXd turned(const Eigen::VectorXd& values_L) const;
  Eigen::MatrixXd turned(const Eigen::MatrixXd& matrix_LL) const;
  Eigen::VectorXd back(const Eigen::VectorXd& turned_L) const;

 private:
  std::vector<int> sign_;  // 0: either
  std::vector<int64_t> order_;
  Eigen::VectorXd factor_;  // 1 or -1
  int64_t bound_;
};

}  // namespace dcmmm
