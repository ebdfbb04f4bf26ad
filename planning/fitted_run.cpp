#include "planning/fitted_run.hpp"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "analysis/open_differences.hpp"
#include "analysis/results_file.hpp"
#include "checkpoints/checkpoint_store.hpp"
#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/random.hpp"
#include "common/text.hpp"
#include "data/time_axis.hpp"
#include "model/kernels/media.hpp"
#include "model/missing_media.hpp"
#include "planning/limits.hpp"
#include "trainer/fit_checkpoint.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kRegionsAtOnce = 64;

Forecaster forecaster_of(const fs::path& checkpoints, const ModelOptions& model,
                         const std::function<void(const std::string&)>& warn) {
  const auto alone = make_local_communicator();
  CheckpointStore store(checkpoints, 1, warn);
  const auto newest = store.newest(*alone);
  if (!newest) throw UserError(text("'", checkpoints.string(), "' holds no checkpoint to plan from."));
  return make_forecaster(read_checkpoint(*newest), model);
}

std::vector<double> reals(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

// Prices per media unit, by region and channel: of the horizon's weeks, else of those before (media that were free in
// the horizon's weeks don't make the earlier ones cheaper), else the nation's. And what was paid for in the horizon's
// weeks: without spend in the panel, or with a given price, all media were.
class Prices {
 public:
  Prices(const PanelCoordinates& names, const std::map<std::string, double>& cost, int64_t horizon)
      : names_(names), horizon_(horizon) {
    const size_t C = names.channels.size();
    given_C_.assign(C, NAN);
    for (const auto& [channel, price] : cost) {
      const auto found = std::find(names.channels.begin(), names.channels.end(), channel);
      if (found == names.channels.end())
        throw UserError(text("plan.cost names '", channel, "', which is no channel of the run.",
                             did_you_mean(channel, names.channels)));
      if (!(price > 0) || !std::isfinite(price))
        throw UserError(
            text("'plan.cost.", channel, "' is ", shortest(price), ", but expected a price per media unit above 0."));
      given_C_[found - names.channels.begin()] = price;
    }
    if (!names.has_spend && !cost.empty())
      for (size_t c = 0; c < C; ++c)
        if (std::isnan(given_C_[c]))
          throw UserError(text("plan.cost has no price of channel '", names.channels[c],
                               "', and the panel knows no spend: give the price of every channel, or of none."));
    spend_C_.assign(C, 0.0);
    media_C_.assign(C, 0.0);
    lost_C_.assign(C, 0.0);
    free_regions_C_.assign(C, 0);
  }

  bool are_known() const { return names_.has_spend || !std::isnan(given_C_.front()); }

  // Takes the block's prices, and sets media [R, H, C] of its last weeks (filled where the panel has no row) that
  // weren't paid for to 0.
  void add(const Panel& block, std::vector<double>& today_RHC) {
    const int64_t P = block.weeks(), C = block.channels();
    for (int64_t r = 0; r < block.regions; ++r)
      for (int64_t c = 0; c < C; ++c) {
        double recent[2] = {0, 0}, before[2] = {0, 0};
        for (int64_t t = 0; t < P; ++t) {
          const int64_t cell = (r * P + t) * C + c;
          const double media = block.media_RTC[cell], spend = names_.has_spend ? block.spend_RTC[cell] : media;
          double* part = t >= P - horizon_ ? recent : before;
          part[0] += spend, part[1] += media;
        }
        const bool is_recent = recent[0] > 0 && recent[1] > 0;
        spend_C_[c] += before[0] + (is_recent ? recent[0] : 0);
        media_C_[c] += before[1] + (is_recent ? recent[1] : 0);
        const double* part = is_recent ? recent : before;
        price_RC_.push_back(part[0] > 0 && part[1] > 0 ? part[0] / part[1] : NAN);
        if (!names_.has_spend || !std::isnan(given_C_[c])) continue;
        if (recent[0] > 0 && !(recent[1] > 0)) lost_C_[c] += recent[0];
        if (recent[1] > 0 && !(recent[0] > 0)) ++free_regions_C_[c];
        for (int64_t t = 0; t < horizon_; ++t)
          if (!(recent[0] > 0) || !(block.media_RTC[(r * P + P - horizon_ + t) * C + c] > 0))
            today_RHC[(r * horizon_ + t) * C + c] = 0;
      }
  }

  // 0 where there is none.
  std::vector<double> finish() {
    const size_t C = given_C_.size();
    for (size_t i = 0; i < price_RC_.size(); ++i) {
      const size_t c = i % C;
      if (!std::isnan(given_C_[c])) {
        price_RC_[i] = given_C_[c];
      } else if (std::isnan(price_RC_[i])) {
        const bool was_paid = spend_C_[c] > 0 && media_C_[c] > 0;
        price_RC_[i] = was_paid ? spend_C_[c] / media_C_[c] : names_.has_spend ? 0.0 : 1.0;
      }
    }
    return std::move(price_RC_);
  }

  // What of the panel's spend and media in the horizon's weeks doesn't belong to each other.
  void tell(const FittedRun& run, const std::function<void(const std::string&)>& say) const {
    const std::string weeks = text(run.now_first, " to ", run.now_last);
    std::vector<std::string> free, lost;
    for (size_t c = 0; c < given_C_.size(); ++c) {
      if (run.has_price_C[c] != 0 && free_regions_C_[c] > 0)
        free.push_back(text(run.channels[c], " (", free_regions_C_[c], " of ",
                            counted(static_cast<int64_t>(run.regions.size()), "regions"), ")"));
      if (lost_C_[c] > 0) lost.push_back(text(run.channels[c], " (", amount(lost_C_[c]), ")"));
    }
    if (!free.empty())
      say(text(
          "Media without spend from ", weeks, ": ", join(free),
          ". They count as free: they stay as they are, beside what is planned. Money on top of them "
          "(plan.channels.NAME.max) buys at the panel's earlier prices; plan.cost gives others (docs/planning.md)."));
    if (!lost.empty())
      say(text("Spend without media from ", weeks, ": ", join(lost),
               ". It brought nothing that a plan could move, and isn't part of today's spend (docs/planning.md)."));
  }

 private:
  const PanelCoordinates& names_;
  int64_t horizon_;
  std::vector<double> given_C_, spend_C_, media_C_, price_RC_;
  std::vector<double> lost_C_;           // spend of the horizon's weeks in regions where it bought no media
  std::vector<int64_t> free_regions_C_;  // where the horizon's weeks have media, but no spend
};

// KPI units a week at full saturation over the weeks after the panel, [n, C, T], with media as in `media_nTC`.
at::Tensor forecast_coefficients(const Forecaster& forecaster, const at::Tensor& media_nTC, Chunk chunk) {
  const at::NoGradGuard no_gradient;
  const Mmm& model = forecaster.model;
  const FitData& scales = forecaster.scales;
  const at::Tensor local_EnL = forecaster.local_ERL.narrow(1, chunk.first, chunk.count);
  const int64_t T = media_nTC.size(1), C = media_nTC.size(2);
  const at::Tensor control_nTK = forecaster.last_control_RK.narrow(0, chunk.first, chunk.count)
                                     .unsqueeze(1)
                                     .expand({chunk.count, T, forecaster.last_control_RK.size(1)});
  const Effects effects =
      model.future_effects(scales, forecaster.shared_EP, local_EnL, forecaster.state, media_nTC.to(scales.type),
                           control_nTK.to(scales.type), chunk, forecaster.weeks);
  at::Tensor level_nTC =
      (model.layout().view(forecaster.shared_EP, "coefficient.log_mean").to(at::kDouble).unsqueeze(1) +
       model.layout().view(local_EnL, "coefficient.region_effect").to(at::kDouble))[0]
          .unsqueeze(1)
          .expand({chunk.count, T, C});
  if (effects.deviation_ERTC.defined()) level_nTC = level_nTC + effects.deviation_ERTC[0].to(at::kDouble);
  at::Tensor coefficient_nTC = at::softplus(level_nTC);
  // What a channel passes on to others works through their coefficients.
  if (const at::Tensor mixing_ECC = model.curves(forecaster.shared_EP).mixing_ECC; mixing_ECC.defined())
    coefficient_nTC = at::matmul(coefficient_nTC, mixing_ECC[0].to(at::kDouble).t());
  const at::Tensor usable_n = scales.region_weight_ER[0].narrow(0, chunk.first, chunk.count) > 0;
  const at::Tensor scale_n = scales.target_scale_ER[0].narrow(0, chunk.first, chunk.count);
  return (coefficient_nTC * at::where(usable_n, scale_n, at::zeros_like(scale_n)).view({-1, 1, 1})).permute({0, 2, 1});
}

void check(const FittedRun& run, const Forecaster& forecaster, const ModelOptions& model, int64_t panel_weeks) {
  if (model.share_of_voice)
    throw UserError(
        "This run's media are shares of a week's total (model.media.scaling=share_of_voice): what a budget brings "
        "can't be told from them. Plan from a run with model.media.scaling=level.");
  if (!model.media)
    throw UserError("This run has no media effects (model.media.enabled=false): there is nothing to plan.");
  if (run.horizon > panel_weeks)
    throw UserError(text("plan.horizon_weeks=", run.horizon, " is longer than the panel of ",
                         counted(panel_weeks, run.steps),
                         ", whose last ones are what a plan is compared with. Plan fewer."));
  const FitData& scales = forecaster.scales;
  const int64_t known = (scales.national_EN.defined() ? scales.national_EN.size(1)
                         : scales.drift_ENC.defined() ? scales.drift_ENC.size(1)
                                                      : INT64_MAX);
  if (forecaster.weeks > known - run.counted)
    throw UserError(text("plan.horizon_weeks and plan.tail_weeks are ", counted(run.counted, run.steps),
                         " together, but the run's national level goes only ", known - forecaster.weeks,
                         " beyond its panel. Plan fewer."));
}

}  // namespace

FittedRun read_fitted_run(const FittedRunFiles& files, const PanelFile& panel, const ModelOptions& model,
                          int64_t horizon, int64_t tail, const std::map<std::string, double>& cost,
                          const std::function<void(const std::string&)>& warn) {
  const ResultsReader results(files.results);
  FittedRun out;
  out.shared = results.shared();
  for (size_t c = 0; c < out.shared.frequency_control_C.size(); ++c)
    if (out.shared.has_frequency(c))
      throw UserError(
          text("Channel '", panel.coordinates().channels[c],
               "' has reach and frequency (model.media.frequency), and a plan can't say how a budget is split "
               "between the two. Train without, on impressions, to plan with it."));
  if (panel.checksum() != out.shared.panel_checksum)
    throw UserError(text("The panel isn't the one that '", files.results.string(), "' was fitted to: its checksum is ",
                         panel.checksum(), ", expected ", out.shared.panel_checksum,
                         ". Give the run's own panel file (data.panel=FILE.h5), or train again on this one."));
  const PanelCoordinates& names = panel.coordinates();
  const Forecaster forecaster = forecaster_of(files.checkpoints, model, warn);
  const auto R = static_cast<int64_t>(names.regions.size()), C = static_cast<int64_t>(names.channels.size()),
             P = static_cast<int64_t>(names.weeks.size());
  out.regions = names.regions;
  out.channels = names.channels;
  out.steps = steps_name(names.step);
  out.max_lag = model.max_lag;
  out.horizon = horizon;
  out.counted = horizon + tail;
  check(out, forecaster, model, P);
  out.now_first = names.weeks[P - horizon];
  out.now_last = names.weeks[P - 1];
  std::vector<std::string> labels = names.weeks;
  for (int64_t t = 0; t < horizon; ++t) out.weeks.push_back(labels.emplace_back(next_label(labels, names.step)));

  std::vector<double> relative_RC, coefficient_PC(static_cast<size_t>(P * C));  // per region's scale; sums over regions
  Prices prices(names, cost, horizon);
  out.has_currency = prices.are_known();
  out.mean_coefficient_C.assign(static_cast<size_t>(C), 0.0);
  for (int64_t first = 0; first < R; first += kRegionsAtOnce) {
    const int64_t n = std::min(kRegionsAtOnce, R - first);
    const Panel block = panel.read(first, n);
    const std::vector<double> media_nPC = media_with_missing_rows_filled(block),
                              coefficient_nPC = results.read_array("coefficient", first, n),
                              inverse_nC = reals(forecaster.scales.inverse_media_scale_ERC[0].narrow(0, first, n)),
                              scale_n = reals(forecaster.scales.target_scale_ER[0].narrow(0, first, n));
    std::vector<double> future_nTC, paid_nHC;
    for (int64_t r = 0; r < n; ++r)
      paid_nHC.insert(paid_nHC.end(), media_nPC.begin() + (r * P + P - horizon) * C,
                      media_nPC.begin() + (r + 1) * P * C);
    prices.add(block, paid_nHC);
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t t = 0; t < out.counted; ++t) {
        const double* week = media_nPC.data() + (r * P + P - horizon + t % horizon) * C;
        future_nTC.insert(future_nTC.end(), week, week + C);
      }
      const uint8_t* observed_P = block.observed_RT.data() + r * P;
      const auto cells = static_cast<double>(std::count(observed_P, observed_P + P, 1));
      for (int64_t c = 0; c < C; ++c) {
        double largest = 0, mean = 0;
        for (int64_t t = 0; t < P; ++t) {
          const double media = media_nPC[(r * P + t) * C + c];
          largest = std::max(largest, media);
          out.scaled_RCP.push_back(std::min(media * inverse_nC[r * C + c], kernels::kMaxScaledMedia));
          if (observed_P[t] != 0) mean += coefficient_nPC[(r * P + t) * C + c] / cells;
          if (t < P - horizon) continue;
          const double paid = paid_nHC[(r * horizon + t - (P - horizon)) * C + c];
          out.today_RCH.push_back(paid);
          out.free_RCH.push_back(std::min((media - paid) * inverse_nC[r * C + c], kernels::kMaxScaledMedia));
        }
        out.mean_coefficient_C[c] += mean / static_cast<double>(R);
        relative_RC.push_back(scale_n[r] > 0 ? mean / scale_n[r] : 0);
        for (int64_t t = 0; t < P; ++t) coefficient_PC[t * C + c] += coefficient_nPC[(r * P + t) * C + c];
        out.highest_RC.push_back(largest);
        out.unit_RC.push_back(inverse_nC[r * C + c] > 0 ? 1 / inverse_nC[r * C + c] : 0);
      }
    }
    const at::Tensor future = at::from_blob(future_nTC.data(), {n, out.counted, C}, at::kDouble);
    const std::vector<double> coefficient = reals(forecast_coefficients(forecaster, future, {first, n}));
    out.coefficient_RCT.insert(out.coefficient_RCT.end(), coefficient.begin(), coefficient.end());
  }
  out.region_sd_C = open_differences(relative_RC, C, out.shared.response_sd);
  out.drift_sd_C = open_differences(coefficient_PC, C, out.shared.drift_sd);
  const std::vector<double> price_RC = prices.finish();
  for (int64_t c = 0; c < C; ++c) out.has_price_C.push_back(price_RC[c] > 0 ? 1 : 0);
  prices.tell(out, warn);
  for (size_t i = 0; i < price_RC.size(); ++i) {
    out.unit_RC[i] *= price_RC[i];
    out.highest_RC[i] *= price_RC[i];
    for (int64_t t = 0; t < horizon; ++t) out.today_RCH[i * static_cast<size_t>(horizon) + t] *= price_RC[i];
  }
  return out;
}

namespace {

// Weights of lag 0, 1, ... of a channel in a draw.
std::vector<double> carry_over(double decay, double peak, int64_t weeks, int64_t max_lag) {
  std::vector<double> out(static_cast<size_t>(weeks), 0.0);
  if (std::isnan(peak)) {
    for (int64_t lag = 0; lag < weeks; ++lag) out[lag] = (1 - decay) * std::pow(decay, static_cast<double>(lag));
    return out;
  }
  double sum = 0;
  std::vector<double> weight;
  for (int64_t lag = 0; lag < max_lag; ++lag) {
    weight.push_back(std::pow(decay, std::pow(static_cast<double>(lag) - peak, 2)));
    sum += weight.back();
  }
  for (int64_t lag = 0; lag < std::min(weeks, max_lag); ++lag) out[lag] = weight[lag] / sum;
  return out;
}

}  // namespace

Responses FittedRun::responses(const std::vector<int64_t>& draws, bool further) const {
  constexpr uint64_t kFurtherStream = uint64_t{7} << 32;
  const auto R = static_cast<int64_t>(regions.size()), C = static_cast<int64_t>(channels.size()), H = horizon,
             T = counted;
  const int64_t D = std::max<int64_t>(1, static_cast<int64_t>(draws.size()));
  const int64_t P = static_cast<int64_t>(scaled_RCP.size()) / (R * C);
  Responses out;
  out.draws = D, out.regions = R, out.channels = C, out.horizon = H, out.weeks = T;
  out.saturates = shared.saturation_kind != "none";
  out.coefficient_RCT = coefficient_RCT;
  out.unit_RC = unit_RC;
  out.base_RCDT.resize(static_cast<size_t>(R * C * D * T));
  out.factor_RDC.resize(static_cast<size_t>(R * D * C));
  std::vector<double> base_T(static_cast<size_t>(T));
  for (int64_t d = 0; d < D; ++d) {
    for (int64_t c = 0; c < C; ++c) {
      const int64_t at = draws.empty() ? c : draws[d] * C + c;
      const auto figure = [&](const std::vector<double>& plain, const std::vector<double>& drawn) {
        return draws.empty() ? plain[c] : drawn[at];
      };
      const double decay = figure(shared.decay_C, shared.draws.decay_DC), peak = shared.peak_C[c];
      if (out.saturates) {
        out.exponent_DC.push_back(figure(shared.exponent_C, shared.draws.exponent_DC));
        out.log_half_DC.push_back(std::log(figure(shared.half_saturation_C, shared.draws.half_saturation_DC)));
      }
      const double factor =
          draws.empty() || !(mean_coefficient_C[c] > 0) ? 1.0 : shared.draws.coefficient_DC[at] / mean_coefficient_C[c];
      const bool moves = further && !draws.empty();
      RandomStream random(static_cast<uint64_t>(draws.empty() ? 0 : draws[d]),
                          kFurtherStream + static_cast<uint64_t>(c));
      const double drifted = moves ? random.normal() * drift_sd_C[c] : 0.0;
      for (int64_t r = 0; r < R; ++r) {
        const double own = moves ? random.normal() * region_sd_C[c] : 0.0;
        out.factor_RDC[(r * D + d) * C + c] = factor * std::max(0.0, 1 + drifted + own);
      }
      // The past reaches as far back as the weights do.
      const std::vector<double> weight = carry_over(decay, peak, T + P, max_lag);
      out.carry_DCT.insert(out.carry_DCT.end(), weight.begin(), weight.begin() + T);
      for (int64_t r = 0; r < R; ++r) {
        const double* scaled_P = scaled_RCP.data() + (r * C + c) * P;
        if (std::isnan(peak)) {
          double state = 0;
          for (int64_t t = 0; t < P; ++t) state = decay * state + (1 - decay) * scaled_P[t];
          for (int64_t t = 0; t < T; ++t) base_T[t] = state *= decay;
        } else {
          for (int64_t t = 0; t < T; ++t) {
            base_T[t] = 0;
            for (int64_t lag = t + 1; lag < std::min(max_lag, t + 1 + P); ++lag)
              base_T[t] += weight[lag] * scaled_P[P + t - lag];
          }
        }
        const double* free_H = free_RCH.data() + (r * C + c) * H;
        for (int64_t s = 0; s < H; ++s)
          for (int64_t t = s; t < T; ++t) base_T[t] += weight[t - s] * free_H[s];
        // After the horizon, media go on as they are today.
        for (int64_t s = H; s < T; ++s)
          for (int64_t t = s; t < T; ++t) base_T[t] += weight[t - s] * scaled_P[P - H + s % H];
        std::copy(base_T.begin(), base_T.end(), out.base_RCDT.begin() + ((r * C + c) * D + d) * T);
      }
    }
  }
  return out;
}

std::vector<int64_t> spaced_draws(int64_t count, int64_t wanted) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < std::min(count, wanted); ++i)
    out.push_back(count <= wanted ? i : (2 * i + 1) * count / (2 * wanted));
  return out;
}

}  // namespace dcmmm
