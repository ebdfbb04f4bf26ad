#include "report/report.hpp"

#include <algorithm>
#include <numeric>

#include "analysis/curve_tables.hpp"
#include "analysis/export.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "report/crossval_check.hpp"
#include "report/plan_by_week.hpp"
#include "report/summary.hpp"
#include "report/table_json.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

// About all regions together, so that their size doesn't grow with the panel; regions.csv has a short row for each.
const std::vector<std::string> kTablesOfAll = {"channel_summary.csv",
                                               "adstock.csv",
                                               "response_curves.csv",
                                               "saturation.csv",
                                               "dag.csv",
                                               "dag_groups.csv",
                                               "regions.csv",
                                               "totals.csv",
                                               "contributions_total.csv",
                                               "roi_by_period.csv",
                                               "coefficients_mean.csv",
                                               "data_quality.csv",
                                               "correlations.csv",
                                               "residual_distribution.csv",
                                               "residual_autocorrelation.csv"};
const std::vector<std::string> kTablesOfDetail = {"prediction.csv", "holdout.csv", "region_channels.csv"};
const std::vector<std::string> kTablesOfComponents = {"contributions.csv", "contributions_by_period.csv"};

Json json_file(const fs::path& path) {
  if (!fs::exists(path)) return nullptr;
  Json out = Json::parse(read_text_file(path), nullptr, /*allow_exceptions=*/false);
  if (out.is_discarded())
    throw DamagedFileError(text("'", path.string(), "' isn't JSON: the file is damaged. Restore it from a copy."));
  return out;
}

// The tables of `dcmmm plan`.
Json plan_of(const fs::path& folder) {
  if (folder.empty() || !fs::exists(folder / "plan.json")) return nullptr;
  Json tables = Json::object();
  for (const char* name : {"channels.csv", "scenarios.csv", "scenario_channels.csv"}) {
    const fs::path file = folder / name;
    if (fs::exists(file)) tables[name] = table_json(read_text_file(file));
  }
  const fs::path variables = folder / "plan.csv";
  return {{"facts", json_file(folder / "plan.json")},
          {"tables", tables},
          {"by_week", fs::exists(variables) ? plan_by_week(variables) : Json(nullptr)}};
}

Json names_of(const std::vector<std::string>& names, const std::vector<int64_t>& places) {
  Json out = Json::array();
  for (const int64_t place : places) out.push_back(names[static_cast<std::size_t>(place)]);
  return out;
}

void drop_column(Json& table, const std::string& name) {
  Json& columns = table["columns"];
  columns.erase(std::find(columns.begin(), columns.end(), name));
  table["values"].erase(name);
}

// Of each region, over all weeks.
std::vector<double> target_sums(const PanelFile& panel) {
  constexpr int64_t kRegionsAtOnce = 256;
  const auto R = static_cast<int64_t>(panel.coordinates().regions.size());
  std::vector<double> sum_R;
  for (int64_t first = 0; first < R; first += kRegionsAtOnce) {
    const Panel block = panel.read(first, std::min(kRegionsAtOnce, R - first));
    for (int64_t r = 0; r < block.regions; ++r) {
      const auto from = block.target_RT.begin() + static_cast<std::ptrdiff_t>(r * block.weeks());
      sum_R.push_back(std::accumulate(from, from + static_cast<std::ptrdiff_t>(block.weeks()), 0.0));
    }
  }
  return sum_R;
}

}  // namespace

std::vector<int64_t> regions_in_detail(const std::vector<std::string>& names, const std::vector<double>& sum_R,
                                       int64_t count, const std::vector<std::string>& wanted) {
  std::vector<int64_t> chosen;
  for (const std::string& name : wanted) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      throw UserError(
          text("'report.regions' holds '", name, "', which isn't a region of the panel.", did_you_mean(name, names)));
    const int64_t place = found - names.begin();
    if (std::find(chosen.begin(), chosen.end(), place) == chosen.end()) chosen.push_back(place);
  }
  std::vector<int64_t> by_size(names.size());
  std::iota(by_size.begin(), by_size.end(), 0);
  std::stable_sort(by_size.begin(), by_size.end(), [&](int64_t a, int64_t b) {
    return sum_R[static_cast<std::size_t>(a)] > sum_R[static_cast<std::size_t>(b)];
  });
  for (const int64_t region : by_size) {
    if (static_cast<int64_t>(chosen.size()) >= count) break;
    if (std::find(chosen.begin(), chosen.end(), region) == chosen.end()) chosen.push_back(region);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

Json report_data(const PanelFile& panel, const ReportOptions& options) {
  if (!options.crossval.empty()) check_crossval(options.crossval, panel);
  const PanelCoordinates& names = panel.coordinates();
  const auto weeks = static_cast<int64_t>(names.weeks.size());
  const std::vector<double> sum_R = target_sums(panel);
  // Tables by region hold the largest regions, those of the curves some of the others'.
  const auto largest = [&](int64_t count) {
    return regions_in_detail(names.regions, sum_R, std::max<int64_t>(1, count), options.regions);
  };
  const auto curve_rows = static_cast<int64_t>(names.channels.size()) * kRegionCurvePoints;
  const std::vector<int64_t> detail = largest(options.detail_cells / weeks),
                             curves = largest(
                                 std::min(options.detail_cells / curve_rows, static_cast<int64_t>(detail.size()))),
                             components = largest(options.component_regions);

  ExportOptions tables;
  tables.interval = options.interval;
  tables.money = options.money;
  Json all = Json::object();
  ChosenTables chosen;
  for (const auto& name : kTablesOfAll) chosen[name];
  for (const auto& name : kTablesOfDetail) chosen[name] = detail;
  for (const auto& name : kTablesOfComponents) chosen[name] = components;
  chosen["region_curves.csv"] = curves;
  const auto csv_of = export_tables(options.run / "results.h5", panel, chosen, tables);
  for (const auto& [name, csv] : csv_of) all[name] = table_json(csv);
  // Marginal responses times the revenue, which the page knows.
  for (const char* column : {"marginal_roi", "marginal_roi_lower", "marginal_roi_upper"})
    drop_column(all["region_curves.csv"], column);
  if (fs::exists(options.run / "history.csv"))
    all["history.csv"] = table_json(read_text_file(options.run / "history.csv"));

  const Json metrics = json_file(options.run / "metrics.json");
  Json run = {{"folder", fs::weakly_canonical(options.run).filename().string()},
              {"version", options.version},
              {"source", names.source},
              {"target", names.target_column},
              {"step", steps_name(names.step)},
              {"regions", names.regions.size()},
              {"weeks", names.weeks},
              {"channels", names.channels},
              {"controls", names.controls},
              {"has_spend", options.money.has_spend(names)},
              {"revenue", options.money.revenue ? Json(*options.money.revenue) : Json(nullptr)},
              {"interval", options.interval},
              {"detail", names_of(names.regions, detail)},
              {"components", names_of(names.regions, components)},
              {"curves", names_of(names.regions, curves)}};
  Json out = {{"run", run},
              {"summary", Json::array()},
              {"metrics", metrics},
              {"crossval", options.crossval.empty() ? Json(nullptr) : json_file(options.crossval / "crossval.json")},
              {"plan", plan_of(options.plan)},
              {"tables", all}};
  out["summary"] = summary_of(out);
  return out;
}

}  // namespace dcmmm
