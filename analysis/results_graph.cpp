#include "analysis/results_graph.hpp"

#include <span>

#include "common/text.hpp"

namespace dcmmm {
namespace {

// One number of each edge.
struct EdgeArray {
  const char *name, *description;
  double (*get)(const GraphEdge& edge);
  void (*set)(GraphEdge& edge, double value);
};

constexpr EdgeArray kEdgeArrays[] = {
    {"edge_source", "number of the channel that acts", [](const GraphEdge& edge) { return double(edge.source); },
     [](GraphEdge& edge, double value) { edge.source = static_cast<int64_t>(value); }},
    {"edge_target", "number of the channel that it acts on", [](const GraphEdge& edge) { return double(edge.target); },
     [](GraphEdge& edge, double value) { edge.target = static_cast<int64_t>(value); }},
    {"edge_lag", "weeks later", [](const GraphEdge& edge) { return double(edge.lag); },
     [](GraphEdge& edge, double value) { edge.lag = static_cast<int64_t>(value); }},
    {"edge_weight", "change of the target's log spend for one of the source's",
     [](const GraphEdge& edge) { return edge.weight; }, [](GraphEdge& edge, double value) { edge.weight = value; }},
    {"edge_confidence", "share of the resamples that find the edge",
     [](const GraphEdge& edge) { return edge.confidence; },
     [](GraphEdge& edge, double value) { edge.confidence = value; }},
    {"edge_direction", "from: 0 undirected, 1 time, 2 noise, 3 config, 4 equal variance",
     [](const GraphEdge& edge) { return double(static_cast<int>(edge.direction)); },
     [](GraphEdge& edge, double value) { edge.direction = static_cast<Direction>(static_cast<int>(value)); }},
};

// One number of each edge that a group of regions has otherwise.
struct DifferenceArray {
  const char *name, *description;
  double (*get)(const GroupDifference& edge);
  void (*set)(GroupDifference& edge, double value);
};

constexpr DifferenceArray kDifferenceArrays[] = {
    {"group_edge_source", "number of the channel that acts",
     [](const GroupDifference& edge) { return double(edge.source); },
     [](GroupDifference& edge, double value) { edge.source = static_cast<int64_t>(value); }},
    {"group_edge_target", "number of the channel that it acts on",
     [](const GroupDifference& edge) { return double(edge.target); },
     [](GroupDifference& edge, double value) { edge.target = static_cast<int64_t>(value); }},
    {"group_edge_lag", "weeks later", [](const GroupDifference& edge) { return double(edge.lag); },
     [](GroupDifference& edge, double value) { edge.lag = static_cast<int64_t>(value); }},
    {"group_edge_weight", "weight in the group", [](const GroupDifference& edge) { return edge.weight; },
     [](GroupDifference& edge, double value) { edge.weight = value; }},
    {"group_edge_shared_weight", "weight in all regions",
     [](const GroupDifference& edge) { return edge.shared_weight; },
     [](GroupDifference& edge, double value) { edge.shared_weight = value; }},
    {"group_edge_confidence", "share of the resamples with a difference of this sign",
     [](const GroupDifference& edge) { return edge.confidence; },
     [](GroupDifference& edge, double value) { edge.confidence = value; }},
};

}  // namespace

void add_graph_arrays(ArrayFile& file, const Graph& graph, const std::vector<std::string>& channels) {
  std::vector<std::string> edges, draws;
  for (const GraphEdge& edge : graph.edges)
    edges.push_back(text(channels[edge.source], "->", channels[edge.target], "@", edge.lag));
  for (int64_t draw = 1; draw <= graph.draws; ++draw) draws.push_back(std::to_string(draw));
  file.add_coordinate("edge", edges);
  file.add_coordinate("graph_draw", draws);
  file.add_coordinate("caused_channel", channels);
  for (const EdgeArray& array : kEdgeArrays)
    file.add_array(array.name, ElementType::kFloat64, {"edge"}, {{}, "1", array.description});
  file.add_array("draw_edge_weight", ElementType::kFloat64, {"graph_draw", "edge"},
                 {{}, "1", "edge_weight in resamples of regions"});
  constexpr const char* kTotal = "lasting change of a caused channel's log spend for one of a channel's";
  file.add_array("total_effect", ElementType::kFloat64, {"channel", "caused_channel"}, {{}, "1", kTotal});
  file.add_array("draw_total_effect", ElementType::kFloat64, {"graph_draw", "channel", "caused_channel"},
                 {{}, "1", kTotal});
  std::vector<std::string> groups;
  for (const GroupDifference& edge : graph.differences) groups.push_back(edge.group);
  file.add_coordinate("group_edge", groups);
  for (const DifferenceArray& array : kDifferenceArrays)
    file.add_array(array.name, ElementType::kFloat64, {"group_edge"}, {{}, "1", array.description});
  file.set_attribute("", "graph_h", graph.h);
  file.set_attribute("", "graph_unsure", graph.unsure);
}

void write_graph(ArrayFile& file, const Graph& graph, bool is_writer) {
  const auto S = static_cast<int64_t>(graph.edges.size()), C = graph.channels, B = graph.draws;
  // A parallel write of nothing at all is refused.
  const auto write = [&](const char* name, const std::vector<double>& values, std::vector<int64_t> count) {
    if (values.empty()) return;
    if (!is_writer) count[0] = 0;
    file.write<double>(name, std::vector<int64_t>(count.size(), 0), count,
                       std::span(values).first(is_writer ? values.size() : 0));
  };
  for (const EdgeArray& array : kEdgeArrays) {
    std::vector<double> values;
    for (const GraphEdge& edge : graph.edges) values.push_back(array.get(edge));
    write(array.name, values, {S});
  }
  for (const DifferenceArray& array : kDifferenceArrays) {
    std::vector<double> values;
    for (const GroupDifference& edge : graph.differences) values.push_back(array.get(edge));
    write(array.name, values, {static_cast<int64_t>(values.size())});
  }
  write("draw_edge_weight", graph.weight_BS, {B, S});
  write("total_effect", graph.total_CC, {C, C});
  write("draw_total_effect", graph.total_BCC, {B, C, C});
}

Graph read_graph(const ArrayFile& file) {
  Graph graph;
  if (!file.has_array("total_effect")) return graph;
  graph.channels = static_cast<int64_t>(file.labels("caused_channel").size());
  graph.edges.resize(file.labels("edge").size());
  graph.draws = static_cast<int64_t>(file.labels("graph_draw").size());
  graph.h = file.real_attribute("", "graph_h");
  graph.unsure = file.integer_attribute("", "graph_unsure");
  graph.total_CC = file.read<double>("total_effect");
  if (graph.draws > 0) graph.total_BCC = file.read<double>("draw_total_effect");
  for (const std::string& group : file.labels("group_edge")) graph.differences.push_back({.group = group});
  for (const DifferenceArray& array : kDifferenceArrays) {
    if (graph.differences.empty()) break;
    const std::vector<double> values = file.read<double>(array.name);
    for (size_t d = 0; d < values.size(); ++d) array.set(graph.differences[d], values[d]);
  }
  if (graph.edges.empty()) return graph;
  for (const EdgeArray& array : kEdgeArrays) {
    const std::vector<double> values = file.read<double>(array.name);
    for (size_t s = 0; s < values.size(); ++s) array.set(graph.edges[s], values[s]);
  }
  if (graph.draws > 0) graph.weight_BS = file.read<double>("draw_edge_weight");
  return graph;
}

}  // namespace dcmmm
