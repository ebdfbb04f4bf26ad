// Shapes: R regions of a block, T weeks, C channels, K controls.
#include "analysis/export.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "analysis/channel_effects.hpp"
#include "analysis/channel_interval.hpp"
#include "analysis/csv_writer.hpp"
#include "analysis/intervals.hpp"
#include "analysis/prediction_intervals.hpp"
#include "analysis/response_curves.hpp"
#include "analysis/results_file.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "trainer/evaluation.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> csv_fields(const std::vector<std::string>& names, const std::string& prefix = "") {
  std::vector<std::string> fields;
  for (const auto& name : names) fields.push_back(csv_field(prefix + name));
  return fields;
}

class Export {
 public:
  Export(const fs::path& results, const PanelFile& panel, const fs::path& output, const ExportOptions& options)
      : reader_(results), panel_(panel), output_(output), shared_(reader_.shared()), level_(options.interval) {
    if (panel.checksum() != shared_.panel_checksum) {
      throw UserError(text("The panel isn't the one that '", results.string(), "' was fitted to: its checksum is ",
                           panel.checksum(), ", expected ", shared_.panel_checksum,
                           ". Give the run's own panel file, or train again on this one."));
    }
    const auto& names = reader_.coordinates();
    regions_ = csv_fields(names.regions);
    weeks_ = csv_fields(names.weeks);
    channels_ = csv_fields(names.channels);
    media_ = csv_fields(names.channels, "media:");
    for (const auto& name : names.controls)
      controls_.push_back(csv_field(is_event(name) ? name : text("control:", name)));
    constexpr std::size_t kBlockBytes = 64 << 20;
    const std::size_t region_bytes = 8 * weeks_.size() * (8 + 4 * channels_.size() + 2 * controls_.size());
    block_ = options.block_regions > 0
                 ? options.block_regions
                 : static_cast<int64_t>(std::max<std::size_t>(1, kBlockBytes / std::max<std::size_t>(1, region_bytes)));
  }

  void run() {
    file("prediction.csv", "region,week,split,actual,predicted,lower,upper", &Export::prediction);
    file("contributions.csv", "region,week,component,value", &Export::contributions);
    file("coefficients.csv", "region,week,channel,value", &Export::coefficients);
    file("regions.csv", "region,scale,baseline_level,r2,rmse,relative_error", &Export::regions);
    file("adstock.csv", "channel,decay,lower,upper,half_life_weeks,peak_week,identified", &Export::adstock);
    file("dag.csv", "source,target,lag,weight,lower,upper,confidence,directed,direction_from", &Export::graph);
    file("dag_groups.csv", "group,source,target,lag,weight,shared_weight,confidence", &Export::group_differences);
    const Channels channels = read_channels();
    file("channel_summary.csv",
         "channel,spend,contribution,contribution_lower,contribution_upper,share,roi,roi_lower,roi_upper,marginal_roi,"
         "direct,indirect,identified,total,indirect_lower,indirect_upper,total_lower,total_upper",
         [&](CsvWriter& csv) { channel_summary(csv, channels); });
    file("response_curves.csv", "channel,spend,response,lower,upper,marginal,identified",
         [&](CsvWriter& csv) { response_curves(csv, channels); });
    file("saturation.csv", "channel,exponent,half_saturation,saturation_spend,identified",
         [&](CsvWriter& csv) { saturation(csv, channels); });
  }

 private:
  /// Totals over all regions and weeks, and the curves.
  struct Channels {
    std::vector<double> spend_C;  // input units
    EffectSums effects;           // contributions among them
    double predicted = 0;         // KPI units
    ResponseCurves curves;
  };

  void file(const char* name, const char* header, const std::function<void(CsvWriter&)>& rows) const {
    const fs::path path = output_ / name;
    replace_file(path, [&](const fs::path& temporary) {
      CsvWriter csv(temporary, path.string());
      csv.raw(header);
      csv.end_row();
      rows(csv);
      csv.finish();
    });
  }
  void file(const char* name, const char* header, void (Export::*rows)(CsvWriter&) const) const {
    file(name, header, [&](CsvWriter& csv) { (this->*rows)(csv); });
  }

  /// Calls visit(first, count) for one block of regions after the other.
  template <class Visit>
  void each_block(const Visit& visit) const {
    const auto regions = static_cast<int64_t>(regions_.size());
    for (int64_t first = 0; first < regions; first += block_) visit(first, std::min(block_, regions - first));
  }

  void prediction(CsvWriter& csv) const {
    each_block([&](int64_t first, int64_t count) {
      const Panel block = panel_.read(first, count);
      ResultBlock results;
      results.regions = count;
      results.predicted_RT = reader_.read_array("predicted", first, count);
      results.target_scale_R = reader_.read_array("target_scale", first, count);
      results.noise_scale_R = reader_.read_array("noise_scale", first, count);
      results.sample_scale_R = reader_.read_array("sample_scale", first, count);
      const IntervalBlock intervals = intervals_at(results, shared_, level_);
      for (std::size_t cell = 0; cell < results.predicted_RT.size(); ++cell) {
        const std::size_t week = begin_row(csv, first, cell);
        csv.raw(static_cast<int64_t>(week) < shared_.origin ? "train" : "holdout");
        if (block.observed_RT[cell]) {
          csv.number(block.target_RT[cell]);
        } else {
          csv.empty();
        }
        csv.number(results.predicted_RT[cell]);
        csv.number(intervals.lower_RT[cell]);
        csv.number(intervals.upper_RT[cell]);
        csv.end_row();
      }
    });
  }

  void contributions(CsvWriter& csv) const {
    each_block([&](int64_t first, int64_t count) {
      const auto baseline_RT = reader_.read_array("baseline", first, count);
      const auto trend_RT = reader_.read_array("trend", first, count);
      const auto seasonality_RT = reader_.read_array("seasonality", first, count);
      const auto control_RTK = reader_.read_array("control_contribution", first, count);
      const auto media_RTC = reader_.read_array("media_contribution", first, count);
      const auto row = [&](std::size_t cell, std::string_view component, double value) {
        begin_row(csv, first, cell);
        csv.raw(component);
        csv.number(value);
        csv.end_row();
      };
      for (std::size_t cell = 0; cell < baseline_RT.size(); ++cell) {
        row(cell, "baseline", baseline_RT[cell]);
        row(cell, "trend", trend_RT[cell]);
        row(cell, "seasonality", seasonality_RT[cell]);
        for (std::size_t k = 0; k < controls_.size(); ++k)
          row(cell, controls_[k], control_RTK[cell * controls_.size() + k]);
        for (std::size_t c = 0; c < media_.size(); ++c) row(cell, media_[c], media_RTC[cell * media_.size() + c]);
      }
    });
  }

  void coefficients(CsvWriter& csv) const {
    each_block([&](int64_t first, int64_t count) {
      const auto coefficient_RTC = reader_.read_array("coefficient", first, count);
      for (std::size_t i = 0; i < coefficient_RTC.size(); ++i) {
        begin_row(csv, first, i / channels_.size());
        csv.raw(channels_[i % channels_.size()]);
        csv.number(coefficient_RTC[i]);
        csv.end_row();
      }
    });
  }

  void regions(CsvWriter& csv) const {
    each_block([&](int64_t first, int64_t count) {
      const Panel block = panel_.read(first, count);
      const auto predicted_RT = reader_.read_array("predicted", first, count);
      const auto scale_factor_R = reader_.read_array("scale_factor", first, count);
      const auto baseline_level_R = reader_.read_array("baseline_level", first, count);
      for (std::size_t region = 0; region < static_cast<std::size_t>(count); ++region) {
        const std::size_t from = region * weeks_.size(), training = static_cast<std::size_t>(shared_.origin);
        const RegionSums sums = region_sums(
            first + static_cast<int64_t>(region), std::span(block.target_RT).subspan(from, training),
            std::span(predicted_RT).subspan(from, training), std::span(block.observed_RT).subspan(from, training));
        const Figures figures = figures_of({&sums, 1});
        csv.raw(regions_[static_cast<std::size_t>(first) + region]);
        for (double value :
             {scale_factor_R[region], baseline_level_R[region], figures.r2, figures.rmse, figures.relative_error}) {
          csv.number(value);
        }
        csv.end_row();
      }
    });
  }

  void adstock(CsvWriter& csv) const {
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

  void graph(CsvWriter& csv) const {
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

  void group_differences(CsvWriter& csv) const {
    for (const GroupDifference& edge : shared_.graph.differences) {
      csv.raw(csv_field(edge.group));
      csv.raw(channels_[static_cast<std::size_t>(edge.source)]);
      csv.raw(channels_[static_cast<std::size_t>(edge.target)]);
      csv.number(static_cast<double>(edge.lag));
      for (const double value : {edge.weight, edge.shared_weight, edge.confidence}) csv.number(value);
      csv.end_row();
    }
  }

  Channels read_channels() const {
    const std::size_t channels = channels_.size();
    Channels all{std::vector<double>(channels), EffectSums(static_cast<int64_t>(channels)), 0,
                 ResponseCurves(shared_, static_cast<int64_t>(channels))};
    each_block([&](int64_t first, int64_t count) {
      const Panel block = panel_.read(first, count);
      const auto media_RTC = reader_.read_array("media_contribution", first, count);
      const auto coefficient_RTC = reader_.read_array("coefficient", first, count);
      const auto predicted_RT = reader_.read_array("predicted", first, count);
      const auto& spend_RTC = block.coordinates.has_spend ? block.spend_RTC : block.media_RTC;
      // Region by region, so that the sums have the same bits whatever the block.
      std::vector<double> spend_C(channels);
      for (std::size_t region = 0; region < static_cast<std::size_t>(count); ++region) {
        std::fill(spend_C.begin(), spend_C.end(), 0);
        const std::size_t from = region * weeks_.size(), to = from + weeks_.size();
        for (std::size_t i = from * channels; i < to * channels; ++i) spend_C[i % channels] += spend_RTC[i];
        EffectSums effects(static_cast<int64_t>(channels));
        effects.add(std::span(media_RTC).subspan(from * channels, (to - from) * channels),
                    std::span(coefficient_RTC).subspan(from * channels, (to - from) * channels), shared_);
        for (std::size_t c = 0; c < channels; ++c) {
          all.spend_C[c] += spend_C[c];
          all.effects.contribution_C[c] += effects.contribution_C[c];
          all.effects.slope_C[c] += effects.slope_C[c];
        }
        all.predicted += std::accumulate(predicted_RT.begin() + static_cast<std::ptrdiff_t>(from),
                                         predicted_RT.begin() + static_cast<std::ptrdiff_t>(to), 0.0);
      }
      all.curves.add(block, coefficient_RTC, reader_.read_array("media_scale", first, count));
    });
    return all;
  }

  void channel_summary(CsvWriter& csv, const Channels& all) const {
    const std::vector<double>& contribution_C = all.effects.contribution_C;
    const std::vector<ChannelEffect> effects =
        shared_.graph.empty() ? std::vector<ChannelEffect>() : channel_effects(shared_, all.effects, level_);
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      csv.raw(channels_[c]);
      csv.number(all.spend_C[c]);
      const Interval total = contribution_interval(shared_, c, level_, contribution_C[c], all.predicted);
      csv.number(contribution_C[c]);
      interval(csv, total);
      csv.number(contribution_C[c] / all.predicted);
      csv.number(contribution_C[c] / all.spend_C[c]);  // not finite, hence empty, without spend
      interval(csv, {total.lower / all.spend_C[c], total.upper / all.spend_C[c]});
      csv.number(all.curves.marginal(static_cast<int64_t>(c), 1));
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
      csv.end_row();
    }
  }

  void response_curves(CsvWriter& csv, const Channels& all) const {
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      const auto channel = static_cast<int64_t>(c);
      const double largest = all.curves.largest_multiple(channel);
      for (int64_t point = 0; point < kCurvePoints; ++point) {
        const double multiple = largest * static_cast<double>(point) / static_cast<double>(kCurvePoints - 1);
        csv.raw(channels_[c]);
        csv.number(all.curves.spend(channel, multiple));
        const double response = all.curves.response(channel, multiple);
        csv.number(response);
        interval(csv, interval_of(responses(all.curves, c, multiple), level_, response));
        csv.number(all.curves.marginal(channel, multiple));
        identified(csv, c);
        csv.end_row();
      }
    }
  }

  void saturation(CsvWriter& csv, const Channels& all) const {
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      csv.raw(channels_[c]);
      csv.number(shared_.exponent_C[c]);
      csv.number(shared_.half_saturation_C[c]);
      csv.number(all.curves.saturation_spend(static_cast<int64_t>(c)));
      identified(csv, c);
      csv.end_row();
    }
  }

  /// The gate's verdict on a channel.
  void identified(CsvWriter& csv, std::size_t channel) const { csv.raw(shared_.is_identified(channel) ? "yes" : "no"); }

  void interval(CsvWriter& csv, const Interval& interval) const {
    csv.number(interval.lower);
    csv.number(interval.upper);
  }

  /// A channel's response at one multiple by each draw's curve.
  std::vector<double> responses(const ResponseCurves& curves, std::size_t channel, double multiple) const {
    std::vector<double> out;
    for (std::size_t i = channel; i < shared_.draws.coefficient_DC.size(); i += channels_.size())
      out.push_back(curves.response(static_cast<int64_t>(channel), multiple, shared_.draws.coefficient_DC[i],
                                    shared_.draws.exponent_DC[i], shared_.draws.half_saturation_DC[i]));
    return out;
  }

  /// Writes the region and week of a cell of a block; returns the week.
  std::size_t begin_row(CsvWriter& csv, int64_t first_region, std::size_t cell) const {
    const std::size_t week = cell % weeks_.size();
    csv.raw(regions_[static_cast<std::size_t>(first_region) + cell / weeks_.size()]);
    csv.raw(weeks_[week]);
    return week;
  }

  ResultsReader reader_;
  const PanelFile& panel_;
  fs::path output_;
  SharedResults shared_;
  double level_;  // of the intervals
  int64_t block_ = 1;
  std::vector<std::string> regions_, weeks_, channels_, media_, controls_;  // quoted where needed
};

}  // namespace

void export_results(const fs::path& results, const PanelFile& panel, const fs::path& output,
                    const ExportOptions& options) {
  Export run(results, panel, output, options);
  std::error_code failure;
  fs::create_directories(output, failure);
  if (failure) {
    throw UserError(text("Can't make the folder '", output.string(), "': ", failure.message(),
                         ". Give output=DIR a folder that may be written."));
  }
  run.run();
  if (options.note && !panel.coordinates().has_spend) {
    options.note(
        "The panel has neither spend (data.spend) nor prices (data.cost): spend, ROI and marginal ROI are in media "
        "units.");
  }
}

}  // namespace dcmmm
