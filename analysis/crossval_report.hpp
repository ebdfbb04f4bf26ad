// What a rolling-origin evaluation found: crossval.csv, crossval.json and the table for people.
// Shapes: R regions of the panel, N forecast weeks of an origin, M methods.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/csv_writer.hpp"
#include "trainer/evaluation.hpp"

namespace dcmmm {

/// The forecasts of one origin for all regions, in the panel's order; targets in KPI units.
struct OriginForecasts {
  int64_t origin = 0;                              // weeks [0, origin) were there to train on
  int64_t first_week = 0, weeks = 0;               // the panel's weeks [first_week, first_week + weeks) are forecast
  std::vector<double> actual_RN;                   // NaN where not observed
  std::vector<uint8_t> counted_RN;                 // observed, in a region with a usable history
  std::vector<std::vector<double>> predicted_MRN;  // the model, the fits beside it, then kNaiveNames
  std::vector<double> lower_RN, upper_RN;          // the model's; NaN where there is none
  // Sums over a week's counted cells; NaN where none is counted.
  std::vector<double> total_actual_N, total_predicted_N, total_lower_N, total_upper_N;
};

struct CrossvalFacts {
  std::string model;                // name of the bundle
  std::vector<std::string> beside;  // names of the bundles fitted beside it
  int64_t horizon = 0, gap = 0;
  std::optional<int64_t> window;
  double interval = 0.9;  // level of the intervals
  int ranks = 1;
  double seconds = 0;
  std::string version;
};

/// A selection of cells: of one origin (a place in the list), of one horizon (week - origin + 1), or all.
struct CellSelection {
  std::optional<std::size_t> origin = std::nullopt;
  std::optional<int64_t> horizon = std::nullopt;
  std::optional<std::size_t> first_origins = std::nullopt;  // so many alone
};

/// How one method does on a selection of cells, pooled over regions and weeks; per-region figures over the region's
/// cells in the selection.
Figures crossval_figures(const std::vector<OriginForecasts>& origins, std::size_t method, const CellSelection& cells);

/// How many counted cells, and weekly totals of them, lie within their intervals.
struct Coverage {
  int64_t cells = 0, covered_cells = 0, totals = 0, covered_totals = 0;
  double of_cells() const;  // NaN without cells that have an interval
  double of_totals() const;
};
Coverage crossval_coverage(const std::vector<OriginForecasts>& origins, const CellSelection& cells);

/// Rows origin,horizon,region,week,actual,predicted,lower,upper, every region and forecast week of every origin.
void write_crossval_csv(CsvWriter& csv, const std::vector<OriginForecasts>& origins,
                        const std::vector<std::string>& regions, const std::vector<std::string>& weeks);

/// For each selection (pooled, by_origin, by_horizon) every method's figures with `skill` (best naive RMSE on these
/// cells / RMSE), and the coverage. Indented.
std::string crossval_json(const std::vector<OriginForecasts>& origins, const CrossvalFacts& facts);

/// Lines end with "\n"; RMSE in the target's units.
std::string crossval_table(const std::vector<OriginForecasts>& origins, const CrossvalFacts& facts);

}  // namespace dcmmm
