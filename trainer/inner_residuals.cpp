#include "trainer/inner_residuals.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/split.hpp"
#include "trainer/likelihood_run.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kSpacing = 8, kMost = 6, kFewest = 2, kFarthest = 26;

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

std::vector<RegionResiduals> inner_residuals(const Fit& fit, const InnerOrigins& inner,
                                             const InnerPredictions& predictions_of) {
  const int64_t origin = fit.data.members[0].origin, E = static_cast<int64_t>(inner.origins.size());
  const int64_t H = std::min(origin - inner.origins.back(), kFarthest), weeks = fit.data.weeks;
  // A row a region: its place in the panel, its scale, its errors.
  const auto width = static_cast<size_t>(2 + E * H);
  std::vector<double> rows(static_cast<size_t>(fit.data.regions) * width, std::numeric_limits<double>::quiet_NaN());
  const at::Tensor scale = fit.data.target_scale_ER, weight = fit.data.region_weight_ER.to(at::kDouble);
  for (int64_t e = 0; e < E; ++e) {
    const Predictions predict = predictions_of(e);
    fit.loop.each([&](Chunk chunk) {
      const at::Tensor predicted = predict(chunk, origin).contiguous();
      const auto predicted_nT = predicted.accessor<double, 2>();
      for (int64_t n = 0; n < chunk.count; ++n) {
        const int64_t r = chunk.first + n;
        double* row = rows.data() + static_cast<size_t>(r) * width;
        row[0] = static_cast<double>(fit.loop.plan().first_region + r);
        row[1] = weight[0][r].item<double>() > 0 ? scale[0][r].item<double>() : 0.0;
        for (int64_t t = inner.origins[e]; t < std::min(origin, inner.origins[e] + H); ++t)
          if (fit.panel.observed_RT[r * weeks + t])
            row[2 + e * H + t - inner.origins[e]] = fit.panel.target_RT[r * weeks + t] - predicted_nT[n][t];
      }
    });
  }
  const std::vector<double> all = fit.loop.communicator().all_gather(rows);
  std::vector<RegionResiduals> out(all.size() / width);
  for (size_t i = 0; i < out.size(); ++i) {
    const auto row = all.begin() + static_cast<std::ptrdiff_t>(i * width);
    out[static_cast<size_t>(row[0])] = {row[1], {row + 2, row + static_cast<std::ptrdiff_t>(width)}};
  }
  return out;
}

ForecastIntervals forecast_intervals(const Fit& fit) {
  const InnerOrigins inner = inner_origins(fit.data.members[0].origin, fit.model.seasonal_period());
  const InnerPredictions predictions_of =
      fit.likelihood ? likelihood_predictions(fit, inner.origins) : closed_form_predictions(fit, inner);
  return calibrate_intervals(inner_residuals(fit, inner, predictions_of), static_cast<int64_t>(inner.origins.size()),
                             inner.shared_horizons);
}

}  // namespace dcmmm
