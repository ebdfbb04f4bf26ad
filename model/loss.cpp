// The loss of model.md section 1: data, deviations of the GRU, region effects (per chunk), priors and ridge (shared).
#include <vector>

#include "model/adjacency.hpp"
#include "model/mmm.hpp"
#include "model/prior_strengths.hpp"
#include "model/seasonality.hpp"

// E members, n regions of a chunk, T weeks, C channels, F linear terms.
namespace dcmmm {
namespace {

at::Tensor per_member(const std::vector<double>& values, at::ScalarType type) {
  return at::tensor(values, at::kDouble).to(type);
}

}  // namespace

ChunkLoss Mmm::chunk_loss(const FitData& data, const Anchor& anchor, const at::Tensor& shared_EP,
                          const at::Tensor& local_EnL, Chunk chunk, const LiftPull* pull, int64_t first_region) const {
  const int64_t weeks = data.last_origin();
  const Effects effect = effects(data, shared_EP, local_EnL, chunk, weeks);
  const at::Tensor squares_E =
      profiled_loss(effect.total(), data.scaled_target(chunk, weeks),
                    data.cell_weight_ERT.narrow(1, chunk.first, chunk.count).narrow(2, 0, weeks),
                    data.region_weight_ER.narrow(1, chunk.first, chunk.count),
                    data.stiffness_ER.narrow(1, chunk.first, chunk.count), data.persistence_E);
  const at::Tensor cells_E = per_member(data.cells_E, at::kDouble);
  ChunkLoss loss;
  loss.data_E = squares_E / (2.0 * per_member(anchor.variance_E, at::kDouble) * cells_E);

  if (effect.deviation_ERTC.defined()) {
    // Means over all regions of the panel, the member's training weeks (the deviations of its holdout are nobody's
    // business) and channels.
    const double per_week = static_cast<double>(data.all_regions * data.channels);
    const double level_precision = options_.gru_weight / (options_.gru_level_sd * options_.gru_level_sd),
                 change_precision = options_.gru_weight / (options_.gru_change_sd * options_.gru_change_sd);
    std::vector<int64_t> weeks_E;
    std::vector<double> level_E, change_E;
    for (const Member& member : data.members) {
      weeks_E.push_back(member.origin);
      level_E.push_back(level_precision / (static_cast<double>(member.origin) * per_week));
      change_E.push_back(change_precision / (static_cast<double>(member.origin - 1) * per_week));
    }
    loss.deviation_E = deviation_penalty(effect.deviation_ERTC, weeks_E, level_E, change_E);
  } else {
    loss.deviation_E = at::zeros_like(loss.data_E);
  }

  const double coefficient_sd = options_.region_coefficient_sd, scale_sd = options_.region_scale_sd;
  loss.region_E =
      0.5 *
      (layout_.view(local_EnL, "coefficient.region_effect").square().sum({1, 2}) / (coefficient_sd * coefficient_sd) +
       layout_.view(local_EnL, "pattern.region_scale").square().sum(1) / (scale_sd * scale_sd))
          .to(at::kDouble) /
      cells_E;
  loss.total_E = loss.data_E + loss.deviation_E + loss.region_E;
  if (pull != nullptr)
    loss.total_E =
        loss.total_E + (pull->slope_EX * lifts(data, effect, shared_EP, local_EnL, chunk, first_region)).sum(1);
  loss.data_E = loss.data_E.detach();
  loss.deviation_E = loss.deviation_E.detach();
  loss.region_E = loss.region_E.detach();
  return loss;
}

at::Tensor Mmm::shared_penalty(const FitData& data, const Anchor& anchor, const at::Tensor& shared_EP) const {
  const at::Tensor shared = shared_EP.to(at::kDouble);
  const at::Tensor cells_E = per_member(data.cells_E, at::kDouble);
  const auto prior = [&](const char* name, const at::Tensor& sd) {
    return 0.5 *
           ((layout_.view(shared, name) - layout_.view(anchor.prior_center_EP, name)) / sd).square().flatten(1).sum(1);
  };
  const auto of_channels = [&](double CurveSds::*sd) {
    std::vector<double> sd_C(static_cast<size_t>(data.channels));
    for (int64_t c = 0; c < data.channels; ++c) sd_C[static_cast<size_t>(c)] = curve_sds(options_, c).*sd;
    return at::tensor(sd_C, at::kDouble);
  };
  at::Tensor priors_E = prior("adstock.decay_logit", of_channels(&CurveSds::decay)) +
                        prior("hill.exponent_raw", of_channels(&CurveSds::exponent)) +
                        prior("hill.log_half_saturation", of_channels(&CurveSds::half_saturation)) +
                        prior("coefficient.log_mean", at::scalar_tensor(options_.coefficient_prior_sd, at::kDouble));
  if (layout_.has("adstock.peak_logit"))
    priors_E = priors_E + prior("adstock.peak_logit", at::scalar_tensor(options_.peak_prior_sd, at::kDouble));
  if (options_.gru)
    for (const char* name : {"gru.weight_input", "gru.weight_hidden", "gru.bias_input", "gru.bias_hidden"})
      priors_E = priors_E + options_.gru_weight_decay * layout_.view(shared, name).square().flatten(1).sum(1);

  const at::Tensor coefficient_EC = at::softplus(layout_.view(shared, "coefficient.log_mean"));
  const at::Tensor theta_EF = at::cat(
      {coefficient_EC, layout_.view(shared, "control.coefficient"), layout_.view(shared, "pattern.coefficient")}, 1);
  at::Tensor factor_EF = at::empty_like(anchor.ridge_metric_EF);
  auto factor = factor_EF.accessor<double, 2>();
  for (int64_t e = 0; e < data.member_count(); ++e)
    for (int64_t i = 0; i < factor_EF.size(1); ++i)
      factor[e][i] = ridge_factor(data.members[e], options_, {data.channels, data.controls, data.events}, i);
  const at::Tensor ridge_E =
      0.5 * (anchor.ridge_metric_EF * factor_EF * (theta_EF - anchor.ridge_center_EF).square()).sum(1) /
      (per_member(anchor.variance_E, at::kDouble) * cells_E);
  at::Tensor penalty_E = priors_E / (options_.tempering * cells_E) + ridge_E;
  if (options_.l1_coefficients > 0) penalty_E = penalty_E + options_.l1_coefficients * coefficient_EC.sum(1);
  if (options_.l1_gru_output > 0 && options_.gru)
    penalty_E = penalty_E + options_.l1_gru_output * layout_.view(shared, "gru.output_weight").abs().flatten(1).sum(1);
  if (options_.adjacency != Adjacency::kNone) {
    const at::Tensor weight_ECC = adjacency_weights(options_, layout_.view(shared, "adjacency.logit"));
    penalty_E = penalty_E + options_.adjacency_sparsity * weight_ECC.flatten(1).sum(1);
    if (options_.adjacency == Adjacency::kNotears)
      penalty_E = penalty_E + options_.adjacency_acyclicity * acyclicity(weight_ECC);
  }
  return penalty_E;
}

}  // namespace dcmmm
