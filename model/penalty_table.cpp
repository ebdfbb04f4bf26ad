#include "model/penalty_table.hpp"

#include <functional>
#include <stdexcept>

#include "model/prior_strengths.hpp"

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
    prior("adstock.decay_logit", [&](int64_t c) { return curve_sds(options, c).decay; });
    prior("hill.exponent_raw", [&](int64_t c) { return curve_sds(options, c).exponent; });
    prior("hill.log_half_saturation", [&](int64_t c) { return curve_sds(options, c).half_saturation; });
    prior("coefficient.log_mean", [&](int64_t) { return options.coefficient_prior_sd; });
    if (model.layout().has("adstock.peak_logit"))
      prior("adstock.peak_logit", [&](int64_t) { return options.peak_prior_sd; });
    if (options.gru) {
      for (const char* name : {"gru.weight_input", "gru.weight_hidden", "gru.bias_input", "gru.bias_hidden"})
        each(name, [&](ParameterPenalty& of, int64_t, int64_t) { of.prior = options.gru_weight_decay * tempered; });
      each("gru.output_weight", [&](ParameterPenalty& of, int64_t, int64_t) { of.l1 = options.l1_gru_output; });
    }
    const double squares = 2.0 * anchor.variance_E[i] * data.cells_E[i];
    const auto ridge = [&](const char* name, int64_t first) {
      each(name, [&](ParameterPenalty& of, int64_t, int64_t n) {
        const int64_t term = first + n;
        of.ridge = metric_EF[e][term] * ridge_factor(member, options, {C, K, data.events}, term) / squares;
        of.ridge_center = target_EF[e][term];
      });
    };
    ridge("coefficient.log_mean", 0);
    ridge("control.coefficient", C);
    ridge("pattern.coefficient", C + K);
    each("coefficient.log_mean", [&](ParameterPenalty& of, int64_t, int64_t) {
      of.l1 = options.l1_coefficients;
      of.is_log = 1;
    });
  }
  return table_EP;
}

}  // namespace dcmmm
