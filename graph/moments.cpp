#include "graph/moments.hpp"

#include <cmath>

#include "common/random.hpp"

namespace dcmmm {

// Keeps the weights apart from other random numbers of a region.
static constexpr uint64_t kWeightStream = uint64_t{3} << 60;

bool has_row(const LogSpend& spend, int64_t lags, int64_t region, int64_t week) {
  if (week < lags) return false;
  for (int64_t lag = 0; lag <= lags; ++lag)
    if (!spend.seen(region, week - lag)) return false;
  return true;
}

int64_t fill_rows(const LogSpend& spend, int64_t lags, int64_t region, Eigen::MatrixXd& x_NP) {
  const int64_t C = spend.channels, P = (1 + lags) * C;
  int64_t rows = 0;
  for (int64_t t = lags; t < spend.weeks; ++t) {
    if (!has_row(spend, lags, region, t)) continue;
    for (int64_t p = 0; p < P; ++p) x_NP(rows, p) = spend.row(region, t - p / C)[p % C];
    ++rows;
  }
  return rows;
}

std::vector<std::vector<GraphMoments>> graph_moments(const LogSpend& spend, int64_t lags, int64_t resamples,
                                                     uint64_t seed, const std::vector<int64_t>& group_R, int64_t groups,
                                                     const RegionLoop& loop) {
  const int64_t C = spend.channels, P = (1 + lags) * C;
  const int64_t width = 1 + P * (P + 1) / 2;      // count, lower triangle by columns
  const int64_t draws = (1 + resamples) * width;  // of all regions, or of a group
  const std::vector<double> sums = loop.sum((1 + groups) * draws, [&](Chunk chunk, std::span<double> total) {
    Eigen::MatrixXd x_NP(spend.weeks, P), moment_PP(P, P);
    std::vector<double> region(width);
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      const int64_t rows = fill_rows(spend, lags, r, x_NP);
      if (rows == 0) continue;
      moment_PP.setZero();
      moment_PP.selfadjointView<Eigen::Lower>().rankUpdate(x_NP.topRows(rows).transpose());
      region[0] = static_cast<double>(rows);
      for (int64_t j = 0, at = 1; j < P; ++j)
        for (int64_t i = j; i < P; ++i) region[at++] = moment_PP(i, j);
      RandomStream random(seed, kWeightStream + static_cast<uint64_t>(loop.plan().first_region + r));
      for (int64_t b = 0; b <= resamples; ++b) {
        const double weight = b == 0 ? 1.0 : -std::log(random.uniform());
        for (const int64_t set : {int64_t{0}, 1 + group_R[r]}) {
          for (int64_t i = 0; i < width; ++i) total[set * draws + b * width + i] += weight * region[i];
          if (group_R[r] < 0) break;
        }
      }
    }
  });
  std::vector<std::vector<GraphMoments>> out(1 + groups);
  for (int64_t set = 0; set <= groups; ++set)
    for (int64_t b = 0; b <= resamples; ++b) {
      const double* mine = sums.data() + set * draws + b * width;
      GraphMoments moments{C, lags, mine[0], Eigen::MatrixXd::Zero(P, P)};
      for (int64_t j = 0, at = 1; j < P; ++j)
        for (int64_t i = j; i < P; ++i) moments.moment_PP(i, j) = moments.moment_PP(j, i) = mine[at++];
      if (moments.rows > 0) moments.moment_PP /= moments.rows;
      out[set].push_back(std::move(moments));
    }
  return out;
}

}  // namespace dcmmm
