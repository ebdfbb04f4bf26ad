// The graph of channels in results.h5: edges, their resamples, and total effects. Shapes: C channels, B resamples, S
// edges.
#pragma once

#include <string>
#include <vector>

#include "data/array_file.hpp"
#include "graph/graph.hpp"

namespace dcmmm {

/// Declares the dimensions and arrays of a graph that isn't empty.
void add_graph_arrays(ArrayFile& file, const Graph& graph, const std::vector<std::string>& channels);

/// Writes the numbers. Collective; the rank with `is_writer` brings them.
void write_graph(ArrayFile& file, const Graph& graph, bool is_writer);

/// The graph, or an empty one where the file has none.
Graph read_graph(const ArrayFile& file);

}  // namespace dcmmm
