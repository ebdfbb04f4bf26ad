#include "analysis/crossval_report.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "analysis/figures_text.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;
using Origins = std::vector<OriginForecasts>;

int64_t regions_of(const OriginForecasts& origin) {
  return static_cast<int64_t>(origin.actual_RN.size()) / origin.weeks;
}

/// Calls visit(origin, n) for every forecast week of the selection.
template <class Visit>
void each_week(const Origins& origins, const CellSelection& cells, const Visit& visit) {
  for (std::size_t place = 0; place < origins.size(); ++place) {
    if (cells.origin && *cells.origin != place) continue;
    if (cells.first_origins && place >= *cells.first_origins) break;
    const OriginForecasts& origin = origins[place];
    for (int64_t n = 0; n < origin.weeks; ++n) {
      if (cells.horizon && *cells.horizon != origin.first_week + n - origin.origin + 1) continue;
      visit(origin, n);
    }
  }
}

/// Every method's figures on a selection, and its skill against the best naive forecast there.
struct Standing {
  std::vector<Figures> figures_M;
  double best_naive_rmse = std::numeric_limits<double>::quiet_NaN();
  std::size_t best_naive = 0;  // place among the methods
  double skill(std::size_t method) const {
    return figures_M[method].rmse > 0 ? best_naive_rmse / figures_M[method].rmse
                                      : std::numeric_limits<double>::quiet_NaN();
  }
};

Standing standing(const Origins& origins, const CellSelection& cells) {
  Standing out;
  const std::size_t methods = origins.front().predicted_MRN.size();
  for (std::size_t method = 0; method < methods; ++method) {
    out.figures_M.push_back(crossval_figures(origins, method, cells));
    const double rmse = out.figures_M.back().rmse;
    if (method + kNaiveKinds >= methods && !(rmse >= out.best_naive_rmse)) {
      out.best_naive_rmse = rmse;
      out.best_naive = method;
    }
  }
  return out;
}

std::vector<std::string> method_names(const CrossvalFacts& facts) {
  std::vector<std::string> names = {facts.model};
  names.insert(names.end(), facts.beside.begin(), facts.beside.end());
  for (const char* name : kNaiveNames) names.push_back(text("naive ", name));
  return names;
}

std::vector<int64_t> horizons_of(const Origins& origins) {
  std::set<int64_t> horizons;
  each_week(origins, {}, [&](const OriginForecasts& origin, int64_t n) {
    horizons.insert(origin.first_week + n - origin.origin + 1);
  });
  return {horizons.begin(), horizons.end()};
}

Json selection_json(const Origins& origins, const CrossvalFacts& facts, const CellSelection& cells) {
  const Standing all = standing(origins, cells);
  const auto method = [&](std::size_t place) {
    Json figures = figures_json(all.figures_M[place]);
    figures["skill"] = number_or_null(all.skill(place));
    return figures;
  };
  Json out = {{"model", method(0)}};
  const Coverage coverage = crossval_coverage(origins, cells);
  out["model"]["coverage"] = number_or_null(coverage.of_cells());
  out["model"]["coverage_totals"] = number_or_null(coverage.of_totals());
  out["model"]["totals"] = coverage.totals;
  Json beside = Json::object(), naive = Json::object();
  for (std::size_t i = 0; i < facts.beside.size(); ++i) beside[facts.beside[i]] = method(1 + i);
  for (std::size_t i = 0; i < kNaiveKinds; ++i) naive[kNaiveNames[i]] = method(1 + facts.beside.size() + i);
  out["beside"] = beside;
  out["naive"] = naive;
  return out;
}

/// RMSE of every method and the model's coverage, a row for each selection.
std::string rmse_table(const Origins& origins, const CrossvalFacts& facts, const std::string& what,
                       const std::vector<std::pair<std::string, CellSelection>>& selections) {
  std::vector<std::vector<std::string>> rows = {{what}};
  for (const std::string& name : method_names(facts))
    rows[0].push_back(name.rfind("naive ", 0) == 0 ? name.substr(6) : name);
  rows[0].insert(rows[0].end(), {"skill", "cells covered", "totals covered"});
  for (const auto& [name, cells] : selections) {
    const Standing all = standing(origins, cells);
    rows.push_back({name});
    for (const Figures& figures : all.figures_M) rows.back().push_back(grouped(figures.rmse));
    const Coverage coverage = crossval_coverage(origins, cells);
    rows.back().insert(rows.back().end(), {fixed(all.skill(0), 3), percent(coverage.of_cells()),
                                           text(coverage.covered_totals, " of ", coverage.totals)});
  }
  return aligned(rows);
}

}  // namespace

double Coverage::of_cells() const { return static_cast<double>(covered_cells) / static_cast<double>(cells); }

double Coverage::of_totals() const { return static_cast<double>(covered_totals) / static_cast<double>(totals); }

Figures crossval_figures(const Origins& origins, std::size_t method, const CellSelection& cells) {
  const int64_t regions = regions_of(origins.front());
  std::vector<RegionSums> sums;
  std::vector<double> actual, predicted;
  std::vector<uint8_t> counted;
  for (int64_t region = 0; region < regions; ++region) {
    actual.clear();
    predicted.clear();
    counted.clear();
    each_week(origins, cells, [&](const OriginForecasts& origin, int64_t n) {
      const auto cell = static_cast<std::size_t>(region * origin.weeks + n);
      actual.push_back(origin.actual_RN[cell]);
      predicted.push_back(origin.predicted_MRN[method][cell]);
      counted.push_back(origin.counted_RN[cell]);
    });
    sums.push_back(region_sums(region, actual, predicted, counted));
  }
  return figures_of(sums);
}

Coverage crossval_coverage(const Origins& origins, const CellSelection& cells) {
  Coverage out;
  each_week(origins, cells, [&](const OriginForecasts& origin, int64_t n) {
    for (int64_t region = 0; region < regions_of(origin); ++region) {
      const auto cell = static_cast<std::size_t>(region * origin.weeks + n);
      if (!origin.counted_RN[cell]) continue;
      const double actual = origin.actual_RN[cell];
      if (!std::isfinite(origin.lower_RN[cell])) continue;
      out.cells += 1;
      out.covered_cells += actual >= origin.lower_RN[cell] && actual <= origin.upper_RN[cell] ? 1 : 0;
    }
    const auto week = static_cast<std::size_t>(n);
    if (!std::isfinite(origin.total_lower_N[week])) return;
    const double total = origin.total_actual_N[week];
    out.totals += 1;
    out.covered_totals += total >= origin.total_lower_N[week] && total <= origin.total_upper_N[week] ? 1 : 0;
  });
  return out;
}

void write_crossval_csv(CsvWriter& csv, const Origins& origins, const std::vector<std::string>& regions,
                        const std::vector<std::string>& weeks) {
  csv.raw("origin,horizon,region,week,actual,predicted,lower,upper");
  csv.end_row();
  for (const OriginForecasts& origin : origins) {
    for (std::size_t cell = 0; cell < origin.actual_RN.size(); ++cell) {
      const int64_t week = origin.first_week + static_cast<int64_t>(cell) % origin.weeks;
      csv.raw(std::to_string(origin.origin));
      csv.raw(std::to_string(week - origin.origin + 1));
      csv.text(regions[cell / static_cast<std::size_t>(origin.weeks)]);
      csv.text(weeks[static_cast<std::size_t>(week)]);
      for (const double value :
           {origin.actual_RN[cell], origin.predicted_MRN[0][cell], origin.lower_RN[cell], origin.upper_RN[cell]})
        csv.number(value);
      csv.end_row();
    }
  }
}

std::string crossval_json(const Origins& origins, const CrossvalFacts& facts) {
  Json out = {{"model", facts.model}, {"beside", facts.beside}, {"origins", Json::array()}};
  for (const OriginForecasts& origin : origins) out["origins"].push_back(origin.origin);
  out["horizon"] = facts.horizon;
  out["gap"] = facts.gap;
  out["window"] = facts.window ? Json(*facts.window) : Json(nullptr);
  out["interval"] = facts.interval;
  out["pooled"] = selection_json(origins, facts, {});
  for (std::size_t place = 0; place < origins.size(); ++place)
    out["by_origin"][std::to_string(origins[place].origin)] = selection_json(origins, facts, {place, {}});
  for (std::size_t count = 1; count <= origins.size(); ++count)
    out["first_origins"][std::to_string(count)] = selection_json(origins, facts, {{}, {}, count})["model"];
  for (const int64_t horizon : horizons_of(origins))
    out["by_horizon"][std::to_string(horizon)] = selection_json(origins, facts, {{}, horizon});
  out["seconds"] = number_or_null(facts.seconds);
  out["ranks"] = facts.ranks;
  out["version"] = facts.version;
  return out.dump(2) + "\n";
}

std::string crossval_table(const Origins& origins, const CrossvalFacts& facts) {
  const Standing all = standing(origins, {});
  const std::vector<std::string> names = method_names(facts);
  std::vector<std::vector<std::string>> rows = {
      {"", "cells", "R2", "RMSE", "relative error", "WAPE", "median region R2", "median region error", "skill"}};
  for (std::size_t method = 0; method < names.size(); ++method) {
    const Figures& figures = all.figures_M[method];
    const bool is_naive = method + kNaiveKinds >= names.size();
    rows.push_back({names[method] + (is_naive && method == all.best_naive ? " (best)" : ""),
                    grouped(static_cast<double>(figures.cells)), fixed(figures.r2, 4), grouped(figures.rmse),
                    percent(figures.relative_error), percent(figures.wape), fixed(figures.median_region_r2, 3),
                    percent(figures.median_region_relative_error), fixed(all.skill(method), 3)});
  }
  const Coverage coverage = crossval_coverage(origins, {});
  std::string out = aligned(rows);
  if (coverage.cells > 0)
    out += text("The ", shortest(100 * facts.interval), " % intervals cover ", percent(coverage.of_cells()),
                " of the cells and ", coverage.covered_totals, " of ", coverage.totals, " weekly totals.\n");
  std::vector<std::pair<std::string, CellSelection>> by_origin, by_horizon;
  for (std::size_t place = 0; place < origins.size(); ++place)
    by_origin.push_back({std::to_string(origins[place].origin), {place, {}}});
  for (const int64_t horizon : horizons_of(origins)) by_horizon.push_back({std::to_string(horizon), {{}, horizon}});
  return out + "\nRMSE by origin\n" + rmse_table(origins, facts, "origin", by_origin) + "\nRMSE by horizon\n" +
         rmse_table(origins, facts, "horizon", by_horizon);
}

}  // namespace dcmmm
