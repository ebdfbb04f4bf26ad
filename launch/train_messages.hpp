// What `dcmmm train` tells people about a run, its panel's limits and its graph.
#pragma once

#include <string>
#include <vector>

#include "comm/mesh.hpp"
#include "data/panel_file.hpp"
#include "graph/graph.hpp"
#include "trainer/estimate.hpp"

namespace dcmmm {

/// The panel, the model and the mesh, before the first step.
void say_what_runs(const Fit& fit, const PanelFile& file, const Mesh& mesh, int threads);

/// The gate's verdict: the whole table in the log, and a warning for each channel without an identified effect.
void say_what_is_identified(const std::vector<ChannelIdentification>& channels, const std::vector<std::string>& names);

/// Experiments beside the panel, and a warning for each that can't be right together with it.
void say_what_experiments_did(const std::vector<ExperimentReport>& experiments,
                              const std::vector<std::string>& channels);

void say_how_channels_move(const Graph& graph, const std::vector<std::string>& channels);

}  // namespace dcmmm
