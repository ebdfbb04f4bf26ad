// Shapes: R regions of a block, T weeks, C media channels, K controls.
#include "data/synthetic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>

#include "common/random.hpp"
#include "data/synthetic_calendar.hpp"
#include "data/synthetic_graph.hpp"
#include "data/synthetic_options.hpp"
#include "data/synthetic_truth.hpp"
#include "data/time_axis.hpp"

namespace dcmmm {
namespace {

// Streams of random numbers: a region's own number, and these for all that regions share.
constexpr uint64_t kNationalStream = uint64_t{1} << 62;
constexpr uint64_t kPilotStream = uint64_t{1} << 61;
// Means that normalise the panel are taken over so many regions made for that purpose only.
constexpr int64_t kPilotRegions = 64;
constexpr double kTypicalSize = 1e5;   // median population
constexpr double kTargetFloor = 0.02;  // of the region's level: a target is never negative
constexpr double kSpend = 0.05;        // on a channel in a mean week, of the region's level, about
constexpr double kTwoPi = 2.0 * std::numbers::pi;
constexpr double kPairCorrelation = 0.92;  // of log media; .9 of the media themselves
constexpr double kShock = 0.04;            // standard deviation of a week's national shock, of the level
constexpr double kLongestGap = 8.0;        // weeks
constexpr double kFollowingNoise = 0.1;    // of the log of a channel that follows demand

// Fills a series with an AR(1) process of standard deviation 1 (stride between weeks in elements).
void add_autoregressive(RandomStream& random, double persistence, double scale, int64_t weeks, double* series,
                        int64_t stride) {
  const double fresh = std::sqrt(1.0 - persistence * persistence);
  double state = 0.0;
  for (int64_t t = 0; t < weeks; ++t) {
    state = t == 0 ? random.normal() : persistence * state + fresh * random.normal();
    series[t * stride] += scale * state;
  }
}

void add_random_walk(RandomStream& random, double scale, std::vector<double>& series_T) {
  double state = 0.0;
  for (auto& value : series_T) value += state += scale * random.normal();
}

// One region before its scale: everything as a share of its level, media as a multiple of the national mean.
struct Region {
  double size = 0.0;
  std::vector<double> media_TC, controls_TK, effect_TC, baseline_T, seasonality_T, control_effect_T, noise_T;
  std::vector<double> height_C;  // of its curves, as a multiple of the nation's
  std::vector<uint8_t> has_row_T;
};

// All that regions share, drawn once.
class Nation {
 public:
  Nation(const SyntheticOptions& options, const SyntheticCalendar& calendar)
      : options_(options),
        calendar_T_(calendar.effect_T),
        drift_(options.step == TimeStep::kDay ? 1.0 / std::sqrt(7.0) : 1.0) {
    const auto [T, C, K] = std::array{options.weeks, options.channels, options.controls};
    RandomStream random(options.seed, kNationalStream);
    draw_edges(random);
    if (options.graph_edges > 0) {
      graph_.emplace(options);
      truth_.edges_CC = graph_->edges_CC();
      truth_.lagged_edges_CC = graph_->lagged_edges_CC();
      truth_.persistence_C = graph_->persistence_C();
      truth_.total_effect_CC = graph_->total_effect_CC();
    }
    follows_demand_ = options.demand_following > 0.0;
    truth_.media_unit_C.resize(C);
    for (auto* values : {&truth_.decay_C, &truth_.exponent_C, &truth_.half_saturation_C, &truth_.cost_C})
      values->resize(C);
    std::vector<double> share_C(C), period_C(C), phase_C(C);
    for (int64_t c = 0; c < C; ++c) {
      truth_.decay_C[c] = random.uniform(0.1, 0.8);
      truth_.exponent_C[c] = random.uniform(options.exponent_low, options.exponent_high);
      truth_.half_saturation_C[c] = random.uniform(0.5, 2.0);
      truth_.media_unit_C[c] = std::pow(10.0, random.uniform(0.0, 3.0)) / kTypicalSize;
      truth_.cost_C[c] =
          options.has_spend ? kSpend * std::exp(random.uniform(-0.7, 0.7)) / truth_.media_unit_C[c] : 1.0;
      share_C[c] = random.uniform(0.02, 0.09);
      period_C[c] =
          options.kind == SyntheticKind::kDrifting ? random.uniform(52.0, 130.0) : random.uniform(80.0, 200.0);
      phase_C[c] = random.uniform(0.0, kTwoPi);
    }
    if (follows_demand_) {
      share_C[0] = 0.0;
      truth_.media_unit_C[0] = options.demand_following / truth_.cost_C[0];
    }
    const double shares = std::accumulate(share_C.begin(), share_C.end(), 0.0);
    innovation_TC_.assign(T * C, 0.0);
    for (int64_t c = 0; c < C; ++c) add_autoregressive(random, 0.6, 0.6, T, &innovation_TC_[c], C);
    control_TK_.assign(T * K, 0.0);
    for (int64_t k = 0; k < K; ++k) add_autoregressive(random, 0.7, 0.7, T, &control_TK_[k], K);
    constexpr std::array kControlEffects = {0.03, -0.02, 0.0};
    for (int64_t k = 0; k < K; ++k) truth_.control_effect_K.push_back(kControlEffects[k % kControlEffects.size()]);
    baseline_T_.assign(T, 0.0);
    add_random_walk(random, drift_ * options.national_drift, baseline_T_);
    if (options.kind == SyntheticKind::kHeavyTailed) {
      for (int64_t t = 0; t < T; ++t) shock_T_.push_back(kShock * random.normal());
    }
    const double swing = options.kind == SyntheticKind::kSeason     ? 0.2
                         : options.kind == SyntheticKind::kDrifting ? 0.4
                                                                    : 0.0;
    truth_.coefficient_TC.resize(T * C);
    for (int64_t t = 0; t < T; ++t) {
      const double year = kTwoPi * static_cast<double>(t) / seasonal_period(options.step);
      season_T_.push_back(std::sin(year + 0.5) + 0.4 * std::cos(2.0 * year));
      if (options.kind == SyntheticKind::kSeason) innovation_TC_[t * C + C - 1] += std::sin(year + 0.5);
      for (int64_t c = 0; c < C; ++c) {
        truth_.coefficient_TC[t * C + c] =
            1.0 + swing * std::sin(kTwoPi * static_cast<double>(t) / period_C[c] + phase_C[c]);
      }
    }
    media_mean_C_.assign(C, 1.0);
    media_mean_C_ = pilot_mean(&Region::media_TC);
    // With the curves in place, their heights give each channel its share of the target.
    const auto effect_mean_C = pilot_mean(&Region::effect_TC);
    for (int64_t t = 0; t < T; ++t) {
      for (int64_t c = 0; c < C; ++c) {
        truth_.coefficient_TC[t * C + c] *=
            share_C[c] > 0.0 ? options.media_share * share_C[c] / shares / effect_mean_C[c] : 0.0;
      }
    }
  }

  const SyntheticTruth& truth() const { return truth_; }

  Region make_region(uint64_t stream) const {
    const auto [T, C, K] = std::array{options_.weeks, options_.channels, options_.controls};
    RandomStream random(options_.seed, stream);
    Region region;
    region.size = kTypicalSize * std::exp(random.normal());
    draw_window(random, region);
    draw_media(random, region);
    region.controls_TK = control_TK_;
    for (int64_t k = 0; k < K; ++k) add_autoregressive(random, 0.7, 0.7, T, &region.controls_TK[k], K);
    region.baseline_T = baseline_T_;
    add_random_walk(random, drift_ * options_.region_drift, region.baseline_T);
    const double mean =
        std::accumulate(region.baseline_T.begin(), region.baseline_T.end(), 0.0) / static_cast<double>(T);
    const double season_scale = options_.seasonality * (1.0 + 0.2 * random.normal());
    for (int64_t t = 0; t < T; ++t) {
      region.baseline_T[t] += 1.0 - options_.media_share - mean;
      region.seasonality_T.push_back(season_scale * season_T_[t] + calendar_T_[t]);
      region.control_effect_T.push_back(std::inner_product(
          truth_.control_effect_K.begin(), truth_.control_effect_K.end(), &region.controls_TK[t * K], 0.0));
      const bool heavy = options_.kind == SyntheticKind::kHeavyTailed;
      region.noise_T.push_back(options_.noise * (heavy ? student_3(random) : random.normal()) +
                               (heavy ? shock_T_[t] : 0.0));
    }
    region.effect_TC.resize(T * C);
    for (int64_t c = 0; c < C; ++c) {
      region.height_C.push_back(std::exp(0.2 * random.normal()));
      add_effect(c, region);
    }
    if (options_.kind == SyntheticKind::kRagged) draw_gaps(random, region);
    if (follows_demand_) follow_demand(random, region);
    return region;
  }

 private:
  // A random order of the channels, and as many edges along it as there are channels.
  void draw_edges(RandomStream& random) {
    const int64_t C = options_.channels;
    order_C_.resize(C);
    std::iota(order_C_.begin(), order_C_.end(), 0);
    shuffle(random, order_C_);
    std::vector<std::pair<int64_t, int64_t>> pairs;
    for (int64_t i = 0; i < C; ++i) {
      for (int64_t j = i + 1; j < C; ++j) pairs.emplace_back(order_C_[i], order_C_[j]);
    }
    shuffle(random, pairs);
    pairs.resize(std::min<size_t>(pairs.size(), C));
    truth_.edges_CC.assign(C * C, 0.0);
    if (options_.kind == SyntheticKind::kCollinear) pairs.clear();  // the pairs are all that links them
    for (const auto& [source, target] : pairs) {
      const double weight = random.uniform(0.4, 0.8);
      truth_.edges_CC[source * C + target] = random.uniform() < 0.75 ? weight : -weight;
      // What follows demand neither drives other channels nor is driven by them.
      if (options_.demand_following > 0.0 && (source == 0 || target == 0)) truth_.edges_CC[source * C + target] = 0.0;
    }
  }

  // Rows missing at the first or the last weeks.
  void draw_window(RandomStream& random, Region& region) const {
    region.has_row_T.assign(options_.weeks, 1);
    // Four times as many regions as the share says lose a quarter of their weeks on average.
    const bool is_short = random.uniform() < 4.0 * missing_at_ends();
    const auto lost = static_cast<int64_t>(std::lround(random.uniform(0.0, 0.5) * static_cast<double>(options_.weeks)));
    const bool at_end = random.uniform() < 0.5;
    if (!is_short) return;
    const auto first = at_end ? region.has_row_T.end() - lost : region.has_row_T.begin();
    std::fill(first, first + lost, 0);
  }

  double missing_at_ends() const {
    return options_.kind == SyntheticKind::kRagged ? 0.5 * options_.missing_rows : options_.missing_rows;
  }

  // As many rows again, in gaps of up to kLongestGap weeks anywhere.
  void draw_gaps(RandomStream& random, Region& region) const {
    const double missing = missing_at_ends(), mean_gap = 0.5 * (1.0 + kLongestGap);
    const double start = missing / (mean_gap * (1.0 - missing));
    for (int64_t t = 0; t < options_.weeks; ++t) {
      if (random.uniform() >= start) continue;
      const auto end = std::min(options_.weeks, t + 1 + static_cast<int64_t>(random.uniform() * kLongestGap));
      std::fill(region.has_row_T.begin() + t, region.has_row_T.begin() + end, 0);
      t = end;
    }
  }

  // Replaces the first channel, which has no effect, by what the region sold in the four weeks before.
  void follow_demand(RandomStream& random, Region& region) const {
    const int64_t C = options_.channels;
    std::vector<double> demand_T;
    for (int64_t t = 0; t < options_.weeks; ++t) {
      const int64_t first = std::max<int64_t>(0, t - 4);
      const double mean =
          t == 0 ? 1.0
                 : std::accumulate(demand_T.begin() + first, demand_T.end(), 0.0) / static_cast<double>(t - first);
      region.media_TC[t * C] = mean * std::exp(kFollowingNoise * random.normal());
      demand_T.push_back(std::max(kTargetFloor, std::accumulate(&region.effect_TC[t * C], &region.effect_TC[t * C] + C,
                                                                region.baseline_T[t] + region.seasonality_T[t] +
                                                                    region.control_effect_T[t] + region.noise_T[t])));
    }
  }

  // Channels 2, 4, ... move with the channel before them, in what the nation and what the region adds alike.
  void pair_channels(std::vector<double>& series_TC) const {
    if (options_.kind != SyntheticKind::kCollinear) return;
    const double own = std::sqrt(1.0 - kPairCorrelation * kPairCorrelation);
    for (size_t i = 0; i < series_TC.size(); ++i) {
      if (i % options_.channels % 2 == 1) series_TC[i] = kPairCorrelation * series_TC[i - 1] + own * series_TC[i];
    }
  }

  // Log-normal media: own and national innovations through the graph of channels, in the order of its edges.
  void draw_media(RandomStream& random, Region& region) const {
    const int64_t T = options_.weeks, C = options_.channels;
    std::vector<double> level_C(C);
    const auto draw_levels = [&] {
      for (int64_t c = 0; c < C; ++c) level_C[c] = std::exp(0.3 * random.normal()) / media_mean_C_[c];
    };
    if (graph_) {
      region.media_TC = graph_->log_media(random);
      draw_levels();
      for (int64_t i = 0; i < T * C; ++i) region.media_TC[i] = level_C[i % C] * std::exp(region.media_TC[i]);
      return;
    }
    region.media_TC = innovation_TC_;
    for (int64_t c = 0; c < C; ++c) add_autoregressive(random, 0.5, 0.8, T, &region.media_TC[c], C);
    pair_channels(region.media_TC);
    draw_levels();
    for (int64_t t = 0; t < T; ++t) {
      double* z = &region.media_TC[t * C];
      for (const int64_t target : order_C_) {
        for (int64_t source = 0; source < C; ++source) z[target] += truth_.edges_CC[source * C + target] * z[source];
      }
      for (int64_t c = 0; c < C; ++c) z[c] = level_C[c] * std::exp(0.5 * z[c]);
    }
  }

  void add_effect(int64_t c, Region& region) const {
    const int64_t C = options_.channels;
    const double decay = truth_.decay_C[c];
    double carried = 0.0;
    for (int64_t t = 0; t < options_.weeks; ++t) {
      carried = decay * carried + (1.0 - decay) * region.media_TC[t * C + c];
      region.effect_TC[t * C + c] =
          region.height_C[c] * truth_.coefficient_TC[t * C + c] * truth_hill(truth_, c, carried);
    }
  }

  std::vector<double> pilot_mean(std::vector<double> Region::*series_TC) const {
    const int64_t C = options_.channels;
    std::vector<double> mean_C(C, 0.0);
    for (int64_t i = 0; i < kPilotRegions; ++i) {
      const Region region = make_region(kPilotStream + static_cast<uint64_t>(i));
      const auto& values = region.*series_TC;
      for (size_t j = 0; j < values.size(); ++j) mean_C[j % C] += values[j];
    }
    for (auto& mean : mean_C) mean /= static_cast<double>(kPilotRegions * options_.weeks);
    return mean_C;
  }

  const SyntheticOptions& options_;
  const std::vector<double>& calendar_T_;
  double drift_;  // of a step, as a multiple of that of 7 days
  SyntheticTruth truth_;
  std::optional<SyntheticGraph> graph_;  // that log media follow, instead of the simple one
  std::vector<int64_t> order_C_;         // channels, every edge pointing to a later one
  std::vector<double> innovation_TC_, control_TK_, baseline_T_, season_T_, shock_T_, media_mean_C_;
  bool follows_demand_ = false;
};

// Block of regions in input units, and the running totals of the truth.
void add_region(const SyntheticOptions& options, const Region& region, int64_t r, Panel& panel, TruthBlock& parts,
                TruthTotals& totals) {
  const int64_t T = options.weeks, C = options.channels, K = options.controls;
  const SyntheticTruth& truth = totals.truth;
  panel.population_R[r] = region.size;
  int64_t known = -1;
  for (int64_t t = 0; t < T; ++t) {
    const int64_t cell = r * T + t;
    parts.baseline_RT[cell] = region.size * region.baseline_T[t];
    parts.seasonality_RT[cell] = region.size * region.seasonality_T[t];
    parts.controls_RT[cell] = region.size * region.control_effect_T[t];
    double target = parts.baseline_RT[cell] + parts.seasonality_RT[cell] + parts.controls_RT[cell];
    for (int64_t c = 0; c < C; ++c) {
      target += parts.media_RTC[cell * C + c] = region.size * region.effect_TC[t * C + c];
    }
    // As after an import: a missing row holds no media, and the controls of the last row before it.
    if (region.has_row_T[t]) known = t;
    for (int64_t k = 0; k < K && known >= 0; ++k) {
      panel.controls_RTK[cell * K + k] = region.controls_TK[known * K + k];
    }
    if (!region.has_row_T[t]) continue;
    panel.observed_RT[cell] = 1;
    panel.target_RT[cell] = std::max(target + region.size * region.noise_T[t], region.size * kTargetFloor);
    for (int64_t c = 0; c < C; ++c) {
      const double media = region.media_TC[t * C + c] * truth.media_unit_C[c] * region.size;
      panel.media_RTC[cell * C + c] = media;
      if (options.has_spend) panel.spend_RTC[cell * C + c] = media * truth.cost_C[c];
      const double effect = region.effect_TC[t * C + c];
      const double height = region.height_C[c] * truth.coefficient_TC[t * C + c];
      if (height > 0) totals.add_slope(c, region.size * effect * (1.0 - effect / height) * truth.exponent_C[c]);
    }
    for (size_t i = 0; i < kTruthHoldouts.size(); ++i) {
      const int64_t last = T - kTruthHoldouts[i] - 1;
      if (t <= last || last < 0) continue;
      const double held = target - parts.baseline_RT[cell] + parts.baseline_RT[r * T + last];
      totals.truth.squared_forecast_error[i] += std::pow(panel.target_RT[cell] - held, 2.0);
    }
    totals.add_cell(t, panel.target_RT[cell], target, &parts.media_RTC[cell * C], &panel.media_RTC[cell * C]);
  }
  totals.add_curves(region.size, region.height_C, region.media_TC, region.has_row_T);
}

}  // namespace

SyntheticTruth generate_panel(const SyntheticOptions& options,
                              const std::function<void(const Panel& block, const TruthBlock& truth)>& sink,
                              int64_t block_regions) {
  const PanelCoordinates coordinates = plain_coordinates(options);
  const SyntheticCalendar calendar = draw_calendar(options, coordinates.weeks);
  const Nation nation(options, calendar);
  TruthTotals totals(options, nation.truth());
  totals.truth.channels = coordinates.channels;
  totals.truth.controls = coordinates.controls;
  totals.truth.promotions = calendar.promotions;
  totals.truth.promotion_effect_P = calendar.promotion_effect_P;
  totals.truth.weekday_effect_W = calendar.weekday_effect_W;
  TruthBlock parts;
  for (int64_t first = 0; first < options.regions; first += block_regions) {
    Panel block;
    block.coordinates = coordinates;
    block.first_region = first;
    block.regions = std::min(block_regions, options.regions - first);
    const size_t cells = static_cast<size_t>(block.regions * options.weeks);
    block.observed_RT.assign(cells, 0);
    block.target_RT.assign(cells, 0.0);
    for (auto* values : {&parts.baseline_RT, &parts.seasonality_RT, &parts.controls_RT}) {
      values->assign(cells, 0.0);
    }
    block.media_RTC.assign(cells * options.channels, 0.0);
    block.spend_RTC.assign(options.has_spend ? cells * options.channels : 0, 0.0);
    parts.media_RTC.assign(cells * options.channels, 0.0);
    block.controls_RTK.assign(cells * options.controls, 0.0);
    block.population_R.assign(block.regions, 0.0);
    for (int64_t r = 0; r < block.regions; ++r) {
      add_region(options, nation.make_region(static_cast<uint64_t>(first + r)), r, block, parts, totals);
    }
    add_calendar_columns(calendar, block);
    sink(block, parts);
  }
  totals.finish();
  return std::move(totals.truth);
}

}  // namespace dcmmm
