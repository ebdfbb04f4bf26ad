// What forecasts from origins inside the training weeks missed: the closed form fitted anew at each, no descent.
// Shapes: E inner origins, R regions, H horizons.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "common/large_vector.hpp"
#include "trainer/fit.hpp"
#include "trainer/forecast_interval.hpp"

namespace dcmmm {

/// Origins inside the training weeks, latest first, and the horizons that each of them has before the training ends.
struct InnerOrigins {
  std::vector<int64_t> origins;
  int64_t shared_horizons = 0;
};

/// At most 6 origins, 8 weeks apart, with a whole season before each; at least 2, with shorter pasts and smaller steps
/// where there is no room. REQUIRES: origin >= kMinimumTrainingWeeks.
InnerOrigins inner_origins(int64_t origin, double seasonal_period);

/// Predictions [n, weeks] (float64, KPI units) of a chunk; NaN for regions without a usable history.
using Predictions = std::function<at::Tensor(Chunk chunk, int64_t weeks)>;

/// Fits from the inner origin of that place. Collective. Asked for one after the other, so that no two of them need be
/// held at once.
using InnerPredictions = std::function<Predictions(int64_t place)>;

/// What the inner forecasts of this rank's regions missed, KPI units.
struct InnerResiduals {
  int64_t cells = 0;              // of a region: origins x horizons
  std::vector<double> scale_R;    // m_r; 0 without a usable history
  LargeVector<double> error_ROH;  // actual - forecast; NaN where not observed or not forecast

  std::span<const double> of(int64_t region) const {
    return std::span(error_ROH).subspan(static_cast<size_t>(region * cells), static_cast<size_t>(cells));
  }
};

/// For horizons up to 26 or the farthest that is there. Weeks from the fit's origin on have no say. Collective.
InnerResiduals inner_residuals(const Fit& fit, const InnerOrigins& inner, const InnerPredictions& predictions_of);

/// All regions of the panel, in its order, or some 4,096 of a large panel by chance: the same on any ranks. Collective.
std::vector<RegionResiduals> sample_of(const InnerResiduals& mine, const RegionLoop& loop, int64_t all_regions);

/// Predictions of the fit's closed form at inner origins, without descent. Collective.
InnerPredictions closed_form_predictions(const Fit& fit, const InnerOrigins& inner);

/// The intervals of this fit's forecasts, from its closed form, or its likelihood, at inner origins. Collective.
ForecastIntervals forecast_intervals(const Fit& fit);

}  // namespace dcmmm
