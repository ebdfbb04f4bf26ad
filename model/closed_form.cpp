#include "model/closed_form.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

// `diagonal`: a term's own squares; `pivot`: what the terms before it leave of them.
[[noreturn]] void refuse(double diagonal, double pivot) {
  if (!std::isfinite(diagonal) || !std::isfinite(pivot))
    throw NumericalError(
        "The closed form's equations aren't finite: the squares of an input are beyond all numbers. Look for values of "
        "media and controls that are far too large, and for a region whose mean target is almost 0 beside its values.");
  if (!(diagonal > 0))
    throw NumericalError(
        "The closed form's equations are singular: an input is 0 wherever a target counts, and nothing holds its "
        "effect. Drop it, or raise model.ridge.strength.");
  throw NumericalError(
      "The closed form's equations are singular: an input is a sum of others, as far as 16 digits tell. Drop one of "
      "them, or raise model.ridge.strength.");
}

// Solves the free terms' equations by Cholesky; the others are 0.
std::vector<double> solve_free(const std::vector<double>& matrix, const std::vector<double>& right,
                               const std::vector<bool>& is_free) {
  const size_t size = right.size();
  std::vector<size_t> terms;
  for (size_t i = 0; i < size; ++i)
    if (is_free[i]) terms.push_back(i);
  const size_t count = terms.size();
  std::vector<double> lower(count * count), solution(count);
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = matrix[terms[i] * size + terms[j]];
      for (size_t k = 0; k < j; ++k) sum -= lower[i * count + k] * lower[j * count + k];
      if (i == j && !(sum > 0 && std::isfinite(sum))) refuse(matrix[terms[i] * size + terms[i]], sum);
      lower[i * count + j] = i == j ? std::sqrt(sum) : sum / lower[j * count + j];
    }
  }
  for (size_t i = 0; i < count; ++i) {
    double sum = right[terms[i]];
    for (size_t k = 0; k < i; ++k) sum -= lower[i * count + k] * solution[k];
    solution[i] = sum / lower[i * count + i];
  }
  for (size_t i = count; i-- > 0;) {
    for (size_t k = i + 1; k < count; ++k) solution[i] -= lower[k * count + i] * solution[k];
    solution[i] /= lower[i * count + i];
  }
  std::vector<double> out(size, 0.0);
  for (size_t i = 0; i < count; ++i) out[terms[i]] = solution[i];
  return out;
}

}  // namespace

std::vector<double> solve_non_negative(const std::vector<double>& matrix_FF, const std::vector<double>& right_F,
                                       int64_t non_negative) {
  const size_t size = right_F.size(), bounded = static_cast<size_t>(non_negative);
  std::vector<bool> is_free(size, true);
  std::fill_n(is_free.begin(), bounded, false);
  std::vector<double> theta = solve_free(matrix_FF, right_F, is_free);
  // Each round frees one term that would grow; the objective falls every time, so the rounds end. The limit is a safety
  // net.
  for (size_t round = 0; round < 30 * (bounded + 1); ++round) {
    size_t best = size;
    double best_gain = 0;
    for (size_t i = 0; i < bounded; ++i) {
      if (is_free[i]) continue;
      double slope = right_F[i], scale = std::abs(right_F[i]);
      for (size_t j = 0; j < size; ++j) {
        slope -= matrix_FF[i * size + j] * theta[j];
        scale += std::abs(matrix_FF[i * size + j] * theta[j]);
      }
      const double gain = slope / std::sqrt(matrix_FF[i * size + i]);
      if (slope > 1e-12 * scale && gain > best_gain) {
        best = i;
        best_gain = gain;
      }
    }
    if (best == size) return theta;
    is_free[best] = true;
    while (true) {
      const std::vector<double> target = solve_free(matrix_FF, right_F, is_free);
      double step = 1;
      size_t blocking = size;
      for (size_t i = 0; i < bounded; ++i) {
        if (!is_free[i] || target[i] > 0) continue;
        const double reach = theta[i] > 0 ? theta[i] / (theta[i] - target[i]) : 0.0;
        if (reach < step) {
          step = reach;
          blocking = i;
        }
      }
      if (blocking == size) {
        theta = target;
        break;
      }
      for (size_t i = 0; i < size; ++i) theta[i] += step * (target[i] - theta[i]);
      is_free[blocking] = false;
      theta[blocking] = 0;
    }
  }
  throw NumericalError(
      "The non-negative closed form didn't settle: the inputs are nearly collinear. Raise model.ridge.strength.");
}

std::vector<double> solve_signed(const std::vector<double>& matrix_FF, const std::vector<double>& right_F,
                                 const std::vector<int>& sign_F) {
  const size_t size = right_F.size();
  // Terms with a sign come first, turned to be positive.
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), size_t{0});
  const auto free = std::stable_partition(order.begin(), order.end(), [&](size_t term) { return sign_F[term] != 0; });
  const auto turn = [&](size_t term) { return sign_F[term] < 0 ? -1.0 : 1.0; };
  std::vector<double> matrix(size * size), right(size), theta(size);
  for (size_t i = 0; i < size; ++i) {
    right[i] = turn(order[i]) * right_F[order[i]];
    for (size_t j = 0; j < size; ++j)
      matrix[i * size + j] = turn(order[i]) * turn(order[j]) * matrix_FF[order[i] * size + order[j]];
  }
  const std::vector<double> solved = solve_non_negative(matrix, right, free - order.begin());
  for (size_t i = 0; i < size; ++i) theta[order[i]] = turn(order[i]) * solved[i];
  return theta;
}

}  // namespace dcmmm
