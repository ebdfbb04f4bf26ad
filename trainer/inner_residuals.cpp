#include "trainer/inner_residuals.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/random.hpp"
#include "data/split.hpp"
#include "trainer/likelihood_run.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kSpacing = 8, kMost = 6, kFewest = 2, kFarthest = 26;
// Regions that intervals are calibrated on: of more, so many by chance. They have some 100,000 errors, by which a
// quantile is known to a thousandth, and every rank holds them.
constexpr int64_t kMostSampled = 4096;

// The same on any ranks. Not evenly spaced ones: a panel may list two brands in turn.
bool is_in_sample(int64_t region, int64_t all_regions) {
  constexpr uint64_t kSampleSeed = 1;
  return RandomStream(kSampleSeed, static_cast<uint64_t>(region)).uniform() * static_cast<double>(all_regions) <
         static_cast<double>(kMostSampled);
}

}  // namespace

InnerOrigins inner_origins(int64_t origin, double seasonal_period) {
  // Fits of less than a season would forecast worse than the one that is to be judged; they count only where there are
  // no others. Where 8 weeks are too long a step, the shortest past that a region can be fitted on decides.
  const int64_t room = (origin - kMinimumRegionWeeks) / kFewest;
  InnerOrigins out;
  out.shared_horizons = std::clamp<int64_t>(room, 1, kSpacing);
  for (int64_t i = 1; i <= kMost; ++i) {
    const int64_t inner = origin - i * out.shared_horizons;
    if (i > kFewest && static_cast<double>(inner) < seasonal_period) break;
    out.origins.push_back(inner);
  }
  return out;
}

InnerPredictions closed_form_predictions(const Fit& fit, const InnerOrigins& inner) {
  const at::NoGradGuard no_gradient;
  const auto E = static_cast<int64_t>(inner.origins.size());
  // All inner origins are one batch of members. Without a descent the GRU has nothing to say.
  ModelOptions options = fit.model.options();
  options.gru = false;
  const Mmm model(options, fit.model.seasonal_period(), fit.data.channels, fit.data.controls, fit.data.events);
  std::vector<Member> members(static_cast<size_t>(E), fit.data.members[0]);
  for (int64_t e = 0; e < E; ++e) members[e].origin = inner.origins[e];
  const FitData data = make_fit_data(fit.panel, members, fit.data.type, fit.loop);
  at::Tensor shared = initial_shared(model.layout(), options, members);
  model.closed_form(data, shared, fit.loop);
  shared = shared.to(data.type);
  return [=](int64_t place) {
    return [=, data = data.only(place), shared_1P = shared.narrow(0, place, 1)](Chunk chunk, int64_t weeks) {
      const at::NoGradGuard no_gradient_here;
      const at::Tensor local = at::zeros({1, chunk.count, model.layout().local_count()}, data.type);
      const at::Tensor total = model.effects(data, shared_1P, local, chunk, weeks).total();
      const at::Tensor scaled = (total + model.baseline(data, total, chunk).baseline_ERT)[0].to(at::kDouble);
      const at::Tensor usable = data.region_weight_ER[0].narrow(0, chunk.first, chunk.count) > 0;
      const at::Tensor scale = data.target_scale_ER[0].narrow(0, chunk.first, chunk.count);
      return at::where(usable, scale, at::full_like(scale, std::numeric_limits<double>::quiet_NaN())).unsqueeze(-1) *
             scaled;
    };
  };
}

InnerResiduals inner_residuals(const Fit& fit, const InnerOrigins& inner, const InnerPredictions& predictions_of) {
  const int64_t origin = fit.data.members[0].origin, E = static_cast<int64_t>(inner.origins.size());
  const int64_t H = std::min(origin - inner.origins.back(), kFarthest), weeks = fit.data.weeks;
  InnerResiduals out;
  out.cells = E * H;
  const auto R = static_cast<std::size_t>(fit.data.regions);
  out.error_ROH.assign(R * static_cast<std::size_t>(out.cells), std::numeric_limits<double>::quiet_NaN());
  out.scale_R.assign(R, 0.0);
  const at::Tensor usable = fit.data.region_weight_ER[0] > 0;
  for (int64_t e = 0; e < E; ++e) {
    const Predictions predict = predictions_of(e);
    fit.loop.each([&](Chunk chunk) {
      const at::Tensor predicted = predict(chunk, origin).contiguous();
      const auto predicted_nT = predicted.accessor<double, 2>();
      for (int64_t n = 0; n < chunk.count; ++n) {
        const int64_t r = chunk.first + n;
        if (usable.const_data_ptr<bool>()[r])
          out.scale_R[static_cast<std::size_t>(r)] = fit.data.target_scale_ER.const_data_ptr<double>()[r];
        double* error_H = out.error_ROH.data() + r * out.cells + e * H;
        for (int64_t t = inner.origins[e]; t < std::min(origin, inner.origins[e] + H); ++t)
          if (fit.panel.observed_RT[r * weeks + t])
            error_H[t - inner.origins[e]] = fit.panel.target_RT[r * weeks + t] - predicted_nT[n][t];
      }
    });
  }
  return out;
}

std::vector<RegionResiduals> sample_of(const InnerResiduals& mine, const RegionLoop& loop, int64_t all_regions) {
  const int64_t first = loop.plan().first_region;
  std::vector<double> rows;
  for (int64_t r = 0; r < loop.plan().regions; ++r) {
    if (all_regions > kMostSampled && !is_in_sample(first + r, all_regions)) continue;
    const std::span<const double> error_OH = mine.of(r);
    rows.push_back(mine.scale_R[static_cast<std::size_t>(r)]);
    rows.insert(rows.end(), error_OH.begin(), error_OH.end());
  }
  const std::vector<double> all = loop.communicator().all_gather(rows);
  std::vector<RegionResiduals> out;
  const auto width = static_cast<std::ptrdiff_t>(mine.cells + 1);
  for (auto row = all.begin(); row != all.end(); row += width) out.push_back({*row, {row + 1, row + width}});
  return out;
}

ForecastIntervals forecast_intervals(const Fit& fit) {
  const InnerOrigins inner = inner_origins(fit.data.members[0].origin, fit.model.seasonal_period());
  const InnerPredictions predictions_of =
      fit.likelihood ? likelihood_predictions(fit, inner.origins) : closed_form_predictions(fit, inner);
  const InnerResiduals mine = inner_residuals(fit, inner, predictions_of);
  const IntervalCalibration calibration(sample_of(mine, fit.loop, fit.data.all_regions),
                                        static_cast<int64_t>(inner.origins.size()), inner.shared_horizons);
  ForecastIntervals out = calibration.intervals();
  std::vector<double> scale_R;
  fit.loop.each([&](Chunk chunk) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r)
      scale_R.push_back(calibration.scale_of(mine.scale_R[static_cast<std::size_t>(r)], mine.of(r)));
  });
  out.scale_R = fit.loop.communicator().all_gather(scale_R);
  return out;
}

}  // namespace dcmmm
