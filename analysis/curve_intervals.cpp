// Shapes: C channels, D draws.
#include "analysis/curve_intervals.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "analysis/kernels/draw_curve.hpp"

namespace dcmmm {

CurveIntervals::CurveIntervals(const SharedResults& shared, const ResponseCurves& curves,
                               std::vector<double> contribution_C, std::vector<Interval> total_C, double level)
    : shared_(shared),
      curves_(curves),
      contribution_C_(std::move(contribution_C)),
      total_C_(std::move(total_C)),
      level_(level),
      draws_(static_cast<std::size_t>(shared.draws.count)) {
  const std::size_t channels = contribution_C_.size();
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t d = 0; d < draws_; ++d) {
      exponent_CD_.push_back(shared.draws.exponent_DC[d * channels + c]);
      log_half_CD_.push_back(std::log(shared.draws.half_saturation_DC[d * channels + c]));
    }
}

CurveIntervals::Draws CurveIntervals::at_fitted_coefficients(int64_t channel,
                                                             std::span<const ResponseCurves::Use> regions,
                                                             double multiple) const {
  const std::size_t at = static_cast<std::size_t>(channel) * draws_;
  Draws out{std::vector<double>(draws_), std::vector<double>(draws_)};
  for (const ResponseCurves::Use& use : regions)
    kernels::add_draw_curve({static_cast<int64_t>(draws_), multiple * use.scaled, use.coefficient, use.scaled,
                             exponent_CD_.data() + at, log_half_CD_.data() + at},
                            out.response_D.data(), out.marginal_D.data());
  double spend = 0;
  for (const ResponseCurves::Use& use : regions) spend += use.spend;
  for (double& response : out.response_D) response /= static_cast<double>(regions.size());
  for (double& slope : out.marginal_D) slope /= spend;  // not finite, hence empty, without spend
  return out;
}

std::vector<double> CurveIntervals::factors(std::size_t channel) const {
  const std::size_t channels = contribution_C_.size();
  // Where the curve is the frequency's, the response is in proportion to what the draw's channel brings.
  const bool is_frequency = shared_.has_frequency(channel);
  const std::vector<double>& drawn_DC = is_frequency ? shared_.draws.contribution_DC : shared_.draws.coefficient_DC;
  const double fitted = is_frequency ? contribution_C_[channel] : curves_.coefficient(static_cast<int64_t>(channel));
  std::vector<double> out_D(draws_);
  for (std::size_t d = 0; d < draws_; ++d) out_D[d] = fitted > 0 ? drawn_DC[d * channels + channel] / fitted : 0;
  return out_D;
}

CurveIntervals::Point CurveIntervals::point(int64_t channel, std::span<const ResponseCurves::Use> regions,
                                            double multiple, const ResponseCurves::Point& value,
                                            std::span<const double> factor_D) const {
  const auto c = static_cast<std::size_t>(channel);
  if (!shared_.is_identified(c)) {
    const double lower = total_C_[c].lower / contribution_C_[c], upper = total_C_[c].upper / contribution_C_[c];
    return {{lower * value.response, upper * value.response}, {lower * value.marginal, upper * value.marginal}};
  }
  Draws draws;
  if (curves_.is_linear(channel))
    draws = {std::vector<double>(draws_, value.response), std::vector<double>(draws_, value.marginal)};
  else
    draws = at_fitted_coefficients(channel, regions, multiple);
  for (std::size_t d = 0; d < draws_; ++d) draws.response_D[d] *= factor_D[d], draws.marginal_D[d] *= factor_D[d];
  return {interval_of(draws.response_D, level_, value.response), interval_of(draws.marginal_D, level_, value.marginal)};
}

CurveIntervals::Point CurveIntervals::all_regions(int64_t channel, double multiple) const {
  return point(channel, curves_.uses(channel), multiple,
               {curves_.response(channel, multiple), curves_.marginal(channel, multiple)},
               factors(static_cast<std::size_t>(channel)));
}

CurveIntervals::Point CurveIntervals::region(int64_t channel, std::size_t region, double multiple,
                                             std::span<const double> factor_D) const {
  return point(channel, std::span(curves_.uses(channel)).subspan(region, 1), multiple,
               curves_.region_point(channel, region, multiple), factor_D);
}

Interval CurveIntervals::headroom(int64_t channel) const {
  const double height = curves_.height(channel);
  if (!(height > 0) || !shared_.is_identified(static_cast<std::size_t>(channel))) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    return {kNone, kNone};
  }
  std::vector<double> headroom_D = at_fitted_coefficients(channel, curves_.uses(channel), 1).response_D;
  for (double& value : headroom_D) value = 1 - value / height;
  Interval out = interval_of(headroom_D, level_, 1 - curves_.response(channel, 1) / height);
  out.upper = std::min(out.upper, 1.0);  // Student's t of a few draws knows nothing of a part
  return out;
}

}  // namespace dcmmm
