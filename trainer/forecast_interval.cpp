#include "trainer/forecast_interval.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/quantiles.hpp"

namespace dcmmm {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The national error's prior: a slow and a fast AR(1), standard deviations as shares of the total, counted from the
// last training week on.
constexpr double kSlowSd = 0.05, kSlowPersistence = 0.8, kFastSd = 0.03, kFastPersistence = 0.5;
// This prior counts as much as so many inner origins.
constexpr double kNationalPriorOrigins = 2;
// The size trend counts as much in a region's scale as so many inner origins of its own.
constexpr double kScalePriorOrigins = 2;
// Residuals beyond so many robust standard deviations of their region count as that in its scale.
constexpr double kWinsor = 4;
// With fewer regions there is no trend over sizes to see.
constexpr int64_t kRegionsForTrend = 8;
// Beyond the last horizon that was measured, errors grow as those of a level with this persistence.
constexpr double kLevelPersistence = 0.95;
// Weight of an inner origin beside the next later one: what was missed long ago, by fits of fewer weeks, counts less
// (Barber et al. 2023, conformal prediction beyond exchangeability). Half is left after 3 origins, 24 weeks.
constexpr double kOlder = 0.8;
// Where a level asks for more than the largest residual, t tails go on from there.
constexpr double kTailDegrees = 4;

const std::vector<double>& level_grid() {
  static const std::vector<double> levels = {0.1, 0.2,  0.3, 0.4,   0.5,  0.6,   0.7, 0.75,
                                             0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99};
  return levels;
}

double ar_variance(double sd, double persistence, int64_t horizon) {
  return sd * sd * (1 - std::pow(persistence, 2.0 * static_cast<double>(horizon)));
}

double prior_variance(int64_t horizon) {
  return ar_variance(kSlowSd, kSlowPersistence, horizon) + ar_variance(kFastSd, kFastPersistence, horizon);
}

/// Half of the interval that a normal or t variable of spread 1 needs at a level.
double two_sided(double level) { return normal_quantile(0.5 + 0.5 * level); }
double two_sided(double level, double degrees) { return student_quantile(0.5 + 0.5 * level, degrees); }

/// Of an even number the lower of the two in the middle: a magnitude that was seen. REQUIRES: values.
double lower_median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The regions' mean error as a share of their sizes; NaN where none was observed.
std::vector<double> national_errors_OH(const std::vector<RegionResiduals>& regions) {
  std::vector<double> out(regions.front().error_OH.size(), kNone);
  for (std::size_t cell = 0; cell < out.size(); ++cell) {
    double error = 0, scale = 0;
    for (const RegionResiduals& region : regions) {
      if (!(region.scale > 0) || !std::isfinite(region.error_OH[cell])) continue;
      error += region.error_OH[cell];
      scale += region.scale;
    }
    if (scale > 0) out[cell] = error / scale;
  }
  return out;
}

/// What is left of a region's errors, in units of m_r, once the national error is gone; NaN where there is none.
std::vector<double> own_errors_OH(double scale, std::span<const double> error_OH,
                                  const std::vector<double>& national_OH) {
  std::vector<double> out;
  out.reserve(error_OH.size());
  for (std::size_t cell = 0; cell < error_OH.size(); ++cell)
    out.push_back(scale > 0 ? error_OH[cell] / scale - national_OH[cell] : kNone);
  return out;
}

/// A region's winsorised mean square at each origin, over the shared horizons; NaN without a residual there.
std::vector<double> mean_squares_O(const std::vector<double>& own_OH, int64_t origins, int64_t shared) {
  const auto horizons = static_cast<int64_t>(own_OH.size()) / origins;
  const auto own = [&](int64_t origin, int64_t horizon) { return own_OH[origin * horizons + horizon - 1]; };
  std::vector<double> magnitudes, out;
  for (int64_t o = 0; o < origins; ++o)
    for (int64_t h = 1; h <= shared; ++h)
      if (std::isfinite(own(o, h))) magnitudes.push_back(std::abs(own(o, h)));
  double limit = magnitudes.empty() ? 0 : kWinsor * 1.4826 * lower_median(magnitudes);
  if (limit == 0) limit = std::numeric_limits<double>::infinity();
  for (int64_t o = 0; o < origins; ++o) {
    double sum = 0, count = 0;
    for (int64_t h = 1; h <= shared; ++h) {
      if (!std::isfinite(own(o, h))) continue;
      const double used = std::min(std::abs(own(o, h)), limit);
      sum += used * used;
      count += 1;
    }
    out.push_back(count > 0 ? sum / count : kNone);
  }
  return out;
}

double weight_of(int64_t origin) { return std::pow(kOlder, static_cast<double>(origin)); }

/// Mean square of the origins but `left_out` (-1: none), and how much they weigh.
std::pair<double, double> mean_over_origins(const double* mean_square_O, int64_t origins, int64_t left_out) {
  double sum = 0, weight = 0;
  for (int64_t o = 0; o < origins; ++o) {
    if (o == left_out || !std::isfinite(mean_square_O[o])) continue;
    sum += weight_of(o) * mean_square_O[o];
    weight += weight_of(o);
  }
  return {weight > 0 ? sum / weight : kNone, weight};
}

/// Mean square that a region of size m_r may be expected to have: a line through the logs, smaller regions are noisier.
SizeTrend size_trend(const std::vector<RegionResiduals>& regions, const std::vector<double>& square_RO,
                     int64_t origins) {
  std::vector<double> size, square;
  for (std::size_t r = 0; r < regions.size(); ++r) {
    const double mean = mean_over_origins(square_RO.data() + r * static_cast<std::size_t>(origins), origins, -1).first;
    if (!(mean > 0)) continue;
    size.push_back(std::log(regions[r].scale));
    square.push_back(std::log(mean));
  }
  SizeTrend out;
  if (size.empty()) return out;
  const auto count = static_cast<double>(size.size());
  double mean_square = 0, covariance = 0, variance = 0;
  for (std::size_t i = 0; i < size.size(); ++i) {
    out.mean_size += size[i] / count;
    mean_square += square[i] / count;
  }
  for (std::size_t i = 0; i < size.size(); ++i) {
    covariance += (size[i] - out.mean_size) * (square[i] - mean_square);
    variance += (size[i] - out.mean_size) * (size[i] - out.mean_size);
  }
  const bool sees_trend = static_cast<int64_t>(size.size()) >= kRegionsForTrend && variance > 0;
  out.slope = sees_trend ? covariance / variance : 0.0;
  // The level is that of the median region: a mean of logs is drawn down by regions that hardly moved.
  std::vector<double> above;
  for (std::size_t i = 0; i < size.size(); ++i) above.push_back(square[i] - out.slope * (size[i] - out.mean_size));
  out.level = lower_median(above);
  return out;
}

double shrunk_scale(const double* mean_square_O, int64_t origins, int64_t left_out, double trend) {
  const auto [own, weight] = mean_over_origins(mean_square_O, origins, left_out);
  return std::sqrt((kScalePriorOrigins * trend + (weight > 0 ? weight * own : 0.0)) / (kScalePriorOrigins + weight));
}

struct Score {
  double value, weight;
};

struct Scores {
  std::vector<Score> sorted;
  double weight = 0;  // of all
};

/// The smallest value that covers the share `level` of the scores and of one more, of weight 1 and as large as may be.
double conformal_quantile(const Scores& scores, double level) {
  if (scores.sorted.empty()) return two_sided(level, kTailDegrees);
  const double needed = level * (scores.weight + 1);
  double covered = 0;
  for (const Score& score : scores.sorted) {
    covered += score.weight;
    if (covered >= needed * (1 - 1e-12)) return score.value;
  }
  const double reached = scores.weight / (scores.weight + 1);
  return scores.sorted.back().value * two_sided(level, kTailDegrees) / two_sided(reached, kTailDegrees);
}

/// Quantiles of each group's scores, made to rise with the horizon: what is known of a week doesn't grow with its
/// distance. Neighbours that fall get their mean, weighted by how many scores each has (pool adjacent violators).
std::vector<double> rising_quantiles(const std::vector<Scores>& score_G, double level) {
  struct Pool {
    double quantile, weight;
    std::size_t groups;
  };
  std::vector<Pool> pools;
  for (const Scores& scores : score_G) {
    pools.push_back({conformal_quantile(scores, level), scores.weight, 1});
    while (pools.size() > 1 && (pools.back().weight == 0 || pools[pools.size() - 2].quantile > pools.back().quantile)) {
      const Pool last = pools.back();
      pools.pop_back();
      Pool& pool = pools.back();
      const double weight = pool.weight + last.weight;
      if (last.weight > 0) pool.quantile = (pool.weight * pool.quantile + last.weight * last.quantile) / weight;
      pool.weight = weight;
      pool.groups += last.groups;
    }
  }
  std::vector<double> out;
  for (const Pool& pool : pools) out.insert(out.end(), pool.groups, pool.quantile);
  return out;
}

/// 1-2, 3-4, 5-8, ... up to the last horizon.
std::vector<int64_t> doubling_groups(int64_t horizons) {
  std::vector<int64_t> ends;
  for (int64_t end = 2; end < horizons; end *= 2) ends.push_back(end);
  ends.push_back(horizons);
  return ends;
}

}  // namespace

double ForecastIntervals::cell_quantile(int64_t horizon, double level) const {
  const auto group = std::min<std::size_t>(
      static_cast<std::size_t>(std::lower_bound(group_end_G.begin(), group_end_G.end(), horizon) - group_end_G.begin()),
      group_end_G.size() - 1);
  const double* quantile_L = quantile_GL.data() + group * level_L.size();
  const auto above =
      static_cast<std::size_t>(std::upper_bound(level_L.begin(), level_L.end(), level) - level_L.begin());
  // Between two levels along the normal's quantiles; outside of the grid in proportion to them.
  double quantile;
  if (above == 0) {
    quantile = quantile_L[0] * two_sided(level) / two_sided(level_L[0]);
  } else if (above == level_L.size()) {
    quantile = quantile_L[above - 1] * two_sided(level, kTailDegrees) / two_sided(level_L[above - 1], kTailDegrees);
  } else {
    const double low = two_sided(level_L[above - 1]), high = two_sided(level_L[above]);
    const double share = (two_sided(level) - low) / (high - low);
    quantile = quantile_L[above - 1] + share * (quantile_L[above] - quantile_L[above - 1]);
  }
  const int64_t last = group_end_G.back();
  if (horizon <= last) return quantile;
  return quantile * std::sqrt(ar_variance(1, kLevelPersistence, horizon) / ar_variance(1, kLevelPersistence, last));
}

double ForecastIntervals::national_sd(int64_t horizon) const {
  return std::sqrt(national_factor * prior_variance(horizon));
}

double ForecastIntervals::half_width(double noise_scale, double region_scale, int64_t horizon, double level) const {
  return cell_quantile(horizon, level) * std::hypot(noise_scale, region_scale * national_sd(horizon));
}

double ForecastIntervals::total_half_width(double region_scales, int64_t horizon, double level) const {
  return region_scales * two_sided(level, national_degrees) * national_sd(horizon);
}

double SizeTrend::mean_square(double scale) const { return std::exp(level + slope * (std::log(scale) - mean_size)); }

IntervalCalibration::IntervalCalibration(const std::vector<RegionResiduals>& regions, int64_t origins,
                                         int64_t shared_horizons)
    : origins_(origins), shared_(shared_horizons), national_OH_(national_errors_OH(regions)) {
  std::vector<double> square_RO;
  for (const RegionResiduals& region : regions) {
    const std::vector<double> square_O =
        mean_squares_O(own_errors_OH(region.scale, region.error_OH, national_OH_), origins, shared_horizons);
    square_RO.insert(square_RO.end(), square_O.begin(), square_O.end());
  }
  trend_ = size_trend(regions, square_RO, origins);

  ForecastIntervals& out = intervals_;
  const auto horizons = static_cast<int64_t>(national_OH_.size()) / origins;
  // One factor on the prior's variances, from each origin's mean over the horizons that all origins have.
  double squares = kNationalPriorOrigins;
  out.national_degrees = kNationalPriorOrigins;
  for (int64_t o = 0; o < origins; ++o) {
    double sum = 0, count = 0;
    for (int64_t h = 1; h <= shared_horizons; ++h) {
      const double national = national_OH_[o * horizons + h - 1];
      if (!std::isfinite(national)) continue;
      sum += national * national / prior_variance(h);
      count += 1;
    }
    if (count == 0) continue;
    squares += weight_of(o) * sum / count;
    out.national_degrees += weight_of(o);
  }
  out.national_factor = squares / out.national_degrees;

  // A residual is measured by a scale that doesn't know its origin, as the forecasts to come will be.
  out.group_end_G = doubling_groups(horizons);
  out.level_L = level_grid();
  std::vector<Scores> score_G(out.group_end_G.size());
  for (std::size_t r = 0; r < regions.size(); ++r) {
    if (!(regions[r].scale > 0)) continue;
    const double trend = trend_.mean_square(regions[r].scale);
    const std::vector<double> own_OH = own_errors_OH(regions[r].scale, regions[r].error_OH, national_OH_);
    for (int64_t o = 0; o < origins; ++o) {
      const double scale = shrunk_scale(square_RO.data() + r * static_cast<std::size_t>(origins), origins, o, trend);
      std::size_t group = 0;
      for (int64_t h = 1; h <= horizons; ++h) {
        if (h > out.group_end_G[group]) ++group;
        const double own = own_OH[o * horizons + h - 1];
        if (!std::isfinite(own)) continue;
        const double error = own + national_OH_[o * horizons + h - 1];
        score_G[group].sorted.push_back({std::abs(error) / std::hypot(scale, out.national_sd(h)), weight_of(o)});
        score_G[group].weight += weight_of(o);
      }
    }
  }
  for (Scores& scores : score_G)
    std::sort(scores.sorted.begin(), scores.sorted.end(),
              [](const Score& a, const Score& b) { return a.value < b.value; });
  out.quantile_GL.resize(score_G.size() * out.level_L.size());
  for (std::size_t l = 0; l < out.level_L.size(); ++l) {
    const std::vector<double> quantile_G = rising_quantiles(score_G, out.level_L[l]);
    for (std::size_t g = 0; g < quantile_G.size(); ++g) out.quantile_GL[g * out.level_L.size() + l] = quantile_G[g];
  }
}

double IntervalCalibration::scale_of(double scale, std::span<const double> error_OH) const {
  if (!(scale > 0)) return kNone;
  const std::vector<double> square_O = mean_squares_O(own_errors_OH(scale, error_OH, national_OH_), origins_, shared_);
  return scale * shrunk_scale(square_O.data(), origins_, -1, trend_.mean_square(scale));
}

}  // namespace dcmmm
