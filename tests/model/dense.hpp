// Plain dense linear algebra for slow, separate references. Matrices are vectors of rows.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace dcmmm::testing {

using Row = std::vector<double>;
using Matrix = std::vector<Row>;

inline Matrix zeros(size_t rows, size_t columns) { return Matrix(rows, Row(columns, 0.0)); }

inline Matrix product(const Matrix& a, const Matrix& b) {
  Matrix out = zeros(a.size(), b[0].size());
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t k = 0; k < b.size(); ++k)
      for (size_t j = 0; j < b[0].size(); ++j) out[i][j] += a[i][k] * b[k][j];
  return out;
}

/// Gauss-Jordan with row pivots.
inline Matrix inverse(Matrix a) {
  const size_t n = a.size();
  Matrix out = zeros(n, n);
  for (size_t i = 0; i < n; ++i) out[i][i] = 1;
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k; i < n; ++i)
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    std::swap(a[k], a[pivot]);
    std::swap(out[k], out[pivot]);
    const double scale = 1 / a[k][k];
    for (size_t j = 0; j < n; ++j) a[k][j] *= scale, out[k][j] *= scale;
    for (size_t i = 0; i < n; ++i) {
      const double factor = a[i][k];
      if (i == k || factor == 0) continue;
      for (size_t j = 0; j < n; ++j) a[i][j] -= factor * a[k][j], out[i][j] -= factor * out[k][j];
    }
  }
  return out;
}

inline Row times(const Matrix& a, const Row& x) {
  Row out(a.size(), 0.0);
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < x.size(); ++j) out[i] += a[i][j] * x[j];
  return out;
}

/// The AR(1) penalty lam D'D with D[t] = e_{t+1} - phi e_t and the first week's lam (1 - phi^2) (none at phi = 1).
inline Matrix autoregressive_penalty(size_t weeks, double stiffness, double persistence) {
  Matrix difference = zeros(weeks, weeks);  // the last row stays empty
  for (size_t t = 0; t + 1 < weeks; ++t) difference[t][t + 1] = 1, difference[t][t] = -persistence;
  Matrix penalty = zeros(weeks, weeks);
  for (size_t i = 0; i < weeks; ++i)
    for (size_t j = 0; j < weeks; ++j)
      for (size_t t = 0; t < weeks; ++t) penalty[i][j] += stiffness * difference[t][i] * difference[t][j];
  penalty[0][0] += stiffness * (1 - persistence * persistence);
  return penalty;
}

/// S of model.md: residual -> baseline, S = (M + P)^-1 M, with P's free mean projected out. For phi < 1 only.
inline Matrix baseline_smoother(const Row& weight, double stiffness, double persistence) {
  const size_t weeks = weight.size();
  Matrix system = autoregressive_penalty(weeks, stiffness, persistence);
  if (persistence < 1) {
    Row v(weeks, 0.0);
    double sum = 0;
    for (size_t i = 0; i < weeks; ++i)
      for (size_t j = 0; j < weeks; ++j) v[i] += system[i][j], sum += system[i][j];
    for (size_t i = 0; i < weeks; ++i)
      for (size_t j = 0; j < weeks; ++j) system[i][j] -= v[i] * v[j] / sum;
  }
  for (size_t t = 0; t < weeks; ++t) system[t][t] += weight[t];
  Matrix smoother = inverse(system);
  for (Row& row : smoother)
    for (size_t t = 0; t < weeks; ++t) row[t] *= weight[t];
  return smoother;
}

}  // namespace dcmmm::testing
