// Shapes: R regions of a block, T weeks, C channels, K controls, D draws.
#include "analysis/run_tables.hpp"

#include <optional>
#include <vector>

#include "analysis/cell_tables.hpp"
#include "analysis/channel_tables.hpp"
#include "analysis/curve_tables.hpp"
#include "analysis/data_quality.hpp"
#include "analysis/draw_contributions.hpp"
#include "analysis/period_returns.hpp"
#include "analysis/period_sums.hpp"
#include "analysis/periods.hpp"
#include "analysis/residual_tables.hpp"
#include "analysis/table_source.hpp"
#include "common/text.hpp"
#include "model/missing_media.hpp"
#include "trainer/naive.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

int64_t count_of(const std::vector<std::string>& names) { return static_cast<int64_t>(names.size()); }

class Tables {
 public:
  Tables(const fs::path& results, const PanelFile& panel, const ExportOptions& options)
      : source_(results, panel, options.block_regions), level_(options.interval), money_(options.money) {
    periods_ = periods_of(source_.reader.coordinates().weeks, panel.coordinates().step);
    std::string step = steps_name(panel.coordinates().step);
    step.pop_back();  // "week", not "weeks"
    for (std::size_t week = 0; week < source_.weeks.size(); ++week)
      steps_and_periods_.push_back({step, source_.weeks[week], static_cast<int64_t>(week), 1});
    steps_and_periods_.insert(steps_and_periods_.end(), periods_.begin(), periods_.end());
  }

  void write(const std::optional<ChosenTables>& chosen, const TableSink& sink) {
    chosen_ = chosen;
    sink_ = sink;
    file("prediction.csv", "region,week,split,actual,predicted,lower,upper",
         [&](CsvWriter& csv) { write_prediction(csv, source_, level_); });
    file("contributions.csv", "region,week,component,value",
         [&](CsvWriter& csv) { write_contributions(csv, source_); });
    file("coefficients.csv", "region,week,channel,value", [&](CsvWriter& csv) { write_coefficients(csv, source_); });
    file("regions.csv", "region,scale,baseline_level,r2,rmse,relative_error,observed_weeks,actual",
         [&](CsvWriter& csv) { write_regions(csv, source_); });
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
         "channel,spend,response,lower,upper,marginal,identified,extrapolated,marginal_lower,marginal_upper,"
         "marginal_roi,marginal_roi_lower,marginal_roi_upper",
         [&](CsvWriter& csv) { curves(csv, &CurveTables::write_curves); });
    file("saturation.csv",
         "channel,exponent,half_saturation,saturation_spend,identified,spend,response,marginal,half_saturation_spend,"
         "height,headroom,fitted_height,fitted_half_saturation,fitted_exponent,fitted_error,headroom_lower,"
         "headroom_upper",
         [&](CsvWriter& csv) { curves(csv, &CurveTables::write_saturation); });
    file("region_curves.csv",
         "region,channel,spend,response,lower,upper,marginal,marginal_lower,marginal_upper,extrapolated,identified,"
         "marginal_roi,marginal_roi_lower,marginal_roi_upper",
         &Tables::region_curves);
    file("region_channels.csv",
         "region,channel,spend,contribution,weekly_spend,response,marginal,height,half_saturation_spend,exponent,"
         "identified,contribution_lower,contribution_upper,roi,roi_lower,roi_upper,marginal_roi,marginal_roi_lower,"
         "marginal_roi_upper,saturation_spend,headroom,largest_spend",
         &Tables::region_channels);
    file("contributions_by_period.csv", "region,kind,period,component,value,lower,upper",
         &Tables::contributions_by_period);
    const std::string returns =
        "kind,period,channel,spend,contribution,lower,upper,roi,roi_lower,roi_upper,marginal_roi,identified,"
        "marginal_roi_lower,marginal_roi_upper";
    file("roi_by_period.csv", returns, &Tables::roi_by_period);
    file("region_roi_by_period.csv", "region," + returns, &Tables::region_roi_by_period);
    file("holdout.csv", text("region,week,actual,predicted,", join({kNaiveNames.begin(), kNaiveNames.end()}, ",")),
         [&](CsvWriter& csv) { write_holdout(csv, source_); });
    file("totals.csv", "week,split,observed_regions,actual,predicted,predicted_all",
         [&](CsvWriter& csv) { overview().sums.write_totals(csv, source_.weeks); });
    file("contributions_total.csv", "kind,period,component,value,lower,upper", [&](CsvWriter& csv) {
      overview().sums.write_contributions(csv, steps_and_periods_, source_.components,
                                          interval_of(draws().all_regions().effect_CTD));
    });
    file("coefficients_mean.csv", "week,channel,value",
         [&](CsvWriter& csv) { overview().sums.write_coefficients(csv, source_.weeks, source_.channels); });
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

  void file(const std::string& name, const std::string& header, const TableRows& rows) {
    if (chosen_) {
      const auto found = chosen_->find(name);
      if (found == chosen_->end()) return;
      source_.chosen = found->second;
    }
    sink_(name, header, [&](CsvWriter& csv) {
      csv.raw(header);
      csv.end_row();
      rows(csv);
      csv.finish();
    });
  }
  void file(const std::string& name, const std::string& header, void (Tables::*rows)(CsvWriter&) const) {
    file(name, header, [&](CsvWriter& csv) { (this->*rows)(csv); });
  }

  ChannelTables read_channels() const {
    const ResultsReader& reader = source_.reader;
    ChannelTables out(source_.shared, source_.regions, source_.channels, level_, revenue());
    source_.each_block([&](int64_t first, int64_t count) {
      out.add(money_.priced(source_.panel.read(first, count)), reader.read_array("media_contribution", first, count),
              reader.read_array("coefficient", first, count), reader.read_array("predicted", first, count),
              reader.read_array("media_scale", first, count));
    });
    return out;
  }

  DrawContributions read_draws() const {
    const ResultsReader& reader = source_.reader;
    DrawContributions out(source_.shared, count_of(source_.channels), count_of(source_.weeks));
    if (source_.shared.draws.count == 0) return out;
    source_.each_block([&](int64_t first, int64_t count) {
      out.add(source_.panel.read(first, count), reader.read_array("coefficient", first, count),
              reader.read_array("media_scale", first, count), reader.read_array("target_scale", first, count));
    });
    out.finish();
    return out;
  }

  /// Of sums whose draws are `value_CTD`, which must outlive it.
  PeriodInterval interval_of(const std::vector<double>& value_CTD) const {
    return [this, &value_CTD, total_C = channels().contribution_intervals()](std::size_t channel, int64_t first,
                                                                             int64_t count, double value) {
      return draws().interval(value_CTD, channel, first, count, level_, value, total_C[channel],
                              channels().contribution(channel));
    };
  }

  /// A region in its block, and its place in the panel.
  struct Region {
    const Panel& panel;
    const ResultBlock& results;
    const std::vector<uint8_t>& counted_RT;  // of the block
    std::size_t in_block, number;
    DrawContributions::Cells cells;
  };

  /// Calls visit(region) for one chosen region after the other.
  template <class Visit>
  void each_chosen_region(const Visit& visit) const {
    source_.each_chosen_block([&](int64_t first, int64_t count) {
      const Panel panel = money_.priced(source_.panel.read(first, count));
      const ResultBlock results = source_.reader.read(first, count);
      const std::vector<uint8_t> counted_RT = cells_with_rows(panel, 0, count);
      for (int64_t region = 0; region < count; ++region)
        visit(Region{
            panel, results, counted_RT, static_cast<std::size_t>(region), static_cast<std::size_t>(first + region),
            draws().of_region(panel, results.coefficient_RTC, results.media_scale_RC, region, first + region)});
    });
  }

  void region_channels(CsvWriter& csv) const {
    const CurveIntervals curves = channels().curve_intervals();
    each_chosen_region([&](const Region& region) {
      const PeriodInterval interval = interval_of(region.cells.effect_CTD);
      channels().write_region(csv, region.number, curves, draws().region_factors(static_cast<int64_t>(region.number)),
                              [&](std::size_t channel, double contribution) {
                                return interval(channel, 0, count_of(source_.weeks), contribution);
                              });
    });
  }

  void curves(CsvWriter& csv, void (CurveTables::*rows)(CsvWriter&) const) const {
    const CurveIntervals intervals = channels().curve_intervals();
    (CurveTables(source_.shared, source_.channels, channels().curves(), intervals, revenue()).*rows)(csv);
  }

  void region_curves(CsvWriter& csv) const {
    const CurveIntervals intervals = channels().curve_intervals();
    const CurveTables tables(source_.shared, source_.channels, channels().curves(), intervals, revenue());
    for (const int64_t region : source_.chosen)
      tables.write_region(csv, static_cast<std::size_t>(region), source_.regions[static_cast<std::size_t>(region)],
                          draws().region_factors(region));
  }

  void contributions_by_period(CsvWriter& csv) const {
    each_chosen_region([&](const Region& region) {
      const ComponentsOf values(region.results, count_of(source_.controls), count_of(source_.media));
      write_periods_of_region(csv, values, region.counted_RT, region.in_block, source_.weeks.size(),
                              source_.regions[region.number], periods_, source_.components,
                              interval_of(region.cells.effect_CTD));
    });
  }

  void roi_by_period(CsvWriter& csv) const {
    const DrawContributions::Cells& cells = draws().all_regions();
    overview().returns.write(csv, "", steps_and_periods_, source_.channels, revenue(), interval_of(cells.effect_CTD),
                             interval_of(cells.slope_CTD));
  }

  void region_roi_by_period(CsvWriter& csv) const {
    each_chosen_region([&](const Region& region) {
      PeriodReturns returns(source_.shared, count_of(source_.channels), count_of(source_.weeks));
      returns.add_region(region.panel, region.results, region.in_block);
      returns.write(csv, source_.regions[region.number], periods_, source_.channels, revenue(),
                    interval_of(region.cells.effect_CTD), interval_of(region.cells.slope_CTD));
    });
  }

  Overview read_overview() const {
    const int64_t channels = count_of(source_.channels), weeks = count_of(source_.weeks);
    Overview out{PeriodSums(weeks, source_.shared.origin, count_of(source_.controls), channels),
                 PeriodReturns(source_.shared, channels, weeks), ResidualTables(source_.shared.origin),
                 DataQuality(source_.panel.coordinates(), source_.shared.origin)};
    source_.each_block([&](int64_t first, int64_t count) {
      const Panel block = money_.priced(source_.panel.read(first, count));
      const ResultBlock results = source_.reader.read(first, count);
      out.sums.add(block, results);
      out.returns.add(block, results);
      out.residuals.add(block, results);
      out.quality.add(block);
    });
    return out;
  }

  TableSource source_;
  std::optional<ChosenTables> chosen_;
  TableSink sink_;
  double level_;  // of the intervals
  Money money_;
  std::vector<Period> periods_, steps_and_periods_;
  mutable std::optional<ChannelTables> channels_read_;
  mutable std::optional<Overview> overview_read_;
  mutable std::optional<DrawContributions> draws_read_;
};

}  // namespace

void write_tables(const fs::path& results, const PanelFile& panel, const ExportOptions& options,
                  const std::optional<ChosenTables>& chosen, const TableSink& sink) {
  Tables(results, panel, options).write(chosen, sink);
}

}  // namespace dcmmm
