#include "likelihood/signed_terms.hpp"

#include <algorithm>
#include <numeric>

namespace dcmmm {

SignedTerms::SignedTerms(int64_t channels, const std::vector<int>& control_signs, int64_t count)
    : sign_(static_cast<size_t>(count), 0), factor_(count) {
  std::fill_n(sign_.begin(), channels, 1);
  std::copy(control_signs.begin(), control_signs.end(), sign_.begin() + channels);
  order_.resize(sign_.size());
  std::iota(order_.begin(), order_.end(), 0);
  const auto end = std::stable_partition(order_.begin(), order_.end(), [&](int64_t i) { return has_sign(i); });
  bound_ = end - order_.begin();
  for (int64_t i = 0; i < count; ++i)
    factor_[i] = sign_[static_cast<size_t>(order_[static_cast<size_t>(i)])] < 0 ? -1 : 1;
}

Eigen::VectorXd SignedTerms::turned(const Eigen::VectorXd& values_L) const {
  return values_L(order_).cwiseProduct(factor_);
}

Eigen::MatrixXd SignedTerms::turned(const Eigen::MatrixXd& matrix_LL) const {
  return factor_.asDiagonal() * matrix_LL(order_, order_) * factor_.asDiagonal();
}

Eigen::VectorXd SignedTerms::back(const Eigen::VectorXd& turned_L) const {
  Eigen::VectorXd out(turned_L.size());
  out(order_) = turned_L.cwiseProduct(factor_);
  return out;
}

}  // namespace dcmmm
