// The matrix type that the likelihood's sums travel in: rows one after the other, as they lie in buffers.
#pragma once

#include <Eigen/Core>

namespace dcmmm {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace dcmmm
