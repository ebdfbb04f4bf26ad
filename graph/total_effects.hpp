// What a lasting change of one channel makes of the others in the long run. Shapes: C channels, P = (1 + lags) C.
#pragma once

#include <Eigen/Core>

namespace dcmmm {

/// [i, j]: d log x_j / d log x_i when x_i is set to another level for good and all others follow their own equations,
/// x_j,t = sum over sources and lags of weight x, a channel's own past included: row i of (I - A_i)^-1, A summed over
/// lags, without what acts on i itself (Pearl's intervention). 1 on the diagonal. NaN everywhere when the equations
/// don't settle.
Eigen::MatrixXd total_effects(const Eigen::MatrixXd& weight_PC);

}  // namespace dcmmm
