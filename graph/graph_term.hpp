// The graph as a term of the training loss: what a descent over the regions adds up for it, one step at a time.
// Shapes: C channels, P = (1 + lags) C sources: this week's channels, then those of each week before.
#pragma once

#include <cstdint>
#include <span>

#include "graph/solver.hpp"
#include "graph/spend.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// Each step evaluates the score of the graph's weights on the regions' own weeks, chunk by chunk. Its sums travel with
/// the gradients of the shared parameters, and every rank then moves the weights alike.
class GraphTerm {
 public:
  /// `spend` must outlive it; `rows`: region-weeks of all ranks.
  GraphTerm(const LogSpend& spend, int64_t lags, double rows, GraphProblem problem);

  /// How many numbers a step adds up; 0 once the weights are found.
  int64_t sums() const;
  /// Adds a chunk's. Chunks may be added at once, each into a `total` of its own.
  void add(Chunk chunk, std::span<double> total) const;
  /// The step: `total` over all chunks and ranks.
  void take(std::span<const double> total);
  /// Steps so far, those after the end included.
  int64_t steps() const { return steps_; }
  /// The term at the weights last taken: 1/2 sum_j log v_j, the penalty on weights and the constraint.
  double loss() const { return descent_.objective(); }

  GraphDescent& descent() { return descent_; }

 private:
  const LogSpend& spend_;
  int64_t lags_;
  double rows_;
  GraphDescent descent_;
  int64_t steps_ = 0;
};

/// Steps of the term alone, to where `steps` of a descent have brought it. Collective.
void advance(GraphTerm& term, int64_t steps, const RegionLoop& loop);

}  // namespace dcmmm
