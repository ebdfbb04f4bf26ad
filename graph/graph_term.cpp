#include "graph/graph_term.hpp"

#include <utility>
#include <vector>

// N region-weeks, C channels, P sources.
namespace dcmmm {

GraphTerm::GraphTerm(const LogSpend& spend, int64_t lags, double rows, GraphProblem problem)
    : spend_(spend), lags_(lags), rows_(rows), descent_(std::move(problem), spend.channels) {}

int64_t GraphTerm::sums() const {
  return descent_.is_done() ? 0 : spend_.channels * (1 + (1 + lags_) * spend_.channels);
}

void GraphTerm::add(Chunk chunk, std::span<double> total) const {
  if (descent_.is_done()) return;
  const Eigen::Index C = spend_.channels, P = (1 + lags_) * C;
  Eigen::Map<Eigen::VectorXd> square_C(total.data(), C);
  Eigen::Map<Eigen::MatrixXd> with_PC(total.data() + C, P, C);
  Eigen::MatrixXd x_NP(spend_.weeks, P), left_NC;
  for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
    const int64_t rows = fill_rows(spend_, lags_, r, x_NP);
    if (rows == 0) continue;
    const auto seen_NP = x_NP.topRows(rows);
    left_NC.noalias() = seen_NP.leftCols(C) - seen_NP * descent_.weight_PC();
    square_C += left_NC.colwise().squaredNorm().transpose();
    with_PC.noalias() += seen_NP.transpose() * left_NC;
  }
}

void GraphTerm::take(std::span<const double> total) {
  ++steps_;
  if (descent_.is_done()) return;
  const Eigen::Index C = spend_.channels;
  descent_.take({Eigen::Map<const Eigen::VectorXd>(total.data(), C) / rows_,
                 Eigen::Map<const Eigen::MatrixXd>(total.data() + C, (1 + lags_) * C, C) / rows_});
}

void advance(GraphTerm& term, int64_t steps, const RegionLoop& loop) {
  while (term.steps() < steps)
    term.take(loop.sum(term.sums(), [&](Chunk chunk, std::span<double> total) { term.add(chunk, total); }));
}

}  // namespace dcmmm
