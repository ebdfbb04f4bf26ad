#include "model/kernels/baseline.hpp"

#include <algorithm>
#include <cmath>

namespace dcmmm::kernels {

void BaselineSolver::factor(std::span<const double> weight_T, double stiffness, double persistence) {
  weeks_ = static_cast<int64_t>(weight_T.size());
  const size_t weeks = weight_T.size();
  weight_.assign(weight_T.begin(), weight_T.end());
  inverse_diagonal_.resize(weeks);
  lower_.resize(weeks);
  has_level_ = persistence < 1.0;
  stiffness_ = stiffness;
  persistence_ = persistence;
  // LDL' of the tridiagonal M + P0. P0 = stiffness D'D with D[t] = e_{t+1} - phi e_t, and the first week's stationary
  // part.
  const double off_diagonal = -stiffness * persistence;
  for (size_t t = 0; t < weeks; ++t) {
    double diagonal = weight_[t];
    if (t > 0) diagonal += stiffness;
    if (t + 1 < weeks) diagonal += stiffness * persistence * persistence;
    if (t == 0 && has_level_) diagonal += stiffness * (1.0 - persistence * persistence);
    if (!has_level_) diagonal += 1e-9;  // a random walk without level is only fixed by the data
    lower_[t] = t > 0 ? off_diagonal * inverse_diagonal_[t - 1] : 0.0;
    if (t > 0) diagonal -= lower_[t] * off_diagonal;
    inverse_diagonal_[t] = 1.0 / diagonal;
  }
  if (!has_level_) return;
  // Q0 1 = M (1 - (M + P0)^-1 M 1), and (M + P0)^-1 M 1 = 1 - (M + P0)^-1 P0 1 avoids the cancellation: Q0 1 = M (M +
  // P0)^-1 P0 1.
  level_weight_.assign(weeks, 0.0);
  for (size_t t = 0; t < weeks; ++t) {
    double row_sum = 0;
    if (t > 0) row_sum += stiffness * (1.0 - persistence);
    if (t + 1 < weeks) row_sum += stiffness * persistence * (persistence - 1.0);
    if (t == 0) row_sum += stiffness * (1.0 - persistence * persistence);
    level_weight_[t] = row_sum;
  }
  solve_in_place(level_weight_, 1);
  level_denominator_ = 0;
  for (size_t t = 0; t < weeks; ++t) {
    level_weight_[t] *= weight_[t];
    level_denominator_ += level_weight_[t];
  }
}

double BaselineSolver::log_determinant() const {
  double out = -static_cast<double>(weeks_) * std::log(stiffness_) - std::log(1.0 - persistence_ * persistence_);
  for (const double inverse : inverse_diagonal_) out -= std::log(inverse);
  return out;
}

void BaselineSolver::solve_in_place(std::span<double> values_TK, int64_t columns) const {
  if (columns == 1) {  // what a week passes on stays in a register
    double passed = 0;
    for (int64_t t = 0; t < weeks_; ++t) values_TK[t] = passed = values_TK[t] - lower_[t] * passed;
    passed = 0;
    for (int64_t t = weeks_ - 1; t >= 0; --t) {
      const double below = t + 1 < weeks_ ? lower_[t + 1] : 0.0;
      values_TK[t] = passed = values_TK[t] * inverse_diagonal_[t] - below * passed;
    }
    return;
  }
  for (int64_t t = 1; t < weeks_; ++t) {
    double* here = values_TK.data() + t * columns;
    const double lower = lower_[t];
#pragma omp simd
    for (int64_t k = 0; k < columns; ++k) here[k] -= lower * here[k - columns];
  }
  for (int64_t t = weeks_ - 1; t >= 0; --t) {
    double* here = values_TK.data() + t * columns;
    const double inverse = inverse_diagonal_[t], lower = t + 1 < weeks_ ? lower_[t + 1] : 0.0;
    const double* below = t + 1 < weeks_ ? here + columns : here;
#pragma omp simd
    for (int64_t k = 0; k < columns; ++k) here[k] = here[k] * inverse - lower * below[k];
  }
}

void BaselineSolver::solve(std::span<const double> residual_TK, int64_t columns, std::span<double> baseline_TK,
                           std::span<double> level_K) {
  std::vector<double> level(static_cast<size_t>(columns), 0.0);
  if (has_level_) {
    for (int64_t t = 0; t < weeks_; ++t) {
      if (weight_[t] == 0) continue;
#pragma omp simd
      for (int64_t k = 0; k < columns; ++k) level[k] += level_weight_[t] * residual_TK[t * columns + k];
    }
    for (double& value : level) value /= level_denominator_;
  }
  for (int64_t t = 0; t < weeks_; ++t) {
    double* here = baseline_TK.data() + t * columns;
    if (weight_[t] == 0) {
      std::fill_n(here, columns, 0.0);
      continue;
    }
#pragma omp simd
    for (int64_t k = 0; k < columns; ++k) here[k] = weight_[t] * (residual_TK[t * columns + k] - level[k]);
  }
  solve_in_place(baseline_TK, columns);
  for (int64_t t = 0; t < weeks_; ++t) {
#pragma omp simd
    for (int64_t k = 0; k < columns; ++k) baseline_TK[t * columns + k] += level[k];
  }
  if (!level_K.empty()) std::copy(level.begin(), level.end(), level_K.begin());
}

void BaselineSolver::add_precision(std::span<double> total_TT) const {
  // Z = (M + P0)^-1 = (L D L')^-1 from its last row up (Takahashi's recursion): beside the diagonal, a row is the one
  // below it times -L's entry. `row` holds Z times M's diagonal.
  std::vector<double> row(static_cast<size_t>(weeks_), 0.0);
  double diagonal = 0;
  for (int64_t t = weeks_ - 1; t >= 0; --t) {
    const double below = t + 1 < weeks_ ? -lower_[t + 1] : 0.0;
    diagonal = inverse_diagonal_[t] + below * below * diagonal;
    for (int64_t s = t + 1; s < weeks_; ++s) row[s] *= below;
    row[t] = diagonal * weight_[t];
    if (weight_[t] == 0) continue;  // its row of Q is zero
    const double of_level = level_weight_[t] / level_denominator_;
    double* total = total_TT.data() + t * weeks_;
    total[t] += weight_[t];
    for (int64_t s = t; s < weeks_; ++s) total[s] -= weight_[t] * row[s] + of_level * level_weight_[s];
  }
}

}  // namespace dcmmm::kernels
