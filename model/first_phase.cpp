// Phase one of a fit: the closed form over all ranks; and Huber's weights, which refresh it in between.
#include <ATen/Dispatch.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "comm/median.hpp"
#include "model/closed_form.hpp"
#include "model/kernels/baseline.hpp"
#include "model/large_tensor.hpp"
#include "model/mmm.hpp"
#include "model/prior_strengths.hpp"
#include "model/seasonality.hpp"

// E members, n regions of a chunk, T weeks, F linear terms, G = F + 1 columns with the target last.
namespace dcmmm {
namespace {

// A channel that is hardly ever on would need a huge coefficient to bring its part of the prior's share.
constexpr double kLeastMeanResponse = 0.05;

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

}  // namespace

Anchor Mmm::closed_form(const FitData& data, at::Tensor& shared_EP, const RegionLoop& loop) const {
  const at::NoGradGuard no_gradient;
  const int64_t E = data.member_count(), C = data.channels, K = data.controls, weeks = data.last_origin();
  const int64_t F = C + K + pattern_count(options_), G = F + 1;
  const int64_t means = E * G * G, length = means + E * (C + 1);  // matrices, then sums of responses and their cells
  const Curves curve = curves(shared_EP.to(data.type));
  const at::Tensor patterns_TS = temporal_patterns(options_, seasonal_period_, 0, weeks);
  const std::vector<double> gram = loop.sum(length, [&](Chunk chunk, std::span<double> sums) {
    const at::Tensor response = respond(data.media(chunk, weeks), data.frequency(chunk, weeks),
                                        data.inverse_media_scale_ERC.narrow(1, chunk.first, chunk.count), curve)
                                    .response_ERTC.to(at::kDouble);
    const at::Tensor columns = at::cat({response, data.scaled_controls(chunk, weeks).to(at::kDouble),
                                        patterns_TS.expand({E, chunk.count, weeks, F - C - K}),
                                        data.scaled_target(chunk, weeks).to(at::kDouble).unsqueeze(-1)},
                                       -1)
                                   .contiguous();
    const at::Tensor weights =
        data.cell_weight_ERT.narrow(1, chunk.first, chunk.count).narrow(2, 0, weeks).to(at::kDouble).contiguous();
    const at::Tensor region_weight =
        data.region_weight_ER.narrow(1, chunk.first, chunk.count).to(at::kDouble).contiguous();
    const at::Tensor stiffness = data.stiffness_ER.narrow(1, chunk.first, chunk.count).contiguous();
    kernels::BaselineSolver solver;
    std::vector<double> baseline;
    for (int64_t row = 0; row < E * chunk.count; ++row) {
      const double weight = region_weight.const_data_ptr<double>()[row];
      if (weight == 0) continue;
      const std::span<const double> weight_T(weights.const_data_ptr<double>() + row * weeks,
                                             static_cast<size_t>(weeks));
      const int64_t member = row / chunk.count;
      const double* columns_TG = columns.const_data_ptr<double>() + row * weeks * G;
      solver.factor(weight_T, stiffness.const_data_ptr<double>()[row], data.persistence_E[member]);
      add_gram(solver, columns_TG, weeks, G, weight_T, weight,
               sums.subspan(static_cast<size_t>(member * G * G), static_cast<size_t>(G * G)), baseline);
      double* responses = sums.data() + means + member * (C + 1);
      for (int64_t t = 0; t < weeks; ++t) {
        if (weight_T[t] == 0) continue;
        for (int64_t c = 0; c < C; ++c) responses[c] += columns_TG[t * G + c];
        responses[C] += 1;
      }
    }
  });

  const LiftRows lift = lift_rows(data, shared_EP, loop);
  const auto X = static_cast<int64_t>(data.lifts.size());
  Anchor anchor;
  anchor.ridge_metric_EF = at::zeros({E, F}, at::kDouble);
  anchor.ridge_center_EF = at::zeros({E, F}, at::kDouble);
  auto metric_EF = anchor.ridge_metric_EF.accessor<double, 2>();
  auto center_EF = anchor.ridge_center_EF.accessor<double, 2>();
  for (int64_t e = 0; e < E; ++e) {
    const Member& settings = data.members[e];
    const double* of_member = gram.data() + e * G * G;
    const double* responses = gram.data() + means + e * (C + 1);
    for (int64_t c = 0; c < C; ++c) {
      const double mean = std::max(responses[c] / std::max(responses[C], 1.0), kLeastMeanResponse);
      center_EF[e][c] = settings.media_prior / static_cast<double>(C) / mean;
    }
    std::vector<double> matrix(static_cast<size_t>(F * F)), right(static_cast<size_t>(F));
    std::vector<int> sign(static_cast<size_t>(F), 0);
    std::fill_n(sign.begin(), C, 1);
    std::copy(options_.knowledge.control_signs.begin(), options_.knowledge.control_signs.end(), sign.begin() + C);
    for (int64_t i = 0; i < F; ++i) {
      const double diagonal = of_member[i * G + i];
      // A known ROI stands in for the ridge.
      const bool is_known = std::any_of(data.lifts.begin(), data.lifts.end(),
                                        [&](const auto& measured) { return measured.is_roi && measured.channel == i; });
      const double pull = is_known ? 0.0 : ridge_factor(settings, options_, {C, K, data.events}, i) * diagonal;
      metric_EF[e][i] = is_known ? 0.0 : diagonal;
      right[i] = of_member[i * G + F] + pull * center_EF[e][i];
      for (int64_t j = 0; j < F; ++j) matrix[i * F + j] = 0.5 * (of_member[i * G + j] + of_member[j * G + i]);
      matrix[i * F + i] += pull + 1e-6 * data.cells_E[e];
    }
    const auto solve = [&] {
      std::vector<double> solved = solve_signed(matrix, right, sign);
      for (int64_t c = 0; c < C; ++c) solved[c] = std::max(solved[c], kCoefficientFloor);
      return solved;
    };
    std::vector<double> theta = solve();
    // s2 = e'Qe / n of the residuals e = y' - F theta, from the same sums.
    double squares = of_member[F * G + F];
    for (int64_t i = 0; i < F; ++i) {
      squares -= theta[i] * (of_member[i * G + F] + of_member[F * G + i]);
      for (int64_t j = 0; j < F; ++j) squares += theta[i] * of_member[i * G + j] * theta[j];
    }
    anchor.variance_E.push_back(std::max(squares / std::max(data.cells_E[e], 1.0), 1e-12));
    // Measured lifts are rows more, at the weight that the loss gives them.
    const double unit = anchor.variance_E.back() / options_.tempering;
    const std::vector<double> alone = matrix;
    for (int64_t x = 0; x < X; ++x) {
      const double* row = lift.row_EXC.data() + (e * X + x) * C;
      const LiftObservation& measured = data.lifts[x];
      std::vector<double> row_F(static_cast<size_t>(F), 0.0);
      std::copy(row, row + C, row_F.begin());
      const auto times = [&](const std::vector<double>& by_F) {
        return std::inner_product(row_F.begin(), row_F.end(), by_F.begin(), 0.0);
      };
      const double own = measured.is_roi ? 0.0 : options_.region_coefficient_sd * -std::expm1(-theta[measured.channel]);
      const double sd =
          measured.counts_for(e)
              ? std::sqrt(measured.error_E[e] * measured.error_E[e] + own * own * lift.square_EX[e * X + x])
              : 0.0;
      anchor.lift_sd_EX.push_back(sd);
      anchor.panel_lift_EX.push_back(times(theta));
      anchor.panel_lift_sd_EX.push_back(std::sqrt(unit * times(solve_non_negative(alone, row_F, 0))));
      if (sd == 0) continue;
      for (int64_t i = 0; i < C; ++i) {
        right[i] += unit * row[i] * measured.lift_E[e] / (sd * sd);
        for (int64_t j = 0; j < C; ++j) matrix[i * F + j] += unit * row[i] * row[j] / (sd * sd);
      }
    }
    if (X > 0) theta = solve();
    at::Tensor member = shared_EP.narrow(0, e, 1);
    for (int64_t c = 0; c < C; ++c) layout_.view(member, "coefficient.log_mean")[0][c] = std::log(std::expm1(theta[c]));
    for (int64_t k = 0; k < K; ++k) layout_.view(member, "control.coefficient")[0][k] = theta[C + k];
    for (int64_t s = C + K; s < F; ++s) layout_.view(member, "pattern.coefficient")[0][s - C - K] = theta[s];
  }
  anchor.prior_center_EP = shared_EP.clone();
  return anchor;
}

at::Tensor Mmm::residuals(const FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_ERL,
                          const RegionLoop& loop) const {
  const at::NoGradGuard no_gradient;
  const int64_t E = data.member_count(), weeks = data.last_origin();
  at::Tensor residual_ERT = large_zeros({E, data.regions, weeks}, data.type);
  loop.each([&](Chunk chunk) {
    const at::Tensor total =
        effects(data, shared_EP, local_ERL.narrow(1, chunk.first, chunk.count), chunk, weeks).total();
    residual_ERT.narrow(1, chunk.first, chunk.count)
        .copy_(data.scaled_target(chunk, weeks) - total - baseline(data, total, chunk).baseline_ERT);
  });
  return residual_ERT;
}

void Mmm::refresh_cell_weights(FitData& data, const at::Tensor& residual_ERT, const RegionLoop& loop) const {
  const int64_t E = data.member_count(), R = data.regions, T = data.weeks, weeks = data.last_origin();
  const at::Tensor residuals = residual_ERT.contiguous();
  AT_DISPATCH_FLOATING_TYPES(data.type, "cell_weights", [&] {
    for (int64_t e = 0; e < E; ++e) {
      if (data.members[e].huber_delta <= 0) continue;
      const auto residual_T = [&](int64_t r) { return residuals.const_data_ptr<scalar_t>() + (e * R + r) * weeks; };
      const auto weight_T = [&](int64_t r) { return data.cell_weight_ERT.data_ptr<scalar_t>() + (e * R + r) * T; };
      const auto each_residual = [&](const ValueVisitor& visit) {
        std::vector<double> counted;
        loop.each([&](Chunk chunk) {
          counted.clear();
          for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r)
            for (int64_t t = 0; t < weeks; ++t)
              if (weight_T(r)[t] > 0) counted.push_back(residual_T(r)[t]);
          visit(counted);
        });
      };
      const double scale =
          options_.huber_of_mean ? 1.0 : 1.4826 * global_median_magnitude(each_residual, loop.communicator());
      // Most residuals are exactly zero: there is nothing to judge the others by. Or they aren't finite.
      if (scale == 0 || !std::isfinite(scale)) continue;
      std::vector<scalar_t> of_week_T(static_cast<size_t>(weeks), scalar_t(1));
      if (data.week_weight_ET.defined()) {
        const at::Tensor of_weeks = data.week_weight_ET[e].contiguous();
        std::copy_n(of_weeks.const_data_ptr<scalar_t>(), weeks, of_week_T.begin());
      }
      const auto limit = static_cast<scalar_t>(data.members[e].huber_delta * scale);
      loop.each([&](Chunk chunk) {
        for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r)
          for (int64_t t = 0; t < weeks; ++t) {
            scalar_t& weight = weight_T(r)[t];
            const scalar_t magnitude = std::abs(residual_T(r)[t]);
            // Where a forecast isn't finite now, the weight stays: it would be lost for good.
            if (!(weight > 0) || !std::isfinite(magnitude)) continue;
            const scalar_t allowed = scalar_t(1) / std::max(magnitude, scalar_t(1e-9)) * limit;
            weight = std::clamp(allowed, scalar_t(1e-6), scalar_t(1)) * of_week_T[t];
          }
      });
    }
  });
}

}  // namespace dcmmm
