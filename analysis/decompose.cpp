#include "analysis/decompose.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "likelihood/draws.hpp"
#include "model/missing_media.hpp"
#include "model/seasonality.hpp"

// E = 1 member, n regions of a chunk, T weeks, C channels, K controls.
namespace dcmmm {
namespace {

std::vector<double> doubles(const at::Tensor& values) {
  const at::Tensor flat = values.to(at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

}  // namespace

ResultBlock result_block(const Fit& fit, Chunk chunk, int64_t member) {
  const at::NoGradGuard no_gradient;
  const FitData data = fit.data.only(member);
  const Mmm& model = fit.model;
  const ModelOptions& options = model.options();
  const int64_t E = 1, T = data.weeks;
  const at::Tensor shared = fit.state.shared_EP.narrow(0, member, 1),
                   local = fit.state.local_ERL.narrow(0, member, 1).narrow(1, chunk.first, chunk.count);
  const Effects effects = model.effects(data, shared, local, chunk, T);
  const Baseline baseline = model.baseline(data, effects.total(), chunk);

  // In units of m_r, then times m_r; 0 for regions that predict their mean, whose baseline is all.
  const at::Tensor scale_EnT = data.target_scale_ER.narrow(1, chunk.first, chunk.count).unsqueeze(-1);
  const at::Tensor usable_En = data.region_weight_ER.narrow(1, chunk.first, chunk.count) > 0;
  const at::Tensor effective_EnT = at::where(usable_En.unsqueeze(-1), scale_EnT, at::zeros_like(scale_EnT));
  const auto view = [&](const char* name) { return model.layout().view(shared, name).to(at::kDouble); };
  const at::Tensor offset = model.layout().view(local, "coefficient.region_effect").to(at::kDouble).unsqueeze(2);
  at::Tensor level_EnTC = view("coefficient.log_mean").view({E, 1, 1, -1}) + offset;
  if (effects.deviation_ERTC.defined()) level_EnTC = level_EnTC + effects.deviation_ERTC.to(at::kDouble);
  const at::Tensor coefficient_EnTC = at::softplus(level_EnTC) * effective_EnT.unsqueeze(-1);
  const at::Tensor media_EnTC = coefficient_EnTC * effects.response_ERTC.to(at::kDouble);
  const at::Tensor control_EnTK = data.scaled_controls(chunk, T).to(at::kDouble) *
                                  view("control.coefficient").view({E, 1, 1, -1}) * effective_EnT.unsqueeze(-1);
  const at::Tensor factor_En = 1.0 + model.layout().view(local, "pattern.region_scale").to(at::kDouble);
  const at::Tensor patterns_TS = temporal_patterns(options, model.seasonal_period(), 0, T);
  const int64_t seasons = int64_t{2} * options.harmonics;
  const auto pattern = [&](int64_t first, int64_t count) {
    const at::Tensor national_ET =
        at::matmul(view("pattern.coefficient").narrow(1, first, count), patterns_TS.narrow(1, first, count).t());
    at::Tensor scaled_EnT = factor_En.unsqueeze(-1) * national_ET.unsqueeze(1);
    if (options.region_patterns) {
      const at::Tensor own_EnS = model.layout().view(local, "pattern.region_effect").to(at::kDouble);
      scaled_EnT = scaled_EnT + sum_of_patterns(own_EnS.narrow(2, first, count), patterns_TS.narrow(1, first, count));
    }
    return scaled_EnT * effective_EnT;
  };
  const at::Tensor season_EnT = pattern(0, seasons), trend_EnT = pattern(seasons, options.trend ? 1 : 0);
  const at::Tensor ones = at::ones_like(scale_EnT);
  at::Tensor level_EnT = baseline.baseline_ERT.to(at::kDouble);
  if (data.national_EN.defined()) level_EnT = level_EnT + data.national_EN.narrow(1, 0, T).unsqueeze(1);
  const at::Tensor baseline_EnT = at::where(usable_En.unsqueeze(-1), level_EnT, ones) * scale_EnT;
  const at::Tensor predicted_EnT = baseline_EnT + season_EnT + trend_EnT + control_EnTK.sum(-1) + media_EnTC.sum(-1);
  const at::Tensor level_En =
      at::where(usable_En, baseline.level_ER.to(at::kDouble), at::ones({E, chunk.count}, at::kDouble)) *
      scale_EnT.squeeze(-1);
  const at::Tensor inverse = data.inverse_media_scale_ERC.narrow(1, chunk.first, chunk.count).to(at::kDouble);

  ResultBlock out;
  out.first_region = fit.loop.plan().first_region + chunk.first;
  out.regions = chunk.count;
  out.predicted_RT = doubles(predicted_EnT);
  out.baseline_RT = doubles(baseline_EnT.expand({E, chunk.count, T}));
  out.trend_RT = doubles(trend_EnT.expand({E, chunk.count, T}));
  out.seasonality_RT = doubles(season_EnT);
  out.control_RTK = doubles(control_EnTK);
  out.media_RTC = doubles(media_EnTC);
  out.coefficient_RTC = doubles(coefficient_EnTC.expand({E, chunk.count, T, data.channels}));
  out.target_scale_R = doubles(data.target_scale_ER.narrow(1, chunk.first, chunk.count));
  out.media_scale_RC = doubles(at::where(inverse > 0, 1.0 / inverse, at::zeros_like(inverse)));
  out.scale_factor_R = doubles(factor_En);
  out.baseline_level_R = doubles(level_En);
  return out;
}

SharedResults shared_results(const Fit& fit) {
  const Mmm::Curves curves = fit.model.curves(fit.state.shared_EP.to(at::kDouble));
  SharedResults out;
  out.decay_C = doubles(curves.decay_EC[0]);
  out.exponent_C = doubles(curves.exponent_EC[0]);
  out.half_saturation_C = doubles(curves.log_half_EC[0].exp());
  const std::vector<int64_t>& delayed = fit.model.options().delayed_channels;
  out.peak_C.assign(out.decay_C.size(), std::numeric_limits<double>::quiet_NaN());
  if (!delayed.empty()) {
    const std::vector<double> peak = doubles(curves.peak_ED[0]);
    for (size_t i = 0; i < peak.size(); ++i) out.peak_C[static_cast<size_t>(delayed[i])] = peak[i];
    out.adstock_kind = delayed.size() == out.decay_C.size() ? "delayed" : "mixed";
  }
  out.frequency_control_C.assign(out.decay_C.size(), -1);
  for (const FrequencyOf& frequency : fit.model.options().frequencies)
    out.frequency_control_C[static_cast<size_t>(frequency.channel)] = static_cast<double>(frequency.control);
  if (!fit.model.options().hill || !fit.model.options().media) {
    out.saturation_kind = "none";
    for (auto* values : {&out.exponent_C, &out.half_saturation_C})
      std::fill(values->begin(), values->end(), std::numeric_limits<double>::quiet_NaN());
  }
  out.origin = fit.data.members[0].origin;
  out.holdout_weeks = fit.data.weeks - out.origin;
  if (fit.intervals) out.intervals = *fit.intervals;
  out.max_lag = fit.model.options().max_lag;
  if (fit.likelihood) {
    out.response_sd = fit.likelihood->estimate.components.media_slope_sd();
    out.drift_sd = fit.likelihood->estimate.components.drift_sd();
  }
  return out;
}

namespace {

// What fitted members say of the channels: contributions over all cells with a row, and coefficients, means over each
// region's observed weeks and over regions (ChannelDraws).
struct ChannelFigures {
  std::vector<double> contribution_MC, coefficient_MC;  // M members
};

ChannelFigures figures_of(const Fit& fit, const std::vector<int64_t>& members) {
  const int64_t C = fit.data.channels, T = fit.data.weeks, M = static_cast<int64_t>(members.size());
  const std::vector<double> sums = fit.loop.sum(2 * M * C, [&](Chunk chunk, std::span<double> total) {
    const std::vector<uint8_t> counted_RT = cells_with_rows(fit.panel, chunk.first, chunk.count);
    for (int64_t m = 0; m < M; ++m) {
      const ResultBlock block = result_block(fit, chunk, members[static_cast<size_t>(m)]);
      double *contribution_C = total.data() + m * C, *coefficient_C = total.data() + (M + m) * C;
      for (int64_t r = 0; r < chunk.count; ++r) {
        const uint8_t* observed_T = fit.panel.observed_RT.data() + (chunk.first + r) * T;
        const auto cells = static_cast<double>(std::count(observed_T, observed_T + T, 1));
        for (int64_t t = 0; t < T; ++t)
          for (int64_t c = 0; c < C; ++c) {
            const int64_t i = (r * T + t) * C + c;
            if (counted_RT[r * T + t] != 0) contribution_C[c] += block.media_RTC[i];
            if (observed_T[t] != 0) coefficient_C[c] += block.coefficient_RTC[i] / cells;
          }
      }
    }
  });
  ChannelFigures out{{sums.begin(), sums.begin() + M * C}, {sums.begin() + M * C, sums.end()}};
  for (double& value : out.coefficient_MC) value /= static_cast<double>(fit.data.all_regions);
  return out;
}

// Adds draws around a member of the likelihood's. A draw says how strong a channel is and of what shape; how regions
// and weeks differ is the member's, so the draws lie around what is reported, whichever region weighs most.
void add_draws(const Fit& fit, int64_t e, const RowMatrix& share_DC, const RowMatrix& shapes_DS, ChannelDraws& out) {
  const Mode& mode = fit.likelihood->members[static_cast<size_t>(e)].mode;
  const int64_t C = fit.data.channels;
  const ChannelFigures fitted = figures_of(fit, {e});
  const std::vector<double> coefficient_C =
      doubles(at::softplus(fit.model.layout().view(fit.state.shared_EP, "coefficient.log_mean")[e].to(at::kDouble)));
  const RowMatrix response_DC =
      relative_mean_responses(fit.likelihood->data, mode.shapes, shapes_DS, fit.data.all_regions, fit.loop);
  Shapes at = mode.shapes;
  out.count += shapes_DS.rows();
  for (int64_t d = 0; d < shapes_DS.rows(); ++d) {
    at.coordinates = shapes_DS.row(d);
    for (int64_t c = 0; c < C; ++c) {
      const double share = coefficient_C[static_cast<size_t>(c)] * mode.mean_C[c];
      const double relative = share > 0 ? share_DC(d, c) / share : 0.0, response = response_DC(d, c);
      out.contribution_DC.push_back(fitted.contribution_MC[static_cast<size_t>(c)] * relative);
      out.coefficient_DC.push_back(response > 0 ? fitted.coefficient_MC[static_cast<size_t>(c)] * relative / response
                                                : 0.0);
      out.decay_DC.push_back(at.decay(c));
      out.exponent_DC.push_back(at.exponent(c));
      out.half_saturation_DC.push_back(at.half_saturation(c));
    }
  }
}

// The posterior's draws, or without a sample those around the drawn members, pooled: the plain one's curves alone would
// say too little. They depend on the member alone, not on the mesh row that holds it.
ChannelDraws likelihood_draws(const Fit& fit) {
  constexpr int64_t kDrawsOfMember = 25;
  constexpr uint64_t kPosteriorStream = uint64_t{1} << 58;
  const CurveSample& sample = fit.likelihood->sample;
  const auto& members = fit.likelihood->members;
  ChannelDraws out;
  if (sample.linear_DL.rows() > 0) {
    if (members[0].seed == 0) add_draws(fit, 0, sample.linear_DL, sample.coordinates_DS, out);
    return out;
  }
  for (size_t e = 0; e < members.size(); ++e) {
    if (members[e].seed == 0) continue;
    const Draws draws = draw_posterior(members[e].mode, fit.likelihood->options.control_signs, kDrawsOfMember,
                                       RandomStream(members[e].seed, kPosteriorStream));
    add_draws(fit, static_cast<int64_t>(e), draws.linear_DL, draws.shapes_DS, out);
  }
  return out;
}

}  // namespace

ChannelDraws channel_draws(const Fit& fit) {
  if (fit.likelihood) return likelihood_draws(fit);
  std::vector<int64_t> drawn;
  for (int64_t m = 0; m < fit.members; ++m)
    if (fit.data.members[m].bootstrap_seed != 0) drawn.push_back(m);
  ChannelDraws out;
  out.count = static_cast<int64_t>(drawn.size());
  if (drawn.empty()) return out;
  ChannelFigures figures = figures_of(fit, drawn);
  out.contribution_DC = std::move(figures.contribution_MC);
  out.coefficient_DC = std::move(figures.coefficient_MC);
  const Mmm::Curves curves = fit.model.curves(fit.state.shared_EP.to(at::kDouble));
  const at::Tensor rows = at::tensor(drawn, at::kLong);
  out.decay_DC = doubles(curves.decay_EC.index_select(0, rows));
  out.exponent_DC = doubles(curves.exponent_EC.index_select(0, rows));
  out.half_saturation_DC = doubles(curves.log_half_EC.index_select(0, rows).exp());
  return out;
}

}  // namespace dcmmm
