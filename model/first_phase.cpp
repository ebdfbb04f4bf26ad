// Phase one of a fit: the closed form over all ranks; and Huber's weights, which refresh it in between.
#include <algorithm>
#include <bit>
#include <cmath>

#include "model/closed_form.hpp"
#include "model/kernels/baseline.hpp"
#include "model/mmm.hpp"
#include "model/seasonality.hpp"

// E members, n regions of a chunk, T weeks, F linear terms, G = F + 1 columns with the target last.
namespace dcmmm {
namespace {

// A coefficient that the closed form puts at zero starts here: softplus can't reach zero.
constexpr double kCoefficientFloor = 0.003;

// Adds w V'Q V of one region and member to gram_GG; V [T, G] in double.
void add_gram(kernels::BaselineSolver& solver, const double* columns_TG, int64_t weeks, int64_t columns,
              std::span<const double> weight_T, double region_weight, std::span<double> gram_GG,
              std::vector<double>& baseline_TG) {
  baseline_TG.resize(static_cast<size_t>(weeks * columns));
  solver.solve({columns_TG, static_cast<size_t>(weeks * columns)}, columns, baseline_TG, {});
  for (int64_t t = 0; t < weeks; ++t) {
    if (weight_T[t] == 0) continue;
    const double scale = region_weight * weight_T[t];
    const double *value = columns_TG + t * columns, *baseline = baseline_TG.data() + t * columns;
    for (int64_t i = 0; i < columns; ++i)
      for (int64_t j = 0; j < columns; ++j) gram_GG[i * columns + j] += scale * value[i] * (value[j] - baseline[j]);
  }
}

// The median of |values| over all ranks: bits of the doubles by radix selection on counts, exact and the same on any
// ranks.
double global_median_magnitude(const std::vector<double>& values, Communicator& communicator) {
  std::vector<int64_t> total{static_cast<int64_t>(values.size())};
  communicator.all_reduce_sum(std::span<int64_t>(total));
  if (total[0] == 0) return 0;
  int64_t rank_wanted = (total[0] - 1) / 2;  // the lower median, as torch.median
  uint64_t prefix = 0;
  for (int shift = 48; shift >= 0; shift -= 16) {
    std::vector<int64_t> counts(1 << 16, 0);
    for (const double value : values) {
      const auto bits = std::bit_cast<uint64_t>(std::abs(value));
      if (shift == 48 || bits >> (shift + 16) == prefix >> (shift + 16)) ++counts[(bits >> shift) & 0xFFFF];
    }
    communicator.all_reduce_sum(std::span<int64_t>(counts));
    uint64_t bin = 0;
    while (rank_wanted >= counts[bin]) rank_wanted -= counts[bin++];
    prefix |= bin << shift;
  }
  return std::bit_cast<double>(prefix);
}

}  // namespace

Anchor Mmm::closed_form(const FitData& data, at::Tensor& shared_EP, const RegionLoop& loop) const {
  const at::NoGradGuard no_gradient;
  const int64_t E = data.member_count(), C = data.channels, K = data.controls, weeks = data.last_origin();
  const int64_t F = C + K + pattern_count(options_), G = F + 1;
  const Curves curve = curves(shared_EP.to(data.type));
  const at::Tensor patterns_TS = temporal_patterns(options_, seasonal_period_, 0, weeks);
  const std::vector<double> stiffness = stiffness_E(data), persistence = persistence_E(data);
  const std::vector<double> gram = loop.sum(E * G * G, [&](Chunk chunk, std::span<double> sums) {
    const at::Tensor media_response = response(data.media_RTC.narrow(0, chunk.first, chunk.count).narrow(1, 0, weeks),
                                               data.inverse_media_scale_ERC.narrow(1, chunk.first, chunk.count), curve)
                                          .response_ERTC.to(at::kDouble);
    const at::Tensor columns = at::cat({media_response, data.scaled_controls(chunk, weeks).to(at::kDouble),
                                        patterns_TS.expand({E, chunk.count, weeks, F - C - K}),
                                        data.scaled_target(chunk, weeks).to(at::kDouble).unsqueeze(-1)},
                                       -1)
                                   .contiguous();
    const at::Tensor weights =
        data.cell_weight_ERT.narrow(1, chunk.first, chunk.count).narrow(2, 0, weeks).to(at::kDouble).contiguous();
    const at::Tensor region_weight =
        data.region_weight_ER.narrow(1, chunk.first, chunk.count).to(at::kDouble).contiguous();
    kernels::BaselineSolver solver;
    std::vector<double> baseline;
    for (int64_t row = 0; row < E * chunk.count; ++row) {
      const double weight = region_weight.const_data_ptr<double>()[row];
      if (weight == 0) continue;
      const std::span<const double> weight_T(weights.const_data_ptr<double>() + row * weeks,
                                             static_cast<size_t>(weeks));
      const int64_t member = row / chunk.count;
      solver.factor(weight_T, stiffness[member], persistence[member]);
      add_gram(solver, columns.const_data_ptr<double>() + row * weeks * G, weeks, G, weight_T, weight,
               sums.subspan(static_cast<size_t>(member * G * G), static_cast<size_t>(G * G)), baseline);
    }
  });

  Anchor anchor;
  anchor.ridge_metric_EF = at::zeros({E, F}, at::kDouble);
  auto metric_EF = anchor.ridge_metric_EF.accessor<double, 2>();
  for (int64_t e = 0; e < E; ++e) {
    const double* of_member = gram.data() + e * G * G;
    std::vector<double> matrix(static_cast<size_t>(F * F)), right(static_cast<size_t>(F));
    for (int64_t i = 0; i < F; ++i) {
      const double diagonal = of_member[i * G + i];
      const double multiplier = i < C       ? options_.ridge_media
                                : i < C + K ? options_.ridge_controls
                                            : options_.ridge_patterns;
      metric_EF[e][i] = diagonal;
      right[i] = of_member[i * G + F];
      for (int64_t j = 0; j < F; ++j) matrix[i * F + j] = 0.5 * (of_member[i * G + j] + of_member[j * G + i]);
      matrix[i * F + i] += options_.ridge * 0.01 * multiplier * diagonal + 1e-6 * data.cells_E[e];
    }
    std::vector<double> theta = solve_non_negative(matrix, right, C);
    for (int64_t c = 0; c < C; ++c) theta[c] = std::max(theta[c], kCoefficientFloor);
    at::Tensor member = shared_EP.narrow(0, e, 1);
    for (int64_t c = 0; c < C; ++c) layout_.view(member, "coefficient.log_mean")[0][c] = std::log(std::expm1(theta[c]));
    for (int64_t k = 0; k < K; ++k) layout_.view(member, "control.coefficient")[0][k] = theta[C + k];
    for (int64_t s = C + K; s < F; ++s) layout_.view(member, "pattern.coefficient")[0][s - C - K] = theta[s];
    // s2 = e'Qe / n of the residuals e = y' - F theta, from the same sums.
    double squares = of_member[F * G + F];
    for (int64_t i = 0; i < F; ++i) {
      squares -= theta[i] * (of_member[i * G + F] + of_member[F * G + i]);
      for (int64_t j = 0; j < F; ++j) squares += theta[i] * of_member[i * G + j] * theta[j];
    }
    anchor.variance_E.push_back(std::max(squares / std::max(data.cells_E[e], 1.0), 1e-12));
  }
  anchor.prior_center_EP = shared_EP.clone();
  return anchor;
}

void Mmm::refresh_cell_weights(FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_ERL,
                               const RegionLoop& loop) const {
  if (options_.huber_delta <= 0) return;
  const at::NoGradGuard no_gradient;
  const int64_t E = data.member_count(), weeks = data.last_origin();
  at::Tensor residual_ERT = at::zeros({E, data.regions, weeks}, data.type);
  loop.each([&](Chunk chunk) {
    const at::Tensor total =
        effects(data, shared_EP, local_ERL.narrow(1, chunk.first, chunk.count), chunk, weeks).total();
    residual_ERT.narrow(1, chunk.first, chunk.count)
        .copy_(data.scaled_target(chunk, weeks) - total - baseline(data, total, chunk).baseline_ERT);
  });
  at::Tensor weight_ERT = data.cell_weight_ERT.narrow(2, 0, weeks);
  for (int64_t e = 0; e < E; ++e) {
    const at::Tensor counted = weight_ERT[e] > 0;
    const at::Tensor magnitudes = residual_ERT[e].masked_select(counted).to(at::kDouble).contiguous();
    const std::vector<double> values(magnitudes.const_data_ptr<double>(),
                                     magnitudes.const_data_ptr<double>() + magnitudes.numel());
    const double scale = 1.4826 * global_median_magnitude(values, loop.communicator());
    if (scale == 0) continue;  // most residuals are exactly zero: there is nothing to judge the others by
    const at::Tensor weight = (options_.huber_delta * scale / residual_ERT[e].abs().clamp_min(1e-9)).clamp(1e-6, 1.0);
    weight_ERT[e].copy_(at::where(counted, weight, at::zeros_like(weight)));
  }
}

}  // namespace dcmmm
