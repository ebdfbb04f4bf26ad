// The files that an export writes, and what stands in them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analysis/export.hpp"
#include "common/files.hpp"
#include "tests/analysis/small_run.hpp"

namespace dcmmm {

using Table = std::vector<std::vector<std::string>>;

inline const std::map<std::string, std::string> kHeaders = {
    {"prediction.csv", "region,week,split,actual,predicted,lower,upper"},
    {"contributions.csv", "region,week,component,value"},
    {"channel_summary.csv",
     "channel,spend,contribution,contribution_lower,contribution_upper,share,roi,roi_lower,roi_upper,marginal_roi,"
     "direct,indirect,identified,total,indirect_lower,indirect_upper,total_lower,total_upper,marginal_roi_lower,"
     "marginal_roi_upper"},
    {"coefficients.csv", "region,week,channel,value"},
    {"adstock.csv", "channel,decay,lower,upper,half_life_weeks,peak_week,identified"},
    {"response_curves.csv",
     "channel,spend,response,lower,upper,marginal,identified,extrapolated,marginal_lower,marginal_upper,marginal_roi,"
     "marginal_roi_lower,marginal_roi_upper"},
    {"saturation.csv",
     "channel,exponent,half_saturation,saturation_spend,identified,spend,response,marginal,half_saturation_spend,"
     "height,headroom,fitted_height,fitted_half_saturation,fitted_exponent,fitted_error,headroom_lower,headroom_upper"},
    {"region_curves.csv",
     "region,channel,spend,response,lower,upper,marginal,marginal_lower,marginal_upper,extrapolated,identified,"
     "marginal_roi,marginal_roi_lower,marginal_roi_upper"},
    {"region_channels.csv",
     "region,channel,spend,contribution,weekly_spend,response,marginal,height,half_saturation_spend,exponent,"
     "identified,contribution_lower,contribution_upper,roi,roi_lower,roi_upper,marginal_roi,marginal_roi_lower,"
     "marginal_roi_upper,saturation_spend,headroom,largest_spend"},
    {"roi_by_period.csv",
     "kind,period,channel,spend,contribution,lower,upper,roi,roi_lower,roi_upper,marginal_roi,identified,"
     "marginal_roi_lower,marginal_roi_upper"},
    {"region_roi_by_period.csv",
     "region,kind,period,channel,spend,contribution,lower,upper,roi,roi_lower,roi_upper,marginal_roi,identified,"
     "marginal_roi_lower,marginal_roi_upper"},
    {"contributions_by_period.csv", "region,kind,period,component,value,lower,upper"},
    {"contributions_total.csv", "kind,period,component,value,lower,upper"},
    {"holdout.csv", "region,week,actual,predicted,train_mean,last_4,last_8,last_13,seasonal,last"},
    {"totals.csv", "week,split,observed_regions,actual,predicted,predicted_all"},
    {"coefficients_mean.csv", "week,channel,value"},
    {"residual_distribution.csv", "from,to,train,holdout,normal"},
    {"residual_autocorrelation.csv", "lag,autocorrelation,pairs"},
    {"data_quality.csv", "column,kind,cells,missing,zeros,minimum,mean,maximum,outside"},
    {"correlations.csv", "channel,other,correlation"},
    {"dag.csv", "source,target,lag,weight,lower,upper,confidence,directed,direction_from"},
    {"dag_groups.csv", "group,source,target,lag,weight,shared_weight,confidence"},
    {"regions.csv", "region,scale,baseline_level,r2,rmse,relative_error,observed_weeks,actual"}};

/// Parses RFC 4180 letter by letter; the header line is left out.
inline Table read_csv(const std::filesystem::path& path) {
  Table rows(1, {""});
  bool quoted = false;
  const std::string content = read_text_file(path);
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char letter = content[i];
    if (quoted) {
      if (letter != '"') {
        rows.back().back() += letter;
      } else if (i + 1 < content.size() && content[i + 1] == '"') {
        rows.back().back() += content[++i];
      } else {
        quoted = false;
      }
    } else if (letter == '"') {
      quoted = true;
    } else if (letter == ',') {
      rows.back().emplace_back();
    } else if (letter == '\n') {
      rows.push_back({""});
    } else {
      rows.back().back() += letter;
    }
  }
  rows.pop_back();
  rows.erase(rows.begin());
  return rows;
}

inline std::map<std::string, std::string> export_all(const TestFolder& folder, const std::string& output = "csv",
                                                     const ExportOptions& options = {}) {
  export_results(folder / "results.h5", PanelFile(folder / "panel.h5"), folder / output, options);
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder / output)) {
    files[entry.path().filename().string()] = read_text_file(entry.path());
  }
  return files;
}

}  // namespace dcmmm
