// Shapes: T weeks, C media channels, P points of a response curve.
#include "data/synthetic_truth.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

namespace dcmmm {
namespace {

constexpr int64_t kMultiples = 2000;  // steps of the histogram of multiples, the last one holds all above
constexpr double kMultipleStep = 0.01;

// Sums over the last `weeks` weeks.
template <class Number>
Number sum_of_last(const std::vector<Number>& values_T, int64_t weeks) {
  return std::accumulate(values_T.end() - std::min<std::ptrdiff_t>(weeks, std::ssize(values_T)), values_T.end(),
                         Number{0});
}

}  // namespace

double truth_hill(const SyntheticTruth& truth, int64_t channel, double carried) {
  return 1.0 / (1.0 + std::pow(carried / truth.half_saturation_C[channel], -truth.exponent_C[channel]));
}

double student_3(RandomStream& random) {
  const double numerator = random.normal();
  double squares = 0.0;
  for (int i = 0; i < 3; ++i) {
    const double z = random.normal();
    squares += z * z;
  }
  return numerator / std::sqrt(squares);
}

TruthTotals::TruthTotals(const SyntheticOptions& options, SyntheticTruth nation)
    : truth(std::move(nation)), regions_(options.regions), weeks_(options.weeks), channels_(options.channels) {
  for (auto* values : {&truth.contribution_C, &truth.media_C, &truth.spend_C, &truth.range_C, &truth.slope_C})
    values->assign(channels_, 0.0);
  for (auto* values : {&truth.contribution_TC, &truth.media_TC}) values->assign(weeks_ * channels_, 0.0);
  for (auto* values : {&truth.target_T, &truth.squared_noise_T}) values->assign(weeks_, 0.0);
  truth.cells_T.assign(weeks_, 0);
  truth.response_CP.assign(channels_ * kTruthCurvePoints, 0.0);
  multiples_CP_.assign(channels_ * kMultiples, 0);
}

void TruthTotals::add_cell(int64_t week, double target, double expected, const double* contribution_C,
                           const double* media_C) {
  truth.target += target;
  truth.target_T[week] += target;
  truth.squared_noise_T[week] += (target - expected) * (target - expected);
  ++truth.observed_cells;
  ++truth.cells_T[week];
  for (int64_t c = 0; c < channels_; ++c) {
    const double media = media_C[c] * truth.cost_C[c];
    truth.contribution_C[c] += contribution_C[c];
    truth.contribution_TC[week * channels_ + c] += contribution_C[c];
    truth.media_C[c] += media;
    truth.media_TC[week * channels_ + c] += media;
  }
}

void TruthTotals::add_curves(double size, const std::vector<double>& height_C, const std::vector<double>& media_TC,
                             const std::vector<uint8_t>& has_row_T) {
  if (regions_ * channels_ <= kTruthHeights)
    truth.height_RC.insert(truth.height_RC.end(), height_C.begin(), height_C.end());
  const auto cells = static_cast<double>(std::count(has_row_T.begin(), has_row_T.end(), 1));
  if (cells == 0) return;
  for (int64_t c = 0; c < channels_; ++c) {
    double mean = 0.0, coefficient = 0.0;
    for (int64_t t = 0; t < weeks_; ++t) {
      if (!has_row_T[t]) continue;
      mean += media_TC[t * channels_ + c] / cells;
      coefficient += truth.coefficient_TC[t * channels_ + c] / cells;
    }
    for (int64_t point = 0; point < kTruthCurvePoints; ++point) {
      const double multiple = kTruthCurveStep * static_cast<double>(point);
      truth.response_CP[c * kTruthCurvePoints + point] +=
          size * height_C[c] * coefficient * truth_hill(truth, c, multiple * mean) / static_cast<double>(regions_);
    }
    truth.spend_C[c] += mean * truth.media_unit_C[c] * size * truth.cost_C[c] / static_cast<double>(regions_);
    for (int64_t t = 0; t < weeks_; ++t) {
      if (!has_row_T[t]) continue;
      const auto step = static_cast<int64_t>(media_TC[t * channels_ + c] / mean / kMultipleStep);
      ++multiples_CP_[c * kMultiples + std::min(step, kMultiples - 1)];
    }
  }
}

void TruthTotals::finish() {
  for (int64_t c = 0; c < channels_; ++c) {
    truth.roi_C.push_back(truth.contribution_C[c] / truth.media_C[c]);
    truth.share_C.push_back(truth.contribution_C[c] / truth.target);
    truth.media_share += truth.share_C[c];
    int64_t step = 0, below = 0;
    while (step < kMultiples && static_cast<double>(below) < 0.95 * static_cast<double>(truth.observed_cells)) {
      below += multiples_CP_[c * kMultiples + step++];
    }
    truth.range_C[c] = kMultipleStep * static_cast<double>(step);
  }
}

std::string truth_json(const SyntheticOptions& options, const SyntheticTruth& truth) {
  using nlohmann::ordered_json;
  const size_t channels = truth.channels.size();
  ordered_json out;
  out["options"] = {{"kind", synthetic_kind_name(options.kind)},
                    {"step", options.step == TimeStep::kDay ? "day" : "week"},
                    {"regions", options.regions},
                    {"weeks", options.weeks},
                    {"channels", options.channels},
                    {"controls", options.controls},
                    {"seed", options.seed},
                    {"missing_rows", options.missing_rows},
                    {"noise", options.noise},
                    {"media_share", options.media_share},
                    {"exponent_low", options.exponent_low},
                    {"exponent_high", options.exponent_high},
                    {"seasonality", options.seasonality},
                    {"region_drift", options.region_drift},
                    {"national_drift", options.national_drift},
                    {"promotions", options.promotions},
                    {"has_spend", options.has_spend},
                    {"demand_following", options.demand_following},
                    {"graph_edges", options.graph_edges},
                    {"graph_lagged", options.graph_lagged},
                    {"graph_noise", synthetic_noise_name(options.graph_noise)}};
  out["units"] = {{"adstock", "a[t] = decay a[t-1] + (1 - decay) x[t], x = media / (media_unit * population)"},
                  {"hill", "h = a^exponent / (a^exponent + half_saturation^exponent)"},
                  {"coefficient", "height of h by week, as a share of the region's level; regions vary around it"},
                  {"region_height", "of the region's curve, in multiples of the nation's; empty for large panels"},
                  {"contribution", "KPI units over observed cells"},
                  {"roi", options.has_spend ? "KPI units per currency" : "KPI units per media unit"},
                  {"by_week", "totals of the week's observed cells; media as in roi"},
                  {"noise_floor", "RMSE of the target's expectation over the last 8 and 13 weeks' observed cells"},
                  {"forecast_floor",
                   "the same of a forecast that knows all but noise, shocks and how the baseline moves after the "
                   "training weeks"},
                  {"response_curve",
                   "weekly response per region in KPI units when every region runs steadily at 0, 0.1, ... 4 times its "
                   "own mean; spend: what 1 stands for; range: 95 % of region-weeks stay below"},
                  {"edges", "effect of the source's log media on the target's, lag weeks later"},
                  {"total",
                   "contribution, and what a lasting change of the channel's log media makes of the others': "
                   "sum of total_effects times d contribution / d log media"}};
  out["target"] = truth.target;
  out["media_share"] = truth.media_share;
  out["observed_cells"] = truth.observed_cells;
  for (size_t i = 0; i < kTruthHoldouts.size(); ++i) {
    const int64_t weeks = kTruthHoldouts[i];
    const auto cells = static_cast<double>(std::max<int64_t>(1, sum_of_last(truth.cells_T, weeks)));
    out["noise_floor"][std::to_string(weeks)] = std::sqrt(sum_of_last(truth.squared_noise_T, weeks) / cells);
    out["forecast_floor"][std::to_string(weeks)] = std::sqrt(truth.squared_forecast_error[i] / cells);
  }
  out["by_week"] = {{"target", truth.target_T}, {"cells", truth.cells_T}, {"squared_noise", truth.squared_noise_T}};
  for (size_t c = 0; c < channels; ++c) {
    const auto by_week = [&](const std::vector<double>& values_TC) {
      std::vector<double> values_T;
      for (size_t i = c; i < values_TC.size(); i += channels) values_T.push_back(values_TC[i]);
      return values_T;
    };
    double total = truth.contribution_C[c];
    for (size_t j = 0; j < channels && !truth.total_effect_CC.empty(); ++j)
      if (j != c) total += truth.total_effect_CC[c * channels + j] * truth.slope_C[j];
    const auto first = truth.response_CP.begin() + static_cast<std::ptrdiff_t>(c) * kTruthCurvePoints;
    out["channels"].push_back({{"name", truth.channels[c]},
                               {"decay", truth.decay_C[c]},
                               {"exponent", truth.exponent_C[c]},
                               {"half_saturation", truth.half_saturation_C[c]},
                               {"media_unit", truth.media_unit_C[c]},
                               {"cost", truth.cost_C[c]},
                               {"contribution", truth.contribution_C[c]},
                               {"total", total},
                               {"share", truth.share_C[c]},
                               {"roi", truth.roi_C[c]},
                               {"response_curve",
                                {{"spend", truth.spend_C[c]},
                                 {"range", truth.range_C[c]},
                                 {"response", std::vector<double>(first, first + kTruthCurvePoints)}}},
                               {"coefficient", by_week(truth.coefficient_TC)},
                               {"region_height", by_week(truth.height_RC)},
                               {"contribution_by_week", by_week(truth.contribution_TC)},
                               {"media_by_week", by_week(truth.media_TC)}});
  }
  out["promotions"] = ordered_json::array();
  for (size_t p = 0; p < truth.promotions.size(); ++p) {
    out["promotions"].push_back({{"name", truth.promotions[p]}, {"effect", truth.promotion_effect_P[p]}});
  }
  out["weekdays"] = truth.weekday_effect_W;
  out["controls"] = ordered_json::array();
  for (size_t k = 0; k < truth.controls.size(); ++k) {
    out["controls"].push_back({{"name", truth.controls[k]}, {"effect", truth.control_effect_K[k]}});
  }
  out["edges"] = ordered_json::array();
  for (const auto* weight_CC : {&truth.edges_CC, &truth.lagged_edges_CC}) {
    for (size_t i = 0; i < weight_CC->size(); ++i) {
      if ((*weight_CC)[i] == 0.0) continue;
      out["edges"].push_back({{"source", truth.channels[i / channels]},
                              {"target", truth.channels[i % channels]},
                              {"lag", weight_CC == &truth.edges_CC ? 0 : 1},
                              {"weight", (*weight_CC)[i]}});
    }
  }
  if (!truth.total_effect_CC.empty()) {
    for (size_t c = 0; c < channels; ++c) {
      const auto row = truth.total_effect_CC.begin() + static_cast<std::ptrdiff_t>(c * channels);
      out["total_effects"][truth.channels[c]] = std::vector<double>(row, row + static_cast<std::ptrdiff_t>(channels));
      out["persistence"].push_back(truth.persistence_C[c]);
    }
  }
  return out.dump(2) + "\n";
}

}  // namespace dcmmm
