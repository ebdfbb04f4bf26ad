#include "likelihood/draws.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace dcmmm {
namespace {

constexpr int kFirstSweeps = 30, kSweeps = 5, kTries = 30;
constexpr double kFarthestCenter = 0.2;  // the unconstrained optimum of a term isn't believed beyond this distance

// A normal of mean and sd above 0. Robert 1995: by rejection; exponential proposals in the far tail.
double truncated_normal(double mean, double sd, RandomStream& random) {
  const double bound = -mean / sd;
  if (bound < 0.5) {
    double value = random.normal();
    while (value < bound) value = random.normal();
    return mean + sd * value;
  }
  const double rate = 0.5 * (bound + std::sqrt(bound * bound + 4));
  while (true) {
    const double value = bound - std::log(random.uniform()) / rate;
    if (random.uniform() < std::exp(-0.5 * (value - rate) * (value - rate))) return mean + sd * value;
  }
}

constexpr int64_t kJudgedRegions = 64;

}  // namespace

RowMatrix relative_mean_responses(const LikelihoodData& data, const Shapes& shapes, const RowMatrix& shapes_DS,
                                  int64_t all_regions, const RegionLoop& loop) {
  const int64_t C = data.channels, D = shapes_DS.rows();
  const ColumnLayout layout{C, data.controls, data.patterns};
  const auto is_judged = [&](int64_t region) {
    return data.is_usable(region) && is_sampled(loop.plan().first_region + region, kJudgedRegions, all_regions);
  };
  const auto add_run = [&](int64_t begin, int64_t end, double* total) {
    RowMatrix columns(data.origin, layout.count());
    Shapes at = shapes;
    for (int64_t region = begin; region < end; ++region) {
      if (!is_judged(region)) continue;
      for (int64_t draw = 0; draw <= D; ++draw) {
        at.coordinates = draw == D ? shapes.coordinates : Eigen::VectorXd(shapes_DS.row(draw));
        fill_columns(data, layout, at, nullptr, region, columns);
        for (int64_t t = 0; t < data.origin; ++t)
          if (data.weight_RT[region * data.weeks + t] > 0)
            for (int64_t c = 0; c < C; ++c) total[draw * C + c] += data.size_R[region] * columns(t, c);
      }
    }
  };
  const std::vector<double> sums = loop.sum((D + 1) * C, [&](Chunk chunk, std::span<double> total) {
    add_run(chunk.first, chunk.first + chunk.count, total.data());
  });
  RowMatrix out(D, C);
  for (int64_t draw = 0; draw < D; ++draw)
    for (int64_t c = 0; c < C; ++c) out(draw, c) = sums[D * C + c] > 0 ? sums[draw * C + c] / sums[D * C + c] : 1.0;
  return out;
}

RowMatrix draw_signed(const Eigen::VectorXd& given_center, const Eigen::MatrixXd& given_covariance,
                      const SignedTerms& terms, int64_t draws, int first_sweeps, RandomStream& random) {
  const Eigen::VectorXd center = terms.turned(given_center);
  const Eigen::MatrixXd covariance = terms.turned(given_covariance);
  const int64_t C = terms.bound(), rest = center.size() - C;
  const Eigen::MatrixXd of_shares = covariance.topLeftCorner(C, C);
  const Eigen::MatrixXd precision = of_shares.llt().solve(Eigen::MatrixXd::Identity(C, C));
  const Eigen::MatrixXd regression = precision * covariance.topRightCorner(C, rest);  // of the rest on the shares
  Eigen::MatrixXd left = covariance.bottomRightCorner(rest, rest) - covariance.bottomLeftCorner(rest, C) * regression;
  left = 0.5 * (left + left.transpose().eval());
  left.diagonal().array() += 1e-12;
  const Eigen::MatrixXd spread = left.llt().matrixL();
  RowMatrix out(draws, center.size());
  const Eigen::MatrixXd root = of_shares.llt().matrixL();
  Eigen::VectorXd shares = center.head(C).cwiseMax(0.005), tried(C);
  // Independent draws until one is allowed; only where hardly any is, steps from the last one. (Gibbs alone would take
  // very long for terms that the panel can't tell apart.)
  const auto by_rejection = [&] {
    for (int attempt = 0; attempt < kTries; ++attempt) {
      for (double& value : tried) value = random.normal();
      tried = center.head(C) + root * tried;
      if (tried.minCoeff() > 0) {
        shares = tried;
        return true;
      }
    }
    return false;
  };
  for (int64_t draw = 0; draw < draws; ++draw) {
    const int sweeps = C == 0 || by_rejection() ? 0 : draw == 0 ? first_sweeps : kSweeps;
    for (int sweep = 0; sweep < sweeps; ++sweep)
      for (int64_t c = 0; c < C; ++c) {
        const double variance = 1.0 / precision(c, c);
        const double others = precision.row(c).dot(shares - center.head(C)) - precision(c, c) * (shares[c] - center[c]);
        shares[c] = truncated_normal(center[c] - variance * others, std::sqrt(variance), random);
      }
    Eigen::VectorXd noise(rest);
    for (int64_t i = 0; i < rest; ++i) noise[i] = random.normal();
    Eigen::VectorXd drawn(center.size());
    drawn.head(C) = shares;
    drawn.tail(rest) = center.tail(rest) + regression.transpose() * (shares - center.head(C)) + spread * noise;
    out.row(draw) = terms.back(drawn).transpose();
  }
  return out;
}

Draws draw_posterior(const Mode& mode, const std::vector<int>& control_signs, int64_t draws, RandomStream random) {
  const int64_t C = mode.shapes.channels(), L = mode.linear.size(), all = mode.curvature.rows();
  const Eigen::LDLT<Eigen::MatrixXd> factor(mode.curvature);
  const Eigen::MatrixXd covariance = factor.solve(Eigen::MatrixXd::Identity(all, all));
  const Eigen::VectorXd move = factor.solve(mode.gradient);
  Eigen::VectorXd center(all);
  center.head(L) = mode.linear;
  center.tail(mode.shapes.coordinates.size()) = mode.shapes.coordinates;
  const SignedTerms terms(C, control_signs, all);
  for (int64_t i = 0; i < L; ++i)
    if (terms.has_sign(i)) center[i] += std::clamp(move[i], -kFarthestCenter, kFarthestCenter);
  RowMatrix drawn = draw_signed(center, covariance, terms, draws, kFirstSweeps, random);
  for (int64_t c = 0; c < C; ++c)
    if (!(mode.mean_C[c] > 0)) drawn.col(c).setZero();  // off: the prior alone would speak
  return {drawn.leftCols(L), drawn.rightCols(all - L)};
}

}  // namespace dcmmm
