#include "graph/group_differences.hpp"

#include <cmath>

namespace dcmmm {

std::vector<GroupDifference> group_differences(const std::string& name, const std::vector<GraphMoments>& all,
                                               const std::vector<GraphMoments>& group, GraphProblem ordered,
                                               const Eigen::MatrixXd& support_PC, const GraphOptions& options) {
  const Eigen::Index C = all[0].channels, P = support_PC.rows();
  const Eigen::MatrixXd shared_PC = refit(all[0], support_PC);
  ordered.offset_PC = shared_PC;
  const Eigen::MatrixXd departure_PC = solve_graph(group[0], ordered).weight_PC;
  const Eigen::MatrixXd own_support_PC = support_PC.cwiseMax((departure_PC.array() != 0).cast<double>().matrix());
  const Eigen::MatrixXd own_PC = refit(group[0], own_support_PC);
  std::vector<GroupDifference> out;
  for (Eigen::Index j = 0; j < C; ++j)
    for (Eigen::Index i = 0; i < P; ++i) {
      const double difference = own_PC(i, j) - shared_PC(i, j);
      if (i % C == j || departure_PC(i, j) == 0 || std::abs(difference) < options.threshold) continue;
      out.push_back({name, i % C, j, i / C, own_PC(i, j), shared_PC(i, j), 0});
    }
  if (out.empty() || all.size() == 1) return out;
  for (size_t b = 1; b < all.size(); ++b) {
    const Eigen::MatrixXd drawn_PC = refit(group[b], own_support_PC) - refit(all[b], support_PC);
    for (GroupDifference& edge : out)
      if (drawn_PC(edge.lag * C + edge.source, edge.target) * (edge.weight - edge.shared_weight) > 0)
        edge.confidence += 1.0 / static_cast<double>(all.size() - 1);
  }
  std::erase_if(out, [&](const GroupDifference& edge) { return edge.confidence < options.confidence; });
  return out;
}

}  // namespace dcmmm
