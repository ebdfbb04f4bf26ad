#include "graph/total_effects.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <limits>

namespace dcmmm {

Eigen::MatrixXd total_effects(const Eigen::MatrixXd& weight_PC) {
  const Eigen::Index P = weight_PC.rows(), C = weight_PC.cols(), past = P - C;
  const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(C, C);
  Eigen::MatrixXd sum_CC = weight_PC.topRows(C);
  for (Eigen::Index first = C; first < P; first += C) sum_CC += weight_PC.middleRows(first, C);
  if (past > 0) {
    // Spend settles where the companion matrix of this week's spend on the weeks before is a contraction.
    Eigen::MatrixXd companion = Eigen::MatrixXd::Zero(past, past);
    companion.leftCols(C) = weight_PC.bottomRows(past) * (identity - weight_PC.topRows(C)).inverse();
    companion.topRightCorner(past - C, past - C).setIdentity();
    if (!(companion.eigenvalues().cwiseAbs().maxCoeff() < 1))
      return Eigen::MatrixXd::Constant(C, C, std::numeric_limits<double>::quiet_NaN());
  }
  Eigen::MatrixXd out(C, C);
  for (Eigen::Index i = 0; i < C; ++i) {
    Eigen::MatrixXd matrix = identity - sum_CC;
    matrix.col(i) = identity.col(i);
    // Row i of the inverse, without the inverse.
    out.row(i) = matrix.transpose().partialPivLu().solve(identity.col(i)).transpose();
  }
  return out;
}

}  // namespace dcmmm
