// Which edges of unknown direction other channels explain away: the skeleton of the PC algorithm (Spirtes, Glymour and
// Scheines 2000, chapter 5). Shapes: C channels, P = (1 + lags) C sources; [source, target], of standardised channels.
#pragma once

#include <Eigen/Core>

#include "graph/moments.hpp"

namespace dcmmm {

/// Smallest |partial correlation| of `source` and `target` (a channel of this week) over all sets of the same-week
/// neighbours that `support_PC` (not 0, either way round) gives the two, at most 10 of them, the weeks before that any
/// of these depends on being held fixed always. Near 0: no edge, since what an edge links depends on each other
/// whatever else is held fixed.
double least_dependence(const GraphMoments& moments, const Eigen::MatrixXd& support_PC, Eigen::Index source,
                        Eigen::Index target);

}  // namespace dcmmm
