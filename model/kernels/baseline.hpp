// The region's own baseline in closed form: AR(1) around a free level, O(T) a region, in double.
// Shapes: T weeks, K columns solved at once. Row-major, last letter fastest.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dcmmm::kernels {

/// Factor of M + P0 for one region: M = diag(cell weights), P0 = stiffness x AR(1) precision with persistence phi.
/// Minimises sum_t M_t (e_t - b_t)^2 + (b - level)' P0 (b - level) over b and the level, for any residual e:
/// b = level + (M + P0)^-1 M (e - level), level = 1'Q0 e / 1'Q0 1, Q0 = M - M (M + P0)^-1 M.
/// At persistence 1 (random walk) there is no level to return to: level = 0.
class BaselineSolver {
 public:
  /// Factors for the weights of T weeks (>= 0, not all 0). O(T). May be called again for another region; keeps its
  /// memory.
  void factor(std::span<const double> weight_T, double stiffness, double persistence);

  /// Baselines of K residual columns. `residual_TK` is read only where the weight is positive. Returns through
  /// `baseline_TK` the baseline of all weeks and through `level_K` the level (may be empty).
  void solve(std::span<const double> residual_TK, int64_t columns, std::span<double> baseline_TK,
             std::span<double> level_K);

  /// Adds the upper triangle of Q = Q0 - Q0 1 1'Q0 / 1'Q0 1 to `total_TT`: what solve() leaves of a residual e,
  /// weighted: Q e = M (e - b). O(T^2), one product a number. REQUIRES: persistence < 1.
  void add_precision(std::span<double> total_TT) const;

  /// log |M + P0| - log |P0|: with -log of the positive weights, the log determinant of the covariance that weights and
  /// baseline imply, level aside. REQUIRES: persistence < 1.
  double log_determinant() const;
  /// 1'Q0 1: the precision of the level.
  double level_precision() const { return level_denominator_; }

  // The factor itself, a number a week: M, 1 / D and the subdiagonal of L (M + P0 = L D L'), Q0 1 (zero at persistence
  // 1).
  std::span<const double> weight() const { return weight_; }
  std::span<const double> inverse_diagonal() const { return inverse_diagonal_; }
  std::span<const double> lower() const { return lower_; }
  std::span<const double> level_weight() const { return level_weight_; }

 private:
  void solve_in_place(std::span<double> values_TK, int64_t columns) const;

  int64_t weeks_ = 0;
  bool has_level_ = false;
  double stiffness_ = 0, persistence_ = 0;
  double level_denominator_ = 0;                                          // 1'Q0 1
  std::vector<double> weight_, inverse_diagonal_, lower_, level_weight_;  // level_weight_ = Q0 1
};

}  // namespace dcmmm::kernels
