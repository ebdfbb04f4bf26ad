#include "analysis/decompose.hpp"

#include <limits>

#include "model/seasonality.hpp"

// E members, n regions of a chunk, T weeks, C channels, K controls.
namespace dcmmm {
namespace {

// Mean over the fitted members (not their shadows), as doubles.
std::vector<double> mean_of_members(const at::Tensor& values_E, int64_t members) {
  const at::Tensor mean = values_E.to(at::kDouble).narrow(0, 0, members).mean(0).contiguous();
  return {mean.const_data_ptr<double>(), mean.const_data_ptr<double>() + mean.numel()};
}

}  // namespace

ResultBlock result_block(const Fit& fit, Chunk chunk) {
  const at::NoGradGuard no_gradient;
  const FitData& data = fit.data;
  const Mmm& model = fit.model;
  const ModelOptions& options = model.options();
  const int64_t E = data.member_count(), T = data.weeks, M = fit.members;
  const at::Tensor local = fit.state.local_ERL.narrow(1, chunk.first, chunk.count);
  const Effects effects = model.effects(data, fit.state.shared_EP, local, chunk, T);
  const Baseline baseline = model.baseline(data, effects.total(), chunk);

  // In units of m_r, then times m_r; 0 for regions that predict their mean, whose baseline is all.
  const at::Tensor scale_EnT = data.target_scale_ER.narrow(1, chunk.first, chunk.count).unsqueeze(-1);
  const at::Tensor usable_En = data.region_weight_ER.narrow(1, chunk.first, chunk.count) > 0;
  const at::Tensor effective_EnT = at::where(usable_En.unsqueeze(-1), scale_EnT, at::zeros_like(scale_EnT));
  const auto view = [&](const char* name) { return model.layout().view(fit.state.shared_EP, name).to(at::kDouble); };
  const at::Tensor offset = model.layout().view(local, "coefficient.region_effect").to(at::kDouble).unsqueeze(2);
  at::Tensor level_EnTC = view("coefficient.log_mean").view({E, 1, 1, -1}) + offset;
  if (effects.deviation_ERTC.defined()) level_EnTC = level_EnTC + effects.deviation_ERTC.to(at::kDouble);
  const at::Tensor coefficient_EnTC = at::softplus(level_EnTC) * effective_EnT.unsqueeze(-1);
  const at::Tensor media_EnTC = coefficient_EnTC * effects.response_ERTC.to(at::kDouble);
  const at::Tensor control_EnTK = data.scaled_controls(chunk, T).to(at::kDouble) *
                                  view("control.coefficient").view({E, 1, 1, -1}) * effective_EnT.unsqueeze(-1);
  const at::Tensor factor_En = 1.0 + model.layout().view(local, "pattern.region_scale").to(at::kDouble);
  const at::Tensor patterns_TS = temporal_patterns(options, model.seasonal_period(), 0, T);
  const int64_t seasons = 2 * options.harmonics;
  const auto pattern = [&](int64_t first, int64_t count) {
    const at::Tensor national_ET =
        at::matmul(view("pattern.coefficient").narrow(1, first, count), patterns_TS.narrow(1, first, count).t());
    return factor_En.unsqueeze(-1) * national_ET.unsqueeze(1) * effective_EnT;
  };
  const at::Tensor season_EnT = pattern(0, seasons), trend_EnT = pattern(seasons, options.trend ? 1 : 0);
  const at::Tensor ones = at::ones_like(scale_EnT);
  const at::Tensor baseline_EnT =
      at::where(usable_En.unsqueeze(-1), baseline.baseline_ERT.to(at::kDouble), ones) * scale_EnT;
  const at::Tensor predicted_EnT = baseline_EnT + season_EnT + trend_EnT + control_EnTK.sum(-1) + media_EnTC.sum(-1);
  const at::Tensor level_En =
      at::where(usable_En, baseline.level_ER.to(at::kDouble), at::ones({E, chunk.count}, at::kDouble)) *
      scale_EnT.squeeze(-1);
  const at::Tensor inverse = data.inverse_media_scale_ERC.narrow(1, chunk.first, chunk.count).to(at::kDouble);

  ResultBlock out;
  out.first_region = fit.loop.plan().first_region + chunk.first;
  out.regions = chunk.count;
  out.predicted_RT = mean_of_members(predicted_EnT, M);
  out.baseline_RT = mean_of_members(baseline_EnT.expand({E, chunk.count, T}), M);
  out.trend_RT = mean_of_members(trend_EnT.expand({E, chunk.count, T}), M);
  out.seasonality_RT = mean_of_members(season_EnT, M);
  out.control_RTK = mean_of_members(control_EnTK, M);
  out.media_RTC = mean_of_members(media_EnTC, M);
  out.coefficient_RTC = mean_of_members(coefficient_EnTC.expand({E, chunk.count, T, data.channels}), M);
  out.target_scale_R = mean_of_members(data.target_scale_ER.narrow(1, chunk.first, chunk.count), M);
  out.media_scale_RC = mean_of_members(at::where(inverse > 0, 1.0 / inverse, at::zeros_like(inverse)), M);
  out.scale_factor_R = mean_of_members(factor_En, M);
  out.baseline_level_R = mean_of_members(level_En, M);
  return out;
}

SharedResults shared_results(const Fit& fit) {
  const Mmm::Curves curves = fit.model.curves(fit.state.shared_EP.to(at::kDouble));
  SharedResults out;
  out.decay_C = mean_of_members(curves.decay_EC, fit.members);
  out.exponent_C = mean_of_members(curves.exponent_EC, fit.members);
  out.half_saturation_C = mean_of_members(curves.log_half_EC.exp(), fit.members);
  const std::vector<int64_t>& delayed = fit.model.options().delayed_channels;
  out.peak_C.assign(out.decay_C.size(), std::numeric_limits<double>::quiet_NaN());
  if (!delayed.empty()) {
    const std::vector<double> peak = mean_of_members(curves.peak_ED, fit.members);
    for (size_t i = 0; i < peak.size(); ++i) out.peak_C[static_cast<size_t>(delayed[i])] = peak[i];
    out.adstock_kind = delayed.size() == out.decay_C.size() ? "delayed" : "mixed";
  }
  out.origin = fit.data.members[0].origin;
  out.holdout_weeks = fit.data.weeks - out.origin;
  return out;
}

}  // namespace dcmmm
