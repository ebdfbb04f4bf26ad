// A graph of channels as it is reported: how spend on one moves spend on others. Shapes: C channels, B resamples, S
// edges.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dcmmm {

/// What tells which of two channels acts on the other.
enum class Direction { kUndirected, kTime, kNoise, kConfig, kEqualVariance };

/// "undirected", "time", "noise", "config", "equal variance".
const char* direction_name(Direction direction);

struct GraphEdge {
  int64_t source = 0, target = 0;  // channels
  int64_t lag = 0;                 // weeks
  double weight = 0;               // change of the target's log spend for one of the source's, other sources held fixed
  double confidence = 0;           // share of the resamples in which the edge is found
  Direction direction = Direction::kUndirected;  // undirected: the two move together, which acts on which isn't known

  bool is_directed() const { return direction != Direction::kUndirected; }
};

/// An edge whose weight a group of regions has otherwise than all regions together.
struct GroupDifference {
  std::string group;
  int64_t source = 0, target = 0, lag = 0;
  double weight = 0, shared_weight = 0;  // of the group, of all regions; 0: no edge
  double confidence = 0;                 // share of the resamples in which the difference has this sign
};

struct Graph {
  int64_t channels = 0;
  double h = 0;                  // tr exp(W o W) - C of the solver's weights
  int64_t unsure = 0;            // edges that were left out since too few resamples have them
  std::vector<GraphEdge> edges;  // strongest first, of standardised weights
  int64_t draws = 0;             // B
  std::vector<double> weight_BS;
  // [i, j]: change of log spend on j, in the long run, for a lasting change of one in log spend on i, along directed
  // edges; 1 on the diagonal.
  std::vector<double> total_CC, total_BCC;
  std::vector<GroupDifference> differences;  // largest first

  bool empty() const { return channels == 0; }
};

/// The edges as a table for people, strongest first. Ends with "\n"; says so where there are none.
std::string graph_table(const Graph& graph, const std::vector<std::string>& channels);

}  // namespace dcmmm
