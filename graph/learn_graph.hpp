// From a panel to its graph of channels (docs/graph.md).
#pragma once

#include <cstdint>

#include "data/panel.hpp"
#include "graph/graph.hpp"
#include "graph/options.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// Looks at the media of weeks [0, weeks) only. Collective; the same graph on every rank, and whatever the ranks up to
/// rounding (deterministic plans: the same bits). Throws UserError for rules of edges that can't hold.
Graph learn_graph(const Panel& panel, const GraphOptions& options, int64_t weeks, uint64_t seed,
                  const RegionLoop& loop);

}  // namespace dcmmm
