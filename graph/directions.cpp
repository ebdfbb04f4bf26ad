#include "graph/directions.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace dcmmm {
namespace {

constexpr int64_t kMostRegions = 1024;  // looked at
constexpr int64_t kLeastRegions = 8;    // for a standard deviation over regions
constexpr double kCorrelated = 3.0;     // in standard errors of a correlation
constexpr double kPriorRows = 10.0;     // of a region's scale, towards all regions' scale
constexpr double kMargin = 2.0;         // another density must beat the Gaussian by that much
constexpr double kStudentDegrees[] = {10.0, 5.0, 3.0, 2.0};
constexpr int64_t kLogsAtOnce = 8;

// E|t| of Student's t with nu > 1 degrees of freedom.
double mean_magnitude(double nu) {
  return 2 * std::sqrt(nu / std::numbers::pi) / (nu - 1) *
         std::exp(std::lgamma(0.5 * (nu + 1)) - std::lgamma(0.5 * nu));
}

// sum log(1 + square / width), logs of products of a few factors at once.
double sum_log1p(const double* value, int64_t rows, double width) {
  double sum = 0;
  for (int64_t begin = 0; begin < rows; begin += kLogsAtOnce) {
    double product = 1;
    for (int64_t i = begin; i < std::min(rows, begin + kLogsAtOnce); ++i) product *= 1 + value[i] * value[i] / width;
    sum += std::log(product);
  }
  return sum;
}

struct RegionScale {
  double rows, magnitude, square;  // sums of |u| and u^2
  double by_magnitude, by_square;  // its scale: mean |u|, and mean u^2
};

std::vector<RegionScale> region_scales(const double* value, const std::vector<int64_t>& begin_R) {
  std::vector<RegionScale> out;
  double rows = 0, magnitude = 0, square = 0;
  for (size_t r = 0; r + 1 < begin_R.size(); ++r) {
    RegionScale region{static_cast<double>(begin_R[r + 1] - begin_R[r]), 0, 0, 0, 0};
    for (int64_t i = begin_R[r]; i < begin_R[r + 1]; ++i) {
      region.magnitude += std::abs(value[i]);
      region.square += value[i] * value[i];
    }
    rows += region.rows;
    magnitude += region.magnitude;
    square += region.square;
    out.push_back(region);
  }
  for (RegionScale& region : out) {
    region.by_magnitude = (region.magnitude + kPriorRows * magnitude / rows) / (region.rows + kPriorRows) + 1e-12;
    region.by_square = (region.square + kPriorRows * square / rows) / (region.rows + kPriorRows) + 1e-24;
  }
  return out;
}

}  // namespace

Innovations innovations(const LogSpend& spend, const GraphMoments& moments, int64_t all_regions,
                        const RegionLoop& loop) {
  const int64_t C = spend.channels, lags = moments.lags, P = (1 + lags) * C;
  Eigen::MatrixXd past_LC = Eigen::MatrixXd::Zero(P - C, C);
  if (lags > 0) {
    Eigen::MatrixXd gram = moments.moment_PP.bottomRightCorner(P - C, P - C);
    gram.diagonal().array() += 1e-10;
    past_LC = gram.ldlt().solve(moments.moment_PP.bottomLeftCorner(P - C, C));
  }
  std::vector<double> rows, counts;  // this rank's
  Eigen::VectorXd past(P - C);
  for (int64_t r = 0; r < spend.regions; ++r) {
    if (!is_sampled(loop.plan().first_region + r, kMostRegions, all_regions)) continue;
    double count = 0;
    for (int64_t t = lags; t < spend.weeks; ++t) {
      if (!has_row(spend, lags, r, t)) continue;
      for (int64_t p = C; p < P; ++p) past[p - C] = spend.row(r, t - p / C)[p % C];
      const Eigen::VectorXd expected = past_LC.transpose() * past;
      for (int64_t c = 0; c < C; ++c) rows.push_back(spend.row(r, t)[c] - expected[c]);
      count += 1;
    }
    if (count > 0) counts.push_back(count);
  }
  rows = loop.communicator().all_gather(rows);
  counts = loop.communicator().all_gather(counts);
  Innovations out;
  out.value_NC = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      rows.data(), static_cast<Eigen::Index>(rows.size()) / C, C);
  out.begin_R.push_back(0);
  for (const double count : counts) out.begin_R.push_back(out.begin_R.back() + static_cast<int64_t>(count));
  return out;
}

std::vector<double> region_log_likelihood(const Eigen::Ref<const Eigen::VectorXd>& value_N,
                                          const std::vector<int64_t>& begin_R, GraphNoise noise) {
  const double* value = value_N.data();
  const std::vector<RegionScale> scales = region_scales(value, begin_R);
  std::vector<double> best_R;
  double best = -std::numeric_limits<double>::infinity();
  const auto offer = [&](const auto& log_likelihood, double margin) {
    std::vector<double> offered_R;
    for (size_t r = 0; r < scales.size(); ++r) offered_R.push_back(log_likelihood(scales[r], begin_R[r]));
    const double total = std::accumulate(offered_R.begin(), offered_R.end(), 0.0);
    if (!(total > best + margin)) return;
    best = total;
    best_R = std::move(offered_R);
  };
  offer([](const RegionScale& s,
           int64_t) { return -0.5 * (s.rows * std::log(2 * std::numbers::pi * s.by_square) + s.square / s.by_square); },
        0.0);
  if (noise == GraphNoise::kLaplace)
    offer([](const RegionScale& s,
             int64_t) { return -s.rows * std::log(2 * s.by_magnitude) - s.magnitude / s.by_magnitude; },
          kMargin);
  if (noise == GraphNoise::kStudent)
    for (const double nu : kStudentDegrees) {
      const double constant =
          std::lgamma(0.5 * (nu + 1)) - std::lgamma(0.5 * nu) - 0.5 * std::log(nu * std::numbers::pi);
      const double unit = mean_magnitude(nu);
      offer(
          [&](const RegionScale& s, int64_t begin) {
            const double scale = s.by_magnitude / unit;
            return s.rows * (constant - std::log(scale)) -
                   0.5 * (nu + 1) * sum_log1p(value + begin, static_cast<int64_t>(s.rows), nu * scale * scale);
          },
          kMargin);
    }
  return best_R;
}

Directions find_directions(Innovations innovations, GraphNoise noise, const std::vector<char>& usable_C) {
  Eigen::MatrixXd& value_NC = innovations.value_NC;
  const std::vector<int64_t>& begin_R = innovations.begin_R;
  const Eigen::Index N = value_NC.rows(), C = value_NC.cols();
  const auto R = static_cast<int64_t>(begin_R.size()) - 1;
  Directions out;
  out.evidence_CC = Eigen::MatrixXd::Zero(C, C);
  std::vector<int64_t> left(C);
  std::iota(left.begin(), left.end(), 0);
  if (noise == GraphNoise::kGaussian || R < kLeastRegions) {
    out.order = left;
    return out;
  }
  const auto standardise = [&](Eigen::Index c) {
    const double scale = std::sqrt(value_NC.col(c).squaredNorm() / static_cast<double>(N));
    if (scale > 1e-9) value_NC.col(c) /= scale;
  };
  for (Eigen::Index c = 0; c < C; ++c) standardise(c);
  Eigen::VectorXd left_over(N);
  while (!left.empty()) {
    std::vector<std::vector<double>> own_CR(C);
    Eigen::MatrixXd z_CC = Eigen::MatrixXd::Zero(C, C);
    const Eigen::MatrixXd correlation_CC = value_NC.transpose() * value_NC / static_cast<double>(N);
    const auto own = [&](int64_t c) -> const std::vector<double>& {
      if (own_CR[c].empty()) own_CR[c] = region_log_likelihood(value_NC.col(c), begin_R, noise);
      return own_CR[c];
    };
    for (size_t a = 0; a < left.size(); ++a)
      for (size_t b = a + 1; b < left.size(); ++b) {
        const int64_t i = left[a], j = left[b];
        const double rho = correlation_CC(i, j);
        if (!usable_C[i] || !usable_C[j] || std::abs(rho) * std::sqrt(static_cast<double>(N)) < kCorrelated) continue;
        left_over = value_NC.col(j) - rho * value_NC.col(i);
        const std::vector<double> j_given_i = region_log_likelihood(left_over, begin_R, noise);
        left_over = value_NC.col(i) - rho * value_NC.col(j);
        const std::vector<double> i_given_j = region_log_likelihood(left_over, begin_R, noise);
        double sum = 0, squares = 0;
        for (int64_t r = 0; r < R; ++r) {
          const double ratio = own(i)[r] + j_given_i[r] - own(j)[r] - i_given_j[r];
          sum += ratio;
          squares += ratio * ratio;
        }
        const auto regions = static_cast<double>(R);
        const double variance = (squares - sum * sum / regions) * regions / (regions - 1);
        z_CC(i, j) = variance > 0 ? sum / std::sqrt(variance) : 0;
        z_CC(j, i) = -z_CC(i, j);
      }
    // Least evidence against being a cause of all that are left.
    size_t next = 0;
    double least = std::numeric_limits<double>::infinity();
    for (size_t a = 0; a < left.size(); ++a) {
      double against = 0;
      for (const int64_t j : left) against += std::pow(std::min(0.0, z_CC(left[a], j)), 2);
      if (against >= least) continue;
      least = against;
      next = a;
    }
    const int64_t cause = left[next];
    out.order.push_back(cause);
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(next));
    for (const int64_t j : left) {
      out.evidence_CC(cause, j) = z_CC(cause, j);
      value_NC.col(j) -= correlation_CC(cause, j) * value_NC.col(cause);
      standardise(j);
    }
  }
  return out;
}

}  // namespace dcmmm
