#include "model/mmm.hpp"

#include "model/adjacency.hpp"
#include "model/kernels/media.hpp"
#include "model/seasonality.hpp"
#include "model/share_of_voice.hpp"

namespace dcmmm {

Mmm::Mmm(const ModelOptions& options, double seasonal_period, int64_t channels, int64_t controls, int64_t events)
    : options_(options),
      seasonal_period_(seasonal_period),
      layout_(options, channels, controls, pattern_count(options), events) {}

Anchor Anchor::only(int64_t first, int64_t count) const {
  Anchor out = *this;
  for (at::Tensor* of_members : {&out.prior_center_EP, &out.ridge_metric_EF, &out.ridge_center_EF})
    *of_members = of_members->narrow(0, first, count);
  for (std::vector<double>* of_members :
       {&out.variance_E, &out.lift_sd_EX, &out.panel_lift_EX, &out.panel_lift_sd_EX}) {
    const auto of_one = std::ssize(*of_members) / std::ssize(variance_E);
    *of_members = {of_members->begin() + first * of_one, of_members->begin() + (first + count) * of_one};
  }
  return out;
}

Mmm::Curves Mmm::curves(const at::Tensor& shared_EP) const {
  return {layout_.view(shared_EP, "adstock.decay_logit").sigmoid(),
          (options_.min_exponent + at::softplus(layout_.view(shared_EP, "hill.exponent_raw")))
              .clamp_max(options_.max_exponent),
          layout_.view(shared_EP, "hill.log_half_saturation"),
          layout_.has("adstock.peak_logit")
              ? static_cast<double>(options_.max_lag - 1) * layout_.view(shared_EP, "adstock.peak_logit").sigmoid()
              : at::Tensor(),
          options_.adjacency != Adjacency::kNone
              ? mixing_matrix(adjacency_weights(options_, layout_.view(shared_EP, "adjacency.logit")),
                              layout_.view(shared_EP, "adjacency.mix_logit"))
              : at::Tensor()};
}

Mmm::Response Mmm::respond(const at::Tensor& given_nTC, const at::Tensor& frequency_nTF,
                           const at::Tensor& given_inverse_EnC, const Curves& curve, const at::Tensor& adstock_EnC,
                           const at::Tensor& media_EnLC) const {
  at::Tensor media_nTC = given_nTC, inverse_scale_EnC = given_inverse_EnC;
  if (options_.share_of_voice) {
    // The channels' mean shares sum to one, hence their scales to the region's mean total.
    media_nTC = share_of_voice(given_nTC);
    const at::Tensor scale_EnC = at::where(given_inverse_EnC > 0, 1.0 / given_inverse_EnC, 0.0);
    inverse_scale_EnC = given_inverse_EnC * scale_EnC.sum(-1, /*keepdim=*/true);
  }
  Response out = respond_alone(media_nTC, frequency_nTF, inverse_scale_EnC, curve, adstock_EnC, media_EnLC);
  if (curve.mixing_ECC.defined())
    out.response_ERTC = at::matmul(out.response_ERTC.flatten(1, 2), curve.mixing_ECC).view(out.response_ERTC.sizes());
  return out;
}

Mmm::Response Mmm::respond_alone(const at::Tensor& media_nTC, const at::Tensor& frequency_nTF,
                                 const at::Tensor& inverse_scale_EnC, const Curves& curve,
                                 const at::Tensor& adstock_EnC, const at::Tensor& media_EnLC) const {
  // Without media effects all scaled media are 0, which only the linear form takes to exactly 0.
  const bool linear = !options_.hill || !options_.media;
  AdstockHillOutput geometric = linear ? linear_adstock(media_nTC, inverse_scale_EnC, curve.decay_EC, adstock_EnC)
                                       : adstock_hill(media_nTC, inverse_scale_EnC, curve.decay_EC, curve.exponent_EC,
                                                      curve.log_half_EC, adstock_EnC);
  if (!options_.frequencies.empty()) {
    // The channels with reach and frequency again, in the places of the others.
    std::vector<int64_t> channels;
    for (const FrequencyOf& frequency : options_.frequencies) channels.push_back(frequency.channel);
    const at::Tensor places = at::tensor(channels, at::kLong);
    const auto pick = [&](const at::Tensor& by_channel) {
      return by_channel.defined() ? by_channel.index_select(-1, places) : by_channel;
    };
    const auto reached = reach_adstock(pick(media_nTC), frequency_nTF, pick(inverse_scale_EnC), pick(curve.decay_EC),
                                       pick(curve.exponent_EC), pick(curve.log_half_EC), pick(adstock_EnC));
    geometric = {geometric.response_ERTC.index_copy(3, places, reached.response_ERTC),
                 geometric.carry_out_ERC.index_copy(2, places, reached.carry_out_ERC)};
  }
  if (options_.delayed_channels.empty()) return {geometric.response_ERTC, geometric.carry_out_ERC, {}};
  // The delayed channels again, in the places of the geometric ones.
  const at::Tensor places = at::tensor(options_.delayed_channels, at::kLong);
  const auto pick = [&](const at::Tensor& by_channel) { return by_channel.index_select(-1, places); };
  const auto delayed =
      delayed_adstock(pick(media_nTC), pick(inverse_scale_EnC),
                      delayed_weights(pick(curve.decay_EC), curve.peak_ED, options_.max_lag), media_EnLC);
  const auto in_time = [&](const at::Tensor& by_EC) { return pick(by_EC).unsqueeze(1).unsqueeze(1); };
  const at::Tensor response =
      linear ? delayed.adstock_ERTC
             : at::sigmoid(in_time(curve.exponent_EC) *
                           ((delayed.adstock_ERTC + kernels::kHillOffset).log() - in_time(curve.log_half_EC)));
  return {geometric.response_ERTC.index_copy(3, places, response), geometric.carry_out_ERC, delayed.history_out_ERLC};
}

Effects Mmm::run(const FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_EnL,
                 const at::Tensor& media_nTC, const at::Tensor& frequency_nTF, const at::Tensor& controls_EnTK,
                 const at::Tensor& patterns_TS, const TimeState* state, Chunk chunk, int64_t first_week) const {
  const int64_t members = shared_EP.size(0), regions = chunk.count, weeks = media_nTC.size(1);
  const auto shared = [&](const char* name) { return layout_.view(shared_EP, name); };
  const auto in_chunk = [&](const at::Tensor& by_region) {
    return by_region.defined() ? by_region.narrow(1, chunk.first, chunk.count) : at::Tensor();
  };
  Effects out;
  const Curves curve = curves(shared_EP);
  const Response response = respond(media_nTC, frequency_nTF, in_chunk(data.inverse_media_scale_ERC), curve,
                                    state != nullptr ? in_chunk(state->adstock_ERC) : at::Tensor(),
                                    state != nullptr ? in_chunk(state->media_ERLC) : at::Tensor());
  out.response_ERTC = response.response_ERTC;
  out.adstock_out_ERC = response.adstock_out_ERC;
  out.media_out_ERLC = response.media_out_ERLC;

  const int64_t seasons = int64_t{2} * options_.harmonics;
  if (options_.gru) {
    // An event is an effect of its own: it doesn't move the media's.
    const at::Tensor controls = controls_EnTK.narrow(-1, 0, controls_EnTK.size(-1) - data.events);
    const GruPath path = gru_path({out.response_ERTC, 0.5, controls, patterns_TS.narrow(1, 0, seasons)},
                                  {shared("gru.weight_input"), shared("gru.weight_hidden"), shared("gru.bias_input"),
                                   shared("gru.bias_hidden"), shared("gru.output_weight"), shared("gru.output_bias")},
                                  options_.gru_scale, state != nullptr ? in_chunk(state->gru_ERH) : at::Tensor());
    out.gru_out_ERH = path.state_out_ERH;
    out.deviation_ERTC = path.path_ERTC;
  }
  if (data.drift_ENC.defined()) {
    const at::Tensor drift = data.drift_ENC.narrow(1, first_week, weeks).unsqueeze(1).to(data.type);
    out.deviation_ERTC = out.deviation_ERTC.defined() ? out.deviation_ERTC + drift
                                                      : drift.expand({members, regions, weeks, -1}).contiguous();
  }
  out.media_ERT = channel_effect(out.response_ERTC, shared("coefficient.log_mean"),
                                 layout_.view(local_EnL, "coefficient.region_effect"), out.deviation_ERTC);
  out.control_ERT = control_effect(controls_EnTK, shared("control.coefficient"));
  const at::Tensor pattern_ET = at::matmul(shared("pattern.coefficient"), patterns_TS.t());
  out.pattern_ERT = (1.0 + layout_.view(local_EnL, "pattern.region_scale")).unsqueeze(-1) * pattern_ET.unsqueeze(1);
  if (options_.region_patterns)
    out.pattern_ERT = out.pattern_ERT + sum_of_patterns(layout_.view(local_EnL, "pattern.region_effect"), patterns_TS);
  if (data.national_EN.defined())
    out.pattern_ERT = out.pattern_ERT + data.national_EN.narrow(1, first_week, weeks).unsqueeze(1).to(data.type);
  return out;
}

Effects Mmm::effects(const FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_EnL, Chunk chunk,
                     int64_t weeks) const {
  return run(data, shared_EP, local_EnL, data.media(chunk, weeks), data.frequency(chunk, weeks),
             data.scaled_controls(chunk, weeks), temporal_patterns(options_, seasonal_period_, 0, weeks).to(data.type),
             nullptr, chunk, 0);
}

Effects Mmm::future_effects(const FitData& scales, const at::Tensor& shared_EP, const at::Tensor& local_EnL,
                            const TimeState& state, const at::Tensor& media_nTC, const at::Tensor& control_nTK,
                            Chunk chunk, int64_t first_week) const {
  const at::Tensor controls =
      scale_controls(control_nTK, {}, scales.control_mean_ERK.narrow(1, chunk.first, chunk.count),
                     scales.inverse_control_scale_ERK.narrow(1, chunk.first, chunk.count));
  const at::Tensor patterns =
      temporal_patterns(options_, seasonal_period_, first_week, media_nTC.size(1)).to(scales.type);
  return run(scales, shared_EP, local_EnL, media_nTC, scales.frequency_of(control_nTK), controls, patterns, &state,
             chunk, first_week);
}

Baseline Mmm::baseline(const FitData& data, const at::Tensor& total_EnT, Chunk chunk) const {
  const int64_t weeks = total_EnT.size(2);
  return solve_baseline(data.scaled_target(chunk, weeks) - total_EnT,
                        data.cell_weight_ERT.narrow(1, chunk.first, chunk.count).narrow(2, 0, weeks),
                        data.stiffness_ER.narrow(1, chunk.first, chunk.count), data.persistence_E);
}

}  // namespace dcmmm
