#include "trainer/panel_scales.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/split.hpp"
#include "likelihood/counted_regions.hpp"
#include "likelihood/likelihood_fit.hpp"
#include "model/seasonality.hpp"
#include "trainer/likelihood_data.hpp"

// R regions, T training weeks.
namespace dcmmm {
namespace {

constexpr double kOffsetSeen = 2.0;   // standard errors from none
constexpr double kOffsetWorth = 6.0;  // log likelihood that it must gain as well
constexpr double kLeastRegions = 10;  // to tell an offset
constexpr double kSearched = 2.5;     // standard errors to both sides
constexpr int kSearchSteps = 6;
constexpr double kLeastLeft = 0.05;    // of the smallest region's mean target
constexpr double kWholeMargin = 1e-9;  // of the least squares
constexpr int64_t kMostJudged = 1000;  // regions that scales are judged by

// Whether every region of all ranks has a population.
bool has_population(const Panel& panel, const RegionLoop& loop) {
  const std::vector<double> missing = loop.sum(1, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) total[0] += !(panel.population_R[r] > 0);
  });
  return missing[0] == 0;
}

// Fits that differ in their scales only.
class Contest {
 public:
  Contest(const Panel& panel, const ModelOptions& model, const LikelihoodOptions& likelihood, int64_t origin,
          const RegionLoop& loop)
      : panel_(panel),
        model_(model),
        options_(likelihood),
        origin_(origin),
        loop_(loop),
        patterns_(temporal_patterns(model, seasonal_period(panel.coordinates.step), 0, panel.weeks())) {
    // What is known of single channels and controls is left out: it is in units of its own, and the panel is asked.
    options_.channel_priors.clear();
    options_.control_signs.clear();
  }

  // The negative log likelihood of the target in its own units, up to a constant.
  double at(const PanelScales& scales) {
    Member member = member_of(model_, origin_, 0);
    member.media_unit = scales.media_unit;
    member.size_offset = scales.size_offset;
    const FitData data = make_fit_data(panel_, {member}, at::kDouble, loop_);
    LikelihoodData likelihood = likelihood_data(data, 0, patterns_, seasonal_period(panel_.coordinates.step), loop_);
    count_sample(likelihood, kMostJudged, options_, data.all_regions, loop_);
    ComponentEstimate found;
    try {
      found = quick_estimate(likelihood, options_, start_, data.all_regions, loop_);
    } catch (const NumericalError&) {  // on all ranks alike: these scales can't be the likeliest
      return std::numeric_limits<double>::infinity();
    }
    // Each cell's density is that of the scaled target over the region's size, and one cell a region is spent on its
    // free mean.
    const std::vector<double> jacobian = loop_.sum(1, [&](Chunk chunk, std::span<double> total) {
      for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
        if (!likelihood.is_usable(r) ||
            !is_sampled(loop_.plan().first_region + r, options_.sample_regions, data.all_regions))
          continue;
        const double log_size = std::log(likelihood.size_R[r]);
        total[0] -= log_size;
        for (int64_t t = 0; t < origin_; ++t)
          if (likelihood.weight_RT[r * likelihood.weeks + t] > 0) total[0] += log_size;
      }
    });
    const double value = found.negative_log + jacobian[0];
    if (value < best_) {
      best_ = value;
      start_ = found.components;
    }
    return value;
  }

  // The best offset near an estimate and its negative log likelihood, by golden section.
  std::pair<double, double> best_offset(MediaUnit unit, const SizeOffset& estimate) {
    const double golden = 0.5 * (std::sqrt(5.0) - 1);
    double low = std::max(0.0, estimate.value - kSearched * estimate.error),
           high = std::min(estimate.most, estimate.value + kSearched * estimate.error);
    const auto inner = [&](double share) {
      const double value = low + share * (high - low);
      return std::pair(value, at({unit, value}));
    };
    std::pair<double, double> left = inner(1 - golden), right = inner(golden);
    for (int step = 0; step < kSearchSteps; ++step) {
      if (left.second < right.second) {
        high = right.first;
        right = left;
        left = inner(1 - golden);
      } else {
        low = left.first;
        left = right;
        right = inner(golden);
      }
    }
    return left.second < right.second ? left : right;
  }

 private:
  const Panel& panel_;
  const ModelOptions& model_;
  LikelihoodOptions options_;
  int64_t origin_;
  const RegionLoop& loop_;
  at::Tensor patterns_;
  double best_ = std::numeric_limits<double>::infinity();
  std::optional<Components> start_;  // of the best so far: searches that begin there are short
};

}  // namespace

void check_media_unit(const Panel& panel, MediaUnit unit, const RegionLoop& loop) {
  if (unit == MediaUnit::kPopulation && !has_population(panel, loop))
    throw UserError(
        "'model.media.unit' is 'population', but the panel doesn't have one of every region: name its column by "
        "data.population at import, or set model.media.unit=auto.");
}

SizeOffset estimate_size_offset(const Panel& panel, int64_t origin, const RegionLoop& loop) {
  const int64_t T = panel.weeks();
  std::vector<double> mean_R(static_cast<size_t>(panel.regions), 0.0);  // 0: not usable
  const auto each_cell = [&](int64_t r, const auto& visit) {
    for (int64_t t = 0; t < origin; ++t)
      if (panel.observed_RT[r * T + t] != 0) visit(t, panel.target_RT[r * T + t] / mean_R[r] - 1.0);
  };
  // The nation: the mean of the regions' relative targets, week by week.
  std::vector<double> national = loop.sum(2 * origin, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      double sum = 0, cells = 0;
      for (int64_t t = 0; t < origin; ++t)
        if (panel.observed_RT[r * T + t] != 0) sum += panel.target_RT[r * T + t], cells += 1;
      if (cells < kMinimumRegionWeeks || !(sum > 0)) continue;
      mean_R[r] = sum / cells;
      each_cell(r, [&](int64_t t, double relative) {
        total[t] += relative;
        total[origin + t] += 1;
      });
    }
  });
  for (int64_t t = 0; t < origin; ++t) national[t] /= std::max(national[origin + t], 1.0);
  // slope_r = a + b / m_r, each region with the weight of its weeks: [regions, 1, 1/m, 1/m^2, slope, slope/m, slope^2].
  const std::vector<double> sums = loop.sum(7, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      if (!(mean_R[r] > 0)) continue;
      double product = 0, square = 0;
      each_cell(r, [&](int64_t t, double relative) {
        product += relative * national[t];
        square += national[t] * national[t];
      });
      if (!(square > 0)) continue;
      const double slope = product / square, inverse = 1.0 / mean_R[r];
      const double values[] = {1.0 / square, 1.0, inverse, inverse * inverse, slope, slope * inverse, slope * slope};
      for (int i = 0; i < 7; ++i) total[i] += square * values[i];
    }
  });
  const double count = sums[0], one = sums[1], x = sums[2], xx = sums[3], y = sums[4], xy = sums[5], yy = sums[6];
  const double determinant = one * xx - x * x;
  if (count < kLeastRegions || !(determinant > kWholeMargin * one * xx)) return {};
  const double b = (one * xy - x * y) / determinant, a = (y - b * x) / one;
  const double left = std::max(yy - a * y - b * xy, 0.0) / (count - 2);  // variance of a region of weight 1
  double smallest[] = {-std::numeric_limits<double>::infinity()};
  for (const double mean : mean_R)
    if (mean > 0) smallest[0] = std::max(smallest[0], -mean);
  loop.communicator().all_reduce_max(std::span<double>(smallest));
  if (!(a > 0)) return {};
  const double most = -(1 - kLeastLeft) * smallest[0];
  return {std::min(-b / a, most), std::sqrt(left * one / determinant) / a, most};
}

PanelScales choose_panel_scales(const Panel& panel, const ModelOptions& model, const LikelihoodOptions& likelihood,
                                int64_t origin, const RegionLoop& loop,
                                const std::function<void(const std::string&)>& log) {
  check_media_unit(panel, model.media_unit, loop);
  std::vector<MediaUnit> units = {MediaUnit::kRegion, MediaUnit::kTarget};
  if (has_population(panel, loop)) units.push_back(MediaUnit::kPopulation);
  if (model.media_unit != MediaUnit::kAuto) units = {model.media_unit};
  const SizeOffset offset = estimate_size_offset(panel, origin, loop);
  const bool has_offset = offset.value > kOffsetSeen * offset.error;
  if (units.size() == 1 && !has_offset) return {units[0], 0};

  Contest contest(panel, model, likelihood, origin, loop);
  PanelScales out{units[0], 0};
  const double first = contest.at(out);
  double reference = first;
  if (has_offset) {
    const auto [value, negative_log] = contest.best_offset(units[0], offset);
    const double gain = first - negative_log;
    if (gain > kOffsetWorth) {
      out.size_offset = value;
      reference = negative_log;
    }
    if (log)
      log(text("A region's size is its mean target", out.size_offset > 0 ? text(" less ", value) : std::string(),
               ": by how much regions move, they have ", offset.value, " +- ", offset.error,
               " in common that doesn't; an offset of ", value, " gains ", gain, " of the log likelihood",
               out.size_offset > 0 ? "." : text(", less than ", kOffsetWorth, ".")));
  }
  double best = reference;
  std::string report = text(name_of(units[0]), " 0");
  for (size_t i = 1; i < units.size(); ++i) {
    const double value = contest.at({units[i], out.size_offset});
    report += text(", ", name_of(units[i]), " ", value - reference);
    if (!(value < best)) continue;
    best = value;
    out.media_unit = units[i];
  }
  if (log && units.size() > 1)
    log(text("Media are measured per ", name_of(out.media_unit),
             " (negative log likelihood over that per region: ", report, ")."));
  return out;
}

}  // namespace dcmmm
