// The model's own differentiable operations, one autograd node each, with members and regions in front.
// Shapes: E members, R regions, T weeks, C channels, I inputs, H hidden units. float32 or float64, contiguous.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace dcmmm {

struct AdstockHillOutput {
  at::Tensor response_ERTC;  // h in [0, 1)
  at::Tensor carry_out_ERC;  // adstock state after the last week, without gradient
};

/// Geometric adstock and Hill curve: x' = min(media inverse_scale, 50); ad_t = d ad_{t-1} + (1 - d) x'_t;
/// h = sigmoid(a (log(ad + 1e-4) - log g)). Media [R, T, C] is raw and shared by the members; inverse_scale [E, R, C].
/// decay, exponent, log_half [E, C] get gradients. carry_in [E, R, C] is the adstock state before the first week, or
/// undefined.
AdstockHillOutput adstock_hill(const at::Tensor& media_RTC, const at::Tensor& inverse_scale_ERC,
                               const at::Tensor& decay_EC, const at::Tensor& exponent_EC, const at::Tensor& log_half_EC,
                               const at::Tensor& carry_in_ERC = {});

/// The same without the curve: h = ad, linear in the carried-over media. Gradient to decay.
AdstockHillOutput linear_adstock(const at::Tensor& media_RTC, const at::Tensor& inverse_scale_ERC,
                                 const at::Tensor& decay_EC, const at::Tensor& carry_in_ERC = {});

/// Reach and frequency (Jin et al. 2017; Meridian): h is the carry-over of reach times the Hill curve of its frequency,
/// ad_t = d ad_{t-1} + (1 - d) x'_t sigmoid(a (log(f_t + 1e-4) - log g)), linear in reach x [R, T, C], whose frequency
/// [R, T, C] f is. Gradients to decay, exponent and log_half.
AdstockHillOutput reach_adstock(const at::Tensor& reach_RTC, const at::Tensor& frequency_RTC,
                                const at::Tensor& inverse_scale_ERC, const at::Tensor& decay_EC,
                                const at::Tensor& exponent_EC, const at::Tensor& log_half_EC,
                                const at::Tensor& carry_in_ERC = {});

struct DelayedAdstockOutput {
  at::Tensor adstock_ERTC;
  at::Tensor history_out_ERLC;  // x' of the last L - 1 weeks, oldest first, without gradient
};

/// ad_t = sum_l w_l x'_(t-l), x' = min(media inverse_scale, 50). Media [R, T, C] is raw; weight [E, L, C] gets a
/// gradient. history_in [E, R, L - 1, C] is x' of the weeks before the first, oldest first, or undefined (0).
DelayedAdstockOutput delayed_adstock(const at::Tensor& media_RTC, const at::Tensor& inverse_scale_ERC,
                                     const at::Tensor& weight_ELC, const at::Tensor& history_in_ERLC = {});

/// Weights [E, L, C] of a carry-over that peaks after `peak` weeks: d^((l - peak)^2), l = 0 ... L - 1, that sum to one
/// (Jin et al. 2017, equation 3).
at::Tensor delayed_weights(const at::Tensor& decay_EC, const at::Tensor& peak_EC, int64_t lags);

/// effect [E, R, T] = sum_c softplus(log_mean_ec + offset_erc + deviation_ertc) response_ertc; deviation may be
/// undefined.
at::Tensor channel_effect(const at::Tensor& response_ERTC, const at::Tensor& log_mean_EC, const at::Tensor& offset_ERC,
                          const at::Tensor& deviation_ERTC);

/// The GRU's weights and those of its output layer, as torch.nn.GRU and torch.nn.Linear have them.
struct GruWeights {
  at::Tensor input_E3HI, hidden_E3HH, bias_input_E3H, bias_hidden_E3H, output_ECH, bias_output_EC;
};

/// Inputs [E, R, T, I] side by side: moving - shift, fixed, and shared [T, S], the same in all regions. Only the moving
/// ones get a gradient; the others may be undefined.
struct GruPathInputs {
  at::Tensor moving_ERTM;
  double shift = 0;
  at::Tensor fixed_ERTF, shared_TS;
};

struct GruPath {
  at::Tensor path_ERTC;
  at::Tensor state_out_ERH;  // after the last week, to go on from; without gradient
};

/// scale * tanh(W h_t + b), h_t the states of a GRU over the whole sequence (gates reset, update, new, as
/// torch.nn.GRU). state_in [E, R, H] is the state before the first week, or undefined (0).
GruPath gru_path(const GruPathInputs& inputs, const GruWeights& weights, double scale,
                 const at::Tensor& state_in_ERH = {});

/// weight_level [E] / 2 * sum of squares of the deviations in the member's first `weeks` weeks + weight_change [E] / 2
/// * sum of squares of their weekly changes there; [E], float64.
at::Tensor deviation_penalty(const at::Tensor& deviation_ERTC, const std::vector<int64_t>& weeks_E,
                             const std::vector<double>& weight_level_E, const std::vector<double>& weight_change_E);

/// sum over k of controls [E, R, T, K] times coefficients [E, K], which get a gradient: [E, R, T].
at::Tensor control_effect(const at::Tensor& control_ERTK, const at::Tensor& coefficient_EK);

/// The profiled data term of each member, sum_r w_r (y' - f)' Q_r (y' - f), Q_r with the baseline in closed form
/// (kernels/baseline.hpp). target and effect [E, R, T]; cell_weight M [E, R, T] (0: not counted); region_weight [E, R];
/// stiffness [E, R] (float64), persistence one value a member. Returns [E], float64. Gradient to `effect` only: -2 w M
/// (y' - f - b).
at::Tensor profiled_loss(const at::Tensor& effect_ERT, const at::Tensor& target_ERT, const at::Tensor& cell_weight_ERT,
                         const at::Tensor& region_weight_ER, const at::Tensor& stiffness_ER,
                         const std::vector<double>& persistence_E);

struct Baseline {
  at::Tensor baseline_ERT;  // of all weeks; after the last observed one it decays to the level
  at::Tensor level_ER;
};

/// The baselines that the residuals y' - f leave (no gradient). Regions without a weighted cell get 0.
Baseline solve_baseline(const at::Tensor& residual_ERT, const at::Tensor& cell_weight_ERT,
                        const at::Tensor& stiffness_ER, const std::vector<double>& persistence_E);

}  // namespace dcmmm
