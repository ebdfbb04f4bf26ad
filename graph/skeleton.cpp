#include "graph/skeleton.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <vector>

// C channels, P sources, N the two and their neighbours, L sources of the weeks before.
namespace dcmmm {
namespace {

constexpr size_t kMostNeighbours = 10;
constexpr double kRidge = 1e-9;  // channels that are copies of each other

// Moments of `kept` less what `fixed` explains.
Eigen::MatrixXd given(const Eigen::MatrixXd& moment, const std::vector<Eigen::Index>& kept,
                      const std::vector<Eigen::Index>& fixed) {
  Eigen::MatrixXd out = moment(kept, kept);
  if (fixed.empty()) return out;
  Eigen::MatrixXd gram = moment(fixed, fixed);
  gram.diagonal().array() += kRidge;
  const Eigen::MatrixXd with = moment(fixed, kept);
  return out - with.transpose() * gram.ldlt().solve(with);
}

}  // namespace

double least_dependence(const GraphMoments& moments, const Eigen::MatrixXd& support_PC, Eigen::Index source,
                        Eigen::Index target) {
  const Eigen::Index C = moments.channels, P = support_PC.rows();
  const auto are_linked = [&](Eigen::Index i, Eigen::Index j) {
    return i < C && (support_PC(i, j) != 0 || support_PC(j, i) != 0);
  };
  std::vector<Eigen::Index> kept = {source, target};
  for (Eigen::Index k = 0; k < C; ++k)
    if (k != source && k != target && (are_linked(k, target) || (source < C && are_linked(k, source))))
      kept.push_back(k);
  const auto strength = [&](Eigen::Index k) {
    return std::max(std::abs(moments.moment_PP(k, target)), std::abs(moments.moment_PP(k, source)));
  };
  std::stable_sort(kept.begin() + 2, kept.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return strength(a) > strength(b); });
  kept.resize(std::min(kept.size(), 2 + kMostNeighbours));
  std::vector<Eigen::Index> before;
  for (Eigen::Index p = C; p < P; ++p) {
    const bool matters = std::any_of(kept.begin(), kept.end(),
                                     [&](Eigen::Index k) { return k < C && (support_PC(p, k) != 0 || p % C == k); });
    if (p != source && matters) before.push_back(p);
  }
  const Eigen::MatrixXd moment_NN = given(moments.moment_PP, kept, before);
  double least = 1;
  for (size_t subset = 0; subset < size_t{1} << (kept.size() - 2); ++subset) {
    std::vector<Eigen::Index> fixed;
    for (size_t n = 0; n + 2 < kept.size(); ++n)
      if ((subset >> n & 1) != 0) fixed.push_back(static_cast<Eigen::Index>(n + 2));
    const Eigen::MatrixXd pair = given(moment_NN, {0, 1}, fixed);
    const double size = std::sqrt(pair(0, 0) * pair(1, 1));
    least = std::min(least, size > 0 ? std::abs(pair(0, 1)) / size : 0.0);
  }
  return least;
}

}  // namespace dcmmm
