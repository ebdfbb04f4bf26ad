#include "model/penalty_table.hpp"

#include <cmath>
#include <functional>
#include <optional>

namespace dcmmm {
namespace {

const ParameterSlice& slice_of(const Mmm& model, const char* name) {
  for (const ParameterSlice& slice : model.layout().shared())
    if (slice.name == name) return slice;
  throw std::logic_error("no shared parameter is called " + std::string(name));
}

}  // namespace

std::vector<ParameterPenalty> penalty_table(const Mmm& model, const FitData& data, const Anchor& anchor) {
  const ModelOptions& options = model.options();
  const int64_t E = data.member_count(), P = model.layout().shared_count(), C = data.channels, K = data.controls;
  const at::Tensor centers = anchor.prior_center_EP.to(at::kDouble).contiguous(),
                   metrics = anchor.ridge_metric_EF.to(at::kDouble).contiguous(),
                   targets = anchor.ridge_center_EF.to(at::kDouble).contiguous();
  const auto center_EP = centers.accessor<double, 2>(), metric_EF = metrics.accessor<double, 2>(),
             target_EF = targets.accessor<double, 2>();
  std::vector<ParameterPenalty> table_EP(static_cast<size_t>(E * P));
  for (int64_t e = 0; e < E; ++e) {
    const auto i = static_cast<size_t>(e);
    const Member& member = data.members[i];
    const double tempered = 1.0 / (options.tempering * data.cells_E[i]);
    const auto each = [&](const char* name, const auto& change) {
      const ParameterSlice& slice = slice_of(model, name);
      for (int64_t n = 0; n < slice.count; ++n)
        change(table_EP[static_cast<size_t>(e * P + slice.offset + n)], slice.offset + n, n);
    };
    const auto prior = [&](const char* name, const std::function<double(int64_t)>& sd) {
      each(name, [&](ParameterPenalty& of, int64_t place, int64_t n) {
        of.prior = 0.5 * tempered / (sd(n) * sd(n));
        of.center = center_EP[e][place];
      });
    };
    // A channel's own standard deviation where it is known from outside.
    const auto known = [&](int64_t channel, std::optional<GaussianPrior> ChannelPrior::*of, double of_all,
                           const auto& slope) {
      const auto& channels = options.knowledge.channels;
      if (channel >= std::ssize(channels) || !(channels[static_cast<size_t>(channel)].*of)) return of_all;
      const GaussianPrior& given = *(channels[static_cast<size_t>(channel)].*of);
      return given.sd * slope(given.mean);
    };
    prior("adstock.decay_logit", [&](int64_t c) {
      return known(c, &ChannelPrior::decay, options.decay_prior_sd,
                   [](double decay) { return 1 / (decay * (1 - decay)); });
    });
    prior("hill.exponent_raw", [&](int64_t c) {
      return known(c, &ChannelPrior::exponent, options.exponent_prior_sd,
                   [&](double exponent) { return -1 / std::expm1(options.min_exponent - exponent); });
    });
    prior("hill.log_half_saturation", [&](int64_t c) {
      return known(c, &ChannelPrior::half_saturation, options.half_saturation_prior_sd,
                   [](double half) { return 1 / half; });
    });
    prior("coefficient.log_mean", [&](int64_t) { return options.coefficient_prior_sd; });
    if (model.layout().has("adstock.peak_logit"))
      prior("adstock.peak_logit", [&](int64_t) { return options.peak_prior_sd; });
    if (options.gru) {
      for (const char* name : {"gru.weight_input", "gru.weight_hidden", "gru.bias_input", "gru.bias_hidden"})
        each(name, [&](ParameterPenalty& of, int64_t, int64_t) { of.prior = options.gru_weight_decay * tempered; });
      each("gru.output_weight", [&](ParameterPenalty& of, int64_t, int64_t) { of.l1 = options.l1_gru_output; });
    }
    const double of_ridge = 0.5 * member.ridge * 0.01 / (anchor.variance_E[i] * data.cells_E[i]);
    const auto ridge = [&](const char* name, int64_t first, const std::function<double(int64_t)>& multiple) {
      each(name, [&](ParameterPenalty& of, int64_t, int64_t n) {
        of.ridge = of_ridge * metric_EF[e][first + n] * multiple(n);
        of.ridge_center = target_EF[e][first + n];
      });
    };
    ridge("coefficient.log_mean", 0, [&](int64_t) { return member.ridge_media; });
    ridge("control.coefficient", C,
          [&](int64_t k) { return k < K - data.events ? member.ridge_controls : options.ridge_events; });
    ridge("pattern.coefficient", C + K, [&](int64_t) { return member.ridge_patterns; });
    each("coefficient.log_mean", [&](ParameterPenalty& of, int64_t, int64_t) {
      of.l1 = options.l1_coefficients;
      of.is_log = 1;
    });
  }
  return table_EP;
}

}  // namespace dcmmm
