// Shapes: R regions of a block, T weeks, C channels.
#include "analysis/channel_tables.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "analysis/channel_interval.hpp"
#include "common/text.hpp"
#include "model/missing_media.hpp"

namespace dcmmm {
namespace {

void interval(CsvWriter& csv, const Interval& interval) {
  csv.number(interval.lower);
  csv.number(interval.upper);
}

}  // namespace

ChannelTables::ChannelTables(const SharedResults& shared, std::vector<std::string> regions,
                             std::vector<std::string> channels, double level, double revenue)
    : shared_(shared),
      regions_(std::move(regions)),
      channels_(std::move(channels)),
      level_(level),
      revenue_(revenue),
      spend_C_(channels_.size()),
      effects_(static_cast<int64_t>(channels_.size())),
      curves_(shared, static_cast<int64_t>(channels_.size())) {}

void ChannelTables::add(const Panel& panel, const std::vector<double>& media_RTC,
                        const std::vector<double>& coefficient_RTC, const std::vector<double>& predicted_RT,
                        const std::vector<double>& media_scale_RC) {
  const std::size_t channels = channels_.size(), weeks = static_cast<std::size_t>(panel.weeks());
  const auto& spend_RTC = panel.coordinates.has_spend ? panel.spend_RTC : panel.media_RTC;
  // Region by region, so that the sums have the same bits whatever the block.
  const std::vector<uint8_t> counted_RT = cells_with_rows(panel, 0, panel.regions);
  std::vector<double> spend_C(channels);
  for (std::size_t region = 0; region < static_cast<std::size_t>(panel.regions); ++region) {
    std::fill(spend_C.begin(), spend_C.end(), 0);
    const std::size_t from = region * weeks, to = from + weeks;
    for (std::size_t i = from * channels; i < to * channels; ++i) spend_C[i % channels] += spend_RTC[i];
    EffectSums effects(static_cast<int64_t>(channels));
    effects.add(std::span(counted_RT).subspan(from, weeks),
                std::span(media_RTC).subspan(from * channels, weeks * channels),
                std::span(coefficient_RTC).subspan(from * channels, weeks * channels), shared_);
    for (std::size_t c = 0; c < channels; ++c) {
      spend_RC_.push_back(spend_C[c]);
      contribution_RC_.push_back(effects.contribution_C[c]);
      spend_C_[c] += spend_C[c];
      effects_.contribution_C[c] += effects.contribution_C[c];
      effects_.slope_C[c] += effects.slope_C[c];
    }
    double predicted = 0;
    for (std::size_t cell = from; cell < to; ++cell)
      if (counted_RT[cell] != 0) predicted += predicted_RT[cell];
    predicted_ += predicted;
  }
  curves_.add(panel, coefficient_RTC, media_scale_RC);
}

std::vector<Interval> ChannelTables::contribution_intervals() const {
  std::vector<Interval> out;
  for (std::size_t c = 0; c < channels_.size(); ++c)
    out.push_back(contribution_interval(shared_, c, level_, effects_.contribution_C[c], predicted_));
  return out;
}

void ChannelTables::write_adstock(CsvWriter& csv) const {
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    csv.raw(channels_[c]);
    csv.number(shared_.decay_C[c]);
    interval(csv, decay_interval(shared_, c, level_));
    const bool geometric = std::isnan(shared_.peak_C[c]);
    csv.number(geometric ? std::log(0.5) / std::log(shared_.decay_C[c]) : std::numeric_limits<double>::quiet_NaN());
    csv.number(geometric ? 0.0 : shared_.peak_C[c]);
    identified(csv, c);
    csv.end_row();
  }
}

void ChannelTables::write_graph(CsvWriter& csv) const {
  const Graph& graph = shared_.graph;
  const std::size_t S = graph.edges.size();
  for (std::size_t s = 0; s < S; ++s) {
    const GraphEdge& edge = graph.edges[s];
    std::vector<double> draws;
    for (std::size_t i = s; i < graph.weight_BS.size(); i += S) draws.push_back(graph.weight_BS[i]);
    csv.raw(channels_[static_cast<std::size_t>(edge.source)]);
    csv.raw(channels_[static_cast<std::size_t>(edge.target)]);
    csv.number(static_cast<double>(edge.lag));
    csv.number(edge.weight);
    interval(csv, interval_of(draws, level_, edge.weight, -std::numeric_limits<double>::infinity()));
    csv.number(edge.confidence);
    csv.raw(edge.is_directed() ? "yes" : "no");
    csv.raw(edge.is_directed() ? direction_name(edge.direction) : "");
    csv.end_row();
  }
}

void ChannelTables::write_group_differences(CsvWriter& csv) const {
  for (const GroupDifference& edge : shared_.graph.differences) {
    csv.raw(csv_field(edge.group));
    csv.raw(channels_[static_cast<std::size_t>(edge.source)]);
    csv.raw(channels_[static_cast<std::size_t>(edge.target)]);
    csv.number(static_cast<double>(edge.lag));
    for (const double value : {edge.weight, edge.shared_weight, edge.confidence}) csv.number(value);
    csv.end_row();
  }
}

void ChannelTables::write_summary(CsvWriter& csv) const {
  const std::vector<double>& contribution_C = effects_.contribution_C;
  const std::vector<ChannelEffect> effects =
      shared_.graph.empty() ? std::vector<ChannelEffect>() : channel_effects(shared_, effects_, level_);
  const CurveIntervals intervals = curve_intervals();
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    csv.raw(channels_[c]);
    csv.number(spend_C_[c]);
    const Interval total = contribution_interval(shared_, c, level_, contribution_C[c], predicted_);
    csv.number(contribution_C[c]);
    interval(csv, total);
    csv.number(contribution_C[c] / predicted_);
    const double per_spend = revenue_ / spend_C_[c];  // not finite, hence empty, without spend
    csv.number(contribution_C[c] * per_spend);
    interval(csv, {total.lower * per_spend, total.upper * per_spend});
    csv.number(revenue_ * curves_.marginal(static_cast<int64_t>(c), 1));
    if (effects.empty()) {
      csv.empty(2);
      identified(csv, c);
      csv.empty(5);
    } else {
      ChannelEffect effect = effects[c];
      if (!shared_.is_identified(c))  // as wide as its own contribution's
        effect.total_interval = {total.lower + effect.indirect_interval.lower,
                                 total.upper + effect.indirect_interval.upper};
      csv.number(effect.direct);
      csv.number(effect.indirect);
      identified(csv, c);
      csv.number(effect.total);
      interval(csv, effect.indirect_interval);
      interval(csv, effect.total_interval);
    }
    const Interval marginal = intervals.all_regions(static_cast<int64_t>(c), 1).marginal;
    interval(csv, {revenue_ * marginal.lower, revenue_ * marginal.upper});
    csv.end_row();
  }
}

CurveIntervals ChannelTables::curve_intervals() const {
  return {shared_, curves_, effects_.contribution_C, contribution_intervals(), level_};
}

void ChannelTables::write_region(CsvWriter& csv, std::size_t region, const CurveIntervals& intervals,
                                 std::span<const double> factor_CD,
                                 const std::function<Interval(std::size_t, double)>& interval_of_channel) const {
  const std::size_t channels = channels_.size(), draws = factor_CD.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    const auto channel = static_cast<int64_t>(c);
    const ResponseCurves::Use& use = curves_.uses(channel)[region];
    const ResponseCurves::Point average = curves_.region_point(channel, region, 1);
    const double height = shared_.is_linear(c) ? std::numeric_limits<double>::quiet_NaN() : use.coefficient,
                 spend = spend_RC_[region * channels + c], contribution = contribution_RC_[region * channels + c],
                 per_spend = revenue_ / spend;
    const Interval total = interval_of_channel(c, contribution),
                   marginal = intervals.region(channel, region, 1, factor_CD.subspan(c * draws, draws)).marginal;
    csv.raw(regions_[region]);
    csv.raw(channels_[c]);
    for (const double value : {spend, contribution, use.spend, average.response, average.marginal, height,
                               curves_.region_spend_at(channel, region, 0.5), shared_.exponent_C[c]})
      csv.number(value);
    identified(csv, c);
    for (const double value :
         {total.lower, total.upper, contribution * per_spend, total.lower * per_spend, total.upper * per_spend,
          revenue_ * average.marginal, revenue_ * marginal.lower, revenue_ * marginal.upper,
          curves_.region_spend_at(channel, region, 0.9), 1 - average.response / height, use.largest * use.spend})
      csv.number(value);
    csv.end_row();
  }
}

void ChannelTables::identified(CsvWriter& csv, std::size_t channel) const {
  csv.raw(shared_.is_identified(channel) ? "yes" : "no");
}

}  // namespace dcmmm
