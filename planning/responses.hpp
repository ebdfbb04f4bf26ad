// What spend in the weeks to come brings, by every draw of the ensemble: the trained curves with the media that ran
// before and the coefficients that the run forecasts.
// Shapes: D draws, R regions, C channels, H weeks of the horizon, T = H + tail weeks that count.
#pragma once

#include <cstdint>
#include <vector>

namespace dcmmm {

struct Responses {
  int64_t draws = 0, regions = 0, channels = 0, horizon = 0, weeks = 0;  // D, R, C, H, T
  bool saturates = true;                                                 // false: effects are linear in carried media
  std::vector<double> carry_DCT;                 // share of a week's media that works after 0, 1, ... weeks
  std::vector<double> exponent_DC, log_half_DC;  // as in the model; unused where nothing saturates
  std::vector<double> factor_RDC;                // of the coefficients, in each draw
  std::vector<double> coefficient_RCT;           // KPI units a week at full saturation, in the plain fit
  std::vector<double> unit_RC;  // currency a week that one unit of scaled media stands for; 0: no effect to plan with
  // Scaled media carried over from before the horizon, and from after it into the tail. Nearly all of a plan's memory.
  std::vector<float> base_RCDT;

  const float* base(int64_t region, int64_t channel) const {
    return base_RCDT.data() + (region * channels + channel) * draws * weeks;
  }
};

/// Computes for one region and channel at a time; a thread has its own. Holds what it needs on the way.
class RegionResponse {
 public:
  explicit RegionResponse(const Responses& responses);

  /// Adds to outcome_D what `spend_H` (currency a week, at least 0) brings in each draw, KPI units over T weeks, what
  /// earlier media still bring included.
  void outcome(int64_t region, int64_t channel, const double* spend_H, double* outcome_D);
  /// The same, and sets gradient_H to the derivative of sum over d of weight[d] outcome[d] by spend_H.
  void gradient(int64_t region, int64_t channel, const double* spend_H, const double* weight_D, double* outcome_D,
                double* gradient_H);

 private:
  const Responses& responses_;
  std::vector<double> scaled_H_, workspace_;
};

/// Adds the draws' outcomes without any spend in the horizon: what counts is what comes on top.
void add_idle_outcome(const Responses& responses, int64_t region, int64_t channel, double* outcome_D);

}  // namespace dcmmm
