// Shapes: R regions of a block, T weeks, C channels, K controls.
#include "analysis/export.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "analysis/channel_effects.hpp"
#include "analysis/channel_interval.hpp"
#include "analysis/csv_writer.hpp"
#include "analysis/data_quality.hpp"
#include "analysis/fitted_hill.hpp"
#include "analysis/intervals.hpp"
#include "analysis/period_sums.hpp"
#include "analysis/periods.hpp"
#include "analysis/prediction_intervals.hpp"
#include "analysis/residual_tables.hpp"
#include "analysis/response_curves.hpp"
#include "analysis/results_file.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "trainer/evaluation.hpp"
#include "trainer/naive.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> csv_fields(const std::vector<std::string>& names, const std::string& prefix = "") {
  std::vector<std::string> fields;
  for (const auto& name : names) fields.push_back(csv_field(prefix + name));
  return fields;
}

using Rows = std::function<void(CsvWriter&)>;

/// Where a table goes: its name, and what writes its header and rows.
using Sink = std::function<void(const std::string& name, const Rows& rows)>;

class Export {
 public:
  Export(const fs::path& results, const PanelFile& panel, const ExportOptions& options)
      : reader_(results), panel_(panel), shared_(reader_.shared()), level_(options.interval) {
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
    periods_ = periods_of(names.weeks, panel.coordinates().step);
    components_ = {"baseline", "trend", "seasonality"};
    components_.insert(components_.end(), controls_.begin(), controls_.end());
    components_.insert(components_.end(), media_.begin(), media_.end());
    chosen_.resize(regions_.size());
    std::iota(chosen_.begin(), chosen_.end(), 0);
  }

  /// Tables by region hold these alone.
  void choose(const std::vector<int64_t>& regions) { chosen_ = regions; }

  void run(const Sink& sink) {
    sink_ = sink;
    file("prediction.csv", "region,week,split,actual,predicted,lower,upper", &Export::prediction);
    file("contributions.csv", "region,week,component,value", &Export::contributions);
    file("coefficients.csv", "region,week,channel,value", &Export::coefficients);
    file("regions.csv", "region,scale,baseline_level,r2,rmse,relative_error,observed_weeks,actual", &Export::regions);
    file("adstock.csv", "channel,decay,lower,upper,half_life_weeks,peak_week,identified", &Export::adstock);
    file("dag.csv", "source,target,lag,weight,lower,upper,confidence,directed,direction_from", &Export::graph);
    file("dag_groups.csv", "group,source,target,lag,weight,shared_weight,confidence", &Export::group_differences);
    file("channel_summary.csv",
         "channel,spend,contribution,contribution_lower,contribution_upper,share,roi,roi_lower,roi_upper,marginal_roi,"
         "direct,indirect,identified,total,indirect_lower,indirect_upper,total_lower,total_upper",
         [&](CsvWriter& csv) { channel_summary(csv, channels()); });
    file("response_curves.csv", "channel,spend,response,lower,upper,marginal,identified,extrapolated",
         [&](CsvWriter& csv) { response_curves(csv, channels()); });
    file("saturation.csv",
         "channel,exponent,half_saturation,saturation_spend,identified,spend,response,marginal,half_saturation_spend,"
         "height,headroom,fitted_height,fitted_half_saturation,fitted_exponent,fitted_error",
         [&](CsvWriter& csv) { saturation(csv, channels()); });
    file("region_channels.csv",
         "region,channel,spend,contribution,weekly_spend,response,marginal,height,half_saturation_spend,exponent,"
         "identified",
         [&](CsvWriter& csv) { region_channels(csv, channels()); });
    file("contributions_by_period.csv", "region,kind,period,component,value", &Export::contributions_by_period);
    file("holdout.csv", text("region,week,actual,predicted,", join({kNaiveNames.begin(), kNaiveNames.end()}, ",")),
         &Export::holdout);
    file("totals.csv", "week,split,observed_regions,actual,predicted,predicted_all",
         [&](CsvWriter& csv) { overview().sums.write_totals(csv, weeks_, shared_.origin); });
    file("contributions_total.csv", "kind,period,component,value,lower,upper", [&](CsvWriter& csv) {
      std::vector<Interval> total_C;
      for (std::size_t c = 0; c < channels_.size(); ++c)
        total_C.push_back(
            contribution_interval(shared_, c, level_, channels().effects.contribution_C[c], channels().predicted));
      overview().sums.write_contributions(csv, weeks_, periods_, components_, total_C);
    });
    file("coefficients_mean.csv", "week,channel,value",
         [&](CsvWriter& csv) { overview().sums.write_coefficients(csv, weeks_, channels_); });
    file("residual_distribution.csv", "from,to,train,holdout,normal",
         [&](CsvWriter& csv) { overview().residuals.write_distribution(csv); });
    file("residual_autocorrelation.csv", "lag,autocorrelation,pairs",
         [&](CsvWriter& csv) { overview().residuals.write_autocorrelation(csv); });
    file("data_quality.csv", "column,kind,cells,missing,zeros,minimum,mean,maximum,outside",
         [&](CsvWriter& csv) { overview().quality.write_columns(csv); });
    file("correlations.csv", "channel,other,correlation",
         [&](CsvWriter& csv) { overview().quality.write_correlations(csv); });
  }

 private:
  /// Totals over all regions and weeks, and the curves.
  struct Channels {
    std::vector<double> spend_C;  // input units
    EffectSums effects;           // contributions among them
    double predicted = 0;         // KPI units
    ResponseCurves curves;
    std::vector<double> spend_RC, contribution_RC;  // by region
  };

  /// Sums over regions and what the panel looks like, of one pass over all regions.
  struct Overview {
    PeriodSums sums;
    ResidualTables residuals;
    DataQuality quality;
  };

  // Read when a table asks for them first.
  const Channels& channels() const {
    if (!channels_read_) channels_read_ = read_channels();
    return *channels_read_;
  }
  const Overview& overview() const {
    if (!overview_read_) overview_read_ = read_overview();
    return *overview_read_;
  }

  void file(const std::string& name, const std::string& header, const Rows& rows) const {
    sink_(name, [&](CsvWriter& csv) {
      csv.raw(header);
      csv.end_row();
      rows(csv);
      csv.finish();
    });
  }
  void file(const std::string& name, const std::string& header, void (Export::*rows)(CsvWriter&) const) const {
    file(name, header, [&](CsvWriter& csv) { (this->*rows)(csv); });
  }

  /// Calls visit(first, count) for blocks that together are the chosen regions.
  template <class Visit>
  void each_chosen_block(const Visit& visit) const {
    for (std::size_t i = 0; i < chosen_.size();) {
      std::size_t end = i + 1;
      while (end < chosen_.size() && chosen_[end] == chosen_[end - 1] + 1 && static_cast<int64_t>(end - i) < block_)
        ++end;
      visit(chosen_[i], static_cast<int64_t>(end - i));
      i = end;
    }
  }

  /// Calls visit(first, count) for one block of regions after the other.
  template <class Visit>
  void each_block(const Visit& visit) const {
    const auto regions = static_cast<int64_t>(regions_.size());
    for (int64_t first = 0; first < regions; first += block_) visit(first, std::min(block_, regions - first));
  }

  void prediction(CsvWriter& csv) const {
    each_chosen_block([&](int64_t first, int64_t count) {
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
    each_chosen_block([&](int64_t first, int64_t count) {
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
    each_chosen_block([&](int64_t first, int64_t count) {
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
        double cells = 0, actual = 0;
        for (std::size_t cell = from; cell < from + weeks_.size(); ++cell) {
          cells += block.observed_RT[cell];
          actual += block.observed_RT[cell] != 0 ? block.target_RT[cell] : 0;
        }
        csv.number(cells);
        csv.number(actual);
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
    Channels all{std::vector<double>(channels),
                 EffectSums(static_cast<int64_t>(channels)),
                 0,
                 ResponseCurves(shared_, static_cast<int64_t>(channels)),
                 {},
                 {}};
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
          all.spend_RC.push_back(spend_C[c]);
          all.contribution_RC.push_back(effects.contribution_C[c]);
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
        csv.raw(multiple > all.curves.observed_multiple(channel) ? "yes" : "no");
        csv.end_row();
      }
    }
  }

  void saturation(CsvWriter& csv, const Channels& all) const {
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      csv.raw(channels_[c]);
      csv.number(shared_.exponent_C[c]);
      csv.number(shared_.half_saturation_C[c]);
      const auto channel = static_cast<int64_t>(c);
      csv.number(all.curves.saturation_spend(channel));
      identified(csv, c);
      const double response = all.curves.response(channel, 1), height = all.curves.height(channel);
      const FittedHill fitted = fitted_curve(all.curves, c);
      for (const double value : {all.curves.spend(channel, 1), response, all.curves.marginal(channel, 1),
                                 all.curves.half_saturation_spend(channel), height, 1 - response / height,
                                 fitted.height, fitted.half_saturation, fitted.exponent, fitted.error})
        csv.number(value);
      csv.end_row();
    }
  }

  /// Through the points of the exported curve.
  FittedHill fitted_curve(const ResponseCurves& curves, std::size_t c) const {
    const auto channel = static_cast<int64_t>(c);
    std::vector<double> spend, response;
    const double largest = curves.largest_multiple(channel);
    for (int64_t point = 0; point < kCurvePoints; ++point) {
      const double multiple = largest * static_cast<double>(point) / static_cast<double>(kCurvePoints - 1);
      spend.push_back(curves.spend(channel, multiple));
      response.push_back(curves.response(channel, multiple));
    }
    return fit_hill(spend, response,
                    {curves.height(channel), curves.half_saturation_spend(channel), shared_.exponent_C[c], 0});
  }

  void region_channels(CsvWriter& csv, const Channels& all) const {
    for (const int64_t chosen : chosen_) {
      const auto region = static_cast<std::size_t>(chosen);
      for (std::size_t c = 0; c < channels_.size(); ++c) {
        const auto curve = all.curves.region_curve(static_cast<int64_t>(c), region);
        csv.raw(regions_[region]);
        csv.raw(channels_[c]);
        for (const double value : {all.spend_RC[region * channels_.size() + c],
                                   all.contribution_RC[region * channels_.size() + c], curve.spend, curve.response,
                                   curve.marginal, curve.height, curve.half_saturation_spend, shared_.exponent_C[c]})
          csv.number(value);
        identified(csv, c);
        csv.end_row();
      }
    }
  }

  void contributions_by_period(CsvWriter& csv) const {
    each_chosen_block([&](int64_t first, int64_t count) {
      const ResultBlock block = reader_.read(first, count);
      const ComponentsOf values(block, static_cast<int64_t>(controls_.size()), static_cast<int64_t>(media_.size()));
      for (std::size_t region = 0; region < static_cast<std::size_t>(count); ++region)
        write_periods_of_region(csv, values, region, weeks_.size(), regions_[static_cast<std::size_t>(first) + region],
                                periods_, components_);
    });
  }

  /// Observed held-out cells with the model's forecast and every naive one.
  void holdout(CsvWriter& csv) const {
    const auto T = weeks_.size(), origin = static_cast<std::size_t>(shared_.origin);
    each_chosen_block([&](int64_t first, int64_t count) {
      const Panel block = panel_.read(first, count);
      const auto predicted_RT = reader_.read_array("predicted", first, count);
      const auto naive = naive_forecasts(block, shared_.origin, static_cast<int64_t>(T - origin));
      for (std::size_t cell = 0; cell < predicted_RT.size(); ++cell) {
        if (cell % T < origin || block.observed_RT[cell] == 0) continue;
        begin_row(csv, first, cell);
        csv.number(block.target_RT[cell]);
        csv.number(predicted_RT[cell]);
        for (const auto& forecast_RN : naive) csv.number(forecast_RN[cell / T * (T - origin) + cell % T - origin]);
        csv.end_row();
      }
    });
  }

  Overview read_overview() const {
    const auto controls = static_cast<int64_t>(controls_.size()), channels = static_cast<int64_t>(channels_.size());
    Overview out{PeriodSums(static_cast<int64_t>(weeks_.size()), controls, channels), ResidualTables(shared_.origin),
                 DataQuality(panel_.coordinates(), shared_.origin)};
    each_block([&](int64_t first, int64_t count) {
      const Panel block = panel_.read(first, count);
      const ResultBlock results = reader_.read(first, count);
      out.sums.add(block, results);
      out.residuals.add(block, results);
      out.quality.add(block);
    });
    return out;
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
  Sink sink_;
  SharedResults shared_;
  double level_;  // of the intervals
  int64_t block_ = 1;
  std::vector<std::string> regions_, weeks_, channels_, media_, controls_, components_;  // quoted where needed
  std::vector<Period> periods_;
  std::vector<int64_t> chosen_;  // places of the regions that tables by region hold
  mutable std::optional<Channels> channels_read_;
  mutable std::optional<Overview> overview_read_;
};

}  // namespace

void export_results(const fs::path& results, const PanelFile& panel, const fs::path& output,
                    const ExportOptions& options) {
  Export run(results, panel, options);
  std::error_code failure;
  fs::create_directories(output, failure);
  if (failure) {
    throw UserError(text("Can't make the folder '", output.string(), "': ", failure.message(),
                         ". Give output=DIR a folder that may be written."));
  }
  run.run([&](const std::string& name, const Rows& rows) {
    const fs::path path = output / name;
    replace_file(path, [&](const fs::path& temporary) {
      CsvWriter csv(temporary, path.string());
      rows(csv);
    });
  });
  if (options.note && !panel.coordinates().has_spend) {
    options.note(
        "The panel has neither spend (data.spend) nor prices (data.cost): spend, ROI and marginal ROI are in media "
        "units.");
  }
}

std::map<std::string, std::string> export_tables(const fs::path& results, const PanelFile& panel,
                                                 const std::vector<std::string>& names,
                                                 const std::vector<int64_t>& regions, const ExportOptions& options) {
  Export run(results, panel, options);
  run.choose(regions);
  std::map<std::string, std::string> out;
  run.run([&](const std::string& name, const Rows& rows) {
    if (std::find(names.begin(), names.end(), name) == names.end()) return;
    CsvWriter csv(out[name]);
    rows(csv);
  });
  return out;
}

}  // namespace dcmmm
