// Groups of regions whose graphs differ sparsely from the shared one (the case of CausalMMM, Gong et al. 2024).
// Shapes: C channels, P = (1 + lags) C sources; [source, target], of standardised channels.
#pragma once

#include <Eigen/Core>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "graph/moments.hpp"
#include "graph/options.hpp"
#include "graph/solver.hpp"

namespace dcmmm {

/// The group's weights are the shared ones plus departures under an l1 penalty, sources before targets in the shared
/// order (so no group has a cycle). A departure counts where, without shrinkage, it reaches the threshold, and has its
/// sign in the stated share of the resamples. `all`, `group`: moments of all regions and of the group, the panel's own,
/// then the resamples'; `ordered`: the problem whose allowed edges follow an order. Weights are standardised.
std::vector<GroupDifference> group_differences(const std::string& name, const std::vector<GraphMoments>& all,
                                               const std::vector<GraphMoments>& group, GraphProblem ordered,
                                               const Eigen::MatrixXd& support_PC, const GraphOptions& options);

}  // namespace dcmmm
