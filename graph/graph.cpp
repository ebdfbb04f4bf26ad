#include "graph/graph.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/text.hpp"

namespace dcmmm {

const char* direction_name(Direction direction) {
  constexpr const char* kNames[] = {"undirected", "time", "noise", "config", "equal variance"};
  return kNames[static_cast<size_t>(direction)];
}

std::string graph_table(const Graph& graph, const std::vector<std::string>& channels) {
  const std::string unsure = graph.unsure == 0 ? ""
                                               : text("  ", graph.unsure, " more edge", graph.unsure == 1 ? "" : "s",
                                                      " not claimed: too few resamples of regions have them.\n");
  if (graph.edges.empty() && graph.differences.empty()) return "  no edges\n" + unsure;
  size_t width = 4;
  for (const GraphEdge& edge : graph.edges)
    width = std::max(width, channels[edge.source].size() + channels[edge.target].size() + 4);
  std::string out = "  edge" + std::string(width - 4, ' ') + "  lag  weight      sd  confidence  direction from\n";
  const auto S = graph.edges.size();
  for (size_t s = 0; s < S; ++s) {
    const GraphEdge& edge = graph.edges[s];
    double mean = 0, square = 0;
    for (int64_t b = 0; b < graph.draws; ++b) {
      mean += graph.weight_BS[b * S + s] / static_cast<double>(graph.draws);
      square += graph.weight_BS[b * S + s] * graph.weight_BS[b * S + s] / static_cast<double>(graph.draws);
    }
    const std::string name = channels[edge.source] + (edge.is_directed() ? " -> " : " -- ") + channels[edge.target];
    char row[100];
    std::snprintf(row, sizeof row, "  %3d  %6.2f  %6.2f  %10.2f  ", static_cast<int>(edge.lag), edge.weight,
                  std::sqrt(std::max(0.0, square - mean * mean)), edge.confidence);
    out += "  " + name + std::string(width - name.size(), ' ') + row + direction_name(edge.direction) + "\n";
  }
  for (const GroupDifference& difference : graph.differences) {
    char row[100];
    std::snprintf(row, sizeof row, " lag %d: %.2f instead of %.2f (confidence %.2f)\n",
                  static_cast<int>(difference.lag), difference.weight, difference.shared_weight, difference.confidence);
    out += "  in " + difference.group + ": " + channels[difference.source] + " -- " + channels[difference.target] + row;
  }
  return out + unsure;
}

}  // namespace dcmmm
