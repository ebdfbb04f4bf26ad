// Intervals of forecasts, calibrated on what forecasts from inner origins missed (split conformal: Vovk et al. 2005;
// Lei et al. 2018), with a national part of its own. A cell's error is m_r national_h + s_r noise_h: the regions' own
// noise averages out in a week's total, the national part doesn't. Shapes: R regions of the panel, O inner origins, H
// horizons (weeks after an origin, from 1), G groups of horizons, L levels.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace dcmmm {

/// What the inner forecasts of one region missed.
struct RegionResiduals {
  double scale = 0;  // m_r: mean target over the training weeks, KPI units; 0: the region has no usable history
  std::vector<double> error_OH;  // actual - forecast, KPI units; NaN where not observed or not forecast
};

/// Everything that intervals of later forecasts need; the same on every rank.
struct ForecastIntervals {
  std::vector<int64_t> group_end_G;  // the groups' last horizons, ascending; later horizons grow from the last group
  std::vector<double> level_L;       // ascending, in (0, 1)
  std::vector<double> quantile_GL;   // of |noise| at each level
  double national_factor = 1;        // of the national error's prior variance
  double national_degrees = 1;       // of freedom of that variance
  std::vector<double> scale_R;       // s_r, KPI units; NaN for regions without a usable history

  /// Multiple of s_r that covers the share `level` of a region's own noise; level may lie between the grid's.
  double cell_quantile(int64_t horizon, double level) const;
  /// Standard deviation of the national error, as a share of m_r.
  double national_sd(int64_t horizon) const;
  /// Half the width of a cell's interval; `noise_scale` is s_r and `region_scale` m_r. KPI units.
  double half_width(double noise_scale, double region_scale, int64_t horizon, double level) const;
  /// The same of the sum over several regions in one week; `region_scales` is the sum of their m_r.
  double total_half_width(double region_scales, int64_t horizon, double level) const;
};

/// Mean square of a region's own errors, in units of m_r, by its size: a line through the logs.
struct SizeTrend {
  double level = -std::numeric_limits<double>::infinity(), slope = 0, mean_size = 0;
  double mean_square(double scale) const;
};

/// What the inner forecasts of some regions, in the panel's order, say of all. `shared_horizons`: horizons 1 ... that
/// every origin offers; region scales and the national factor are judged on these, so that each origin has the same
/// say. The result depends on nothing but the arguments. REQUIRES: error_OH of every region has origins x H values.
class IntervalCalibration {
 public:
  IntervalCalibration(const std::vector<RegionResiduals>& regions, int64_t origins, int64_t shared_horizons);

  /// Without scale_R.
  const ForecastIntervals& intervals() const { return intervals_; }
  /// s_r of any region, m_r = `scale`; NaN without a usable history.
  double scale_of(double scale, std::span<const double> error_OH) const;

 private:
  int64_t origins_, shared_;
  std::vector<double> national_OH_;
  SizeTrend trend_;
  ForecastIntervals intervals_;
};

}  // namespace dcmmm
