// Shapes: R regions of a block, T weeks, C channels, K controls, D draws.
#include "analysis/run_tables.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "analysis/channel_tables.hpp"
#include "analysis/data_quality.hpp"
#include "analysis/draw_contributions.hpp"
#include "analysis/period_returns.hpp"
#include "analysis/period_sums.hpp"
#include "analysis/periods.hpp"
#include "analysis/prediction_intervals.hpp"
#include "analysis/residual_tables.hpp"
#include "analysis/results_file.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "model/missing_media.hpp"
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

class Tables {
 public:
  Tables(const fs::path& results, const PanelFile& panel, const ExportOptions& options)
      : reader_(results), panel_(panel), shared_(reader_.shared()), level_(options.interval), money_(options.money) {
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
    std::string step = steps_name(panel.coordinates().step);
    step.pop_back();  // "week", not "weeks"
    for (std::size_t week = 0; week < weeks_.size(); ++week)
      steps_and_periods_.push_back({step, weeks_[week], static_cast<int64_t>(week), 1});
    steps_and_periods_.insert(steps_and_periods_.end(), periods_.begin(), periods_.end());
    components_ = {"baseline", "trend", "seasonality"};
    components_.insert(components_.end(), controls_.begin(), controls_.end());
    components_.insert(components_.end(), media_.begin(), media_.end());
    chosen_.resize(regions_.size());
    std::iota(chosen_.begin(), chosen_.end(), 0);
  }

  /// Tables by region hold these alone.
  void choose(const std::vector<int64_t>& regions) { chosen_ = regions; }

  void write(const TableSink& sink) {
    sink_ = sink;
    file("prediction.csv", "region,week,split,actual,predicted,lower,upper", &Tables::prediction);
    file("contributions.csv", "region,week,component,value", &Tables::contributions);
    file("coefficients.csv", "region,week,channel,value", &Tables::coefficients);
    file("regions.csv", "region,scale,baseline_level,r2,rmse,relative_error,observed_weeks,actual", &Tables::regions);
    file("adstock.csv", "channel,decay,lower,upper,half_life_weeks,peak_week,identified",
         [&](CsvWriter& csv) { channels().write_adstock(csv); });
    file("dag.csv", "source,target,lag,weight,lower,upper,confidence,directed,direction_from",
         [&](CsvWriter& csv) { channels().write_graph(csv); });
    file("dag_groups.csv", "group,source,target,lag,weight,shared_weight,confidence",
         [&](CsvWriter& csv) { channels().write_group_differences(csv); });
    file("channel_summary.csv",
         "channel,spend,contribution,contribution_lower,contribution_upper,share,roi,roi_lower,roi_upper,marginal_roi,"
         "direct,indirect,identified,total,indirect_lower,indirect_upper,total_lower,total_upper,marginal_roi_lower,"
         "marginal_roi_upper",
         [&](CsvWriter& csv) { channels().write_summary(csv); });
    file("response_curves.csv",
         "channel,spend,response,lower,upper,marginal,identified,extrapolated,marginal_lower,marginal_upper,marginal_"
         "roi",
         [&](CsvWriter& csv) { channels().write_curves(csv); });
    file("saturation.csv",
         "channel,exponent,half_saturation,saturation_spend,identified,spend,response,marginal,half_saturation_spend,"
         "height,headroom,fitted_height,fitted_half_saturation,fitted_exponent,fitted_error",
         [&](CsvWriter& csv) { channels().write_saturation(csv); });
    file("region_channels.csv",
         "region,channel,spend,contribution,weekly_spend,response,marginal,height,half_saturation_spend,exponent,"
         "identified,contribution_lower,contribution_upper,roi,roi_lower,roi_upper,marginal_roi",
         &Tables::region_channels);
    file("contributions_by_period.csv", "region,kind,period,component,value,lower,upper",
         &Tables::contributions_by_period);
    file("roi_by_period.csv",
         "kind,period,channel,spend,contribution,lower,upper,roi,roi_lower,roi_upper,marginal_roi,identified",
         [&](CsvWriter& csv) {
           overview().returns.write(csv, steps_and_periods_, channels_, revenue(), interval_of_all());
         });
    file("holdout.csv", text("region,week,actual,predicted,", join({kNaiveNames.begin(), kNaiveNames.end()}, ",")),
         &Tables::holdout);
    file("totals.csv", "week,split,observed_regions,actual,predicted,predicted_all",
         [&](CsvWriter& csv) { overview().sums.write_totals(csv, weeks_, shared_.origin); });
    file("contributions_total.csv", "kind,period,component,value,lower,upper", [&](CsvWriter& csv) {
      overview().sums.write_contributions(csv, steps_and_periods_, components_, interval_of_all());
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
  /// Sums over regions and what the panel looks like, of one pass over all regions.
  struct Overview {
    PeriodSums sums;
    PeriodReturns returns;
    ResidualTables residuals;
    DataQuality quality;
  };

  // Read when a table asks for them first.
  const ChannelTables& channels() const {
    if (!channels_read_) channels_read_.emplace(read_channels());
    return *channels_read_;
  }
  const DrawContributions& draws() const {
    if (!draws_read_) draws_read_.emplace(read_draws());
    return *draws_read_;
  }
  double revenue() const { return money_.revenue.value_or(1); }
  const Overview& overview() const {
    if (!overview_read_) overview_read_.emplace(read_overview());
    return *overview_read_;
  }

  void file(const std::string& name, const std::string& header, const TableRows& rows) const {
    sink_(name, [&](CsvWriter& csv) {
      csv.raw(header);
      csv.end_row();
      rows(csv);
      csv.finish();
    });
  }
  void file(const std::string& name, const std::string& header, void (Tables::*rows)(CsvWriter&) const) const {
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

  ChannelTables read_channels() const {
    ChannelTables out(shared_, regions_, channels_, level_, revenue());
    each_block([&](int64_t first, int64_t count) {
      out.add(money_.priced(panel_.read(first, count)), reader_.read_array("media_contribution", first, count),
              reader_.read_array("coefficient", first, count), reader_.read_array("predicted", first, count),
              reader_.read_array("media_scale", first, count));
    });
    return out;
  }

  DrawContributions read_draws() const {
    DrawContributions out(shared_, static_cast<int64_t>(channels_.size()), static_cast<int64_t>(weeks_.size()));
    if (shared_.draws.count == 0) return out;
    each_block([&](int64_t first, int64_t count) {
      out.add(panel_.read(first, count), reader_.read_array("coefficient", first, count),
              reader_.read_array("media_scale", first, count), reader_.read_array("target_scale", first, count));
    });
    out.finish();
    return out;
  }

  /// Of contributions whose draws are `effect_CTD`, which must outlive it.
  PeriodInterval interval_of(const std::vector<double>& effect_CTD) const {
    return [this, &effect_CTD, total_C = channels().contribution_intervals()](std::size_t channel, int64_t first,
                                                                              int64_t count, double value) {
      return draws().interval(effect_CTD, channel, first, count, level_, value, total_C[channel],
                              channels().contribution(channel));
    };
  }
  PeriodInterval interval_of_all() const { return interval_of(draws().all_regions()); }

  /// Calls visit(region, number, interval) for one chosen region after the other: `results` and `region` have its
  /// cells, `number` is its place in the panel.
  template <class Visit>
  void each_chosen_region(const Visit& visit) const {
    each_chosen_block([&](int64_t first, int64_t count) {
      Panel panel = panel_.read(first, count);
      panel.media_RTC = media_with_missing_rows_filled(panel);
      const ResultBlock results = reader_.read(first, count);
      for (int64_t region = 0; region < count; ++region) {
        const std::vector<double> effect_CTD =
            draws().of_region(panel, results.coefficient_RTC, results.media_scale_RC, region, first + region);
        visit(results, static_cast<std::size_t>(region), static_cast<std::size_t>(first + region),
              interval_of(effect_CTD));
      }
    });
  }

  void region_channels(CsvWriter& csv) const {
    const auto weeks = static_cast<int64_t>(weeks_.size());
    each_chosen_region([&](const ResultBlock&, std::size_t, std::size_t number, const PeriodInterval& interval) {
      channels().write_region(csv, number, [&](std::size_t channel, double contribution) {
        return interval(channel, 0, weeks, contribution);
      });
    });
  }

  void contributions_by_period(CsvWriter& csv) const {
    each_chosen_region([&](const ResultBlock& results, std::size_t region, std::size_t number,
                           const PeriodInterval& interval) {
      const ComponentsOf values(results, static_cast<int64_t>(controls_.size()), static_cast<int64_t>(media_.size()));
      write_periods_of_region(csv, values, region, weeks_.size(), regions_[number], periods_, components_, interval);
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
    const auto weeks = static_cast<int64_t>(weeks_.size());
    Overview out{PeriodSums(weeks, controls, channels), PeriodReturns(shared_, channels, weeks),
                 ResidualTables(shared_.origin), DataQuality(panel_.coordinates(), shared_.origin)};
    each_block([&](int64_t first, int64_t count) {
      const Panel block = money_.priced(panel_.read(first, count));
      const ResultBlock results = reader_.read(first, count);
      out.sums.add(block, results);
      out.returns.add(block, results);
      out.residuals.add(block, results);
      out.quality.add(block);
    });
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
  TableSink sink_;
  SharedResults shared_;
  double level_;  // of the intervals
  Money money_;
  int64_t block_ = 1;
  std::vector<std::string> regions_, weeks_, channels_, media_, controls_, components_;  // quoted where needed
  std::vector<Period> periods_, steps_and_periods_;
  std::vector<int64_t> chosen_;  // places of the regions that tables by region hold
  mutable std::optional<ChannelTables> channels_read_;
  mutable std::optional<Overview> overview_read_;
  mutable std::optional<DrawContributions> draws_read_;
};

}  // namespace

void write_tables(const fs::path& results, const PanelFile& panel, const ExportOptions& options,
                  const std::optional<std::vector<int64_t>>& regions, const TableSink& sink) {
  Tables tables(results, panel, options);
  if (regions) tables.choose(*regions);
  tables.write(sink);
}

}  // namespace dcmmm
