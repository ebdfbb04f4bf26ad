// From a panel to its graph of channels (docs/graph.md).
#pragma once

#include <cstdint>
#include <memory>

#include "data/panel.hpp"
#include "graph/graph.hpp"
#include "graph/graph_term.hpp"
#include "graph/options.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// Looks at the media of weeks [0, weeks) only. Collective; the same graph on every rank, and whatever the ranks up to
/// rounding (deterministic plans: the same bits). Throws UserError for rules of edges that can't hold.
Graph learn_graph(const Panel& panel, const GraphOptions& options, int64_t weeks, uint64_t seed,
                  const RegionLoop& loop);

class GraphLearner;

/// The same graph, its weights found along a descent (GraphMode::kJoint).
class JointGraph {
 public:
  /// All that comes before the weights: the channels' log spend, the resamples' moments, directions. As learn_graph.
  JointGraph(const Panel& panel, const GraphOptions& options, int64_t weeks, uint64_t seed, const RegionLoop& loop);
  ~JointGraph();
  JointGraph(const JointGraph&) = delete;
  JointGraph& operator=(const JointGraph&) = delete;

  /// What the descent adds to its loss; null where the panel has too few weeks for a graph.
  GraphTerm* term() { return term_.get(); }
  /// The graph. What steps were missing, until h < 1e-8, are taken here: the same objective, from its sufficient
  /// statistic. Not collective.
  Graph finish();

 private:
  std::unique_ptr<GraphLearner> learner_;
  std::unique_ptr<GraphTerm> term_;
};

}  // namespace dcmmm
