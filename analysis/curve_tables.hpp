// The exported tables of response curves: response_curves.csv, saturation.csv and region_curves.csv.
// Shapes: C channels, D draws.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/csv_writer.hpp"
#include "analysis/curve_intervals.hpp"
#include "analysis/fitted_hill.hpp"
#include "analysis/response_curves.hpp"
#include "analysis/results.hpp"

namespace dcmmm {

/// Points of a region's curve. They lie closer where spend is small, since curves bend there.
inline constexpr int64_t kRegionCurvePoints = 16;

/// Writes rows (docs/file-formats.md: "Exported CSV files"). Names are fields as they are written; what is passed by
/// reference must outlive the object.
class CurveTables {
 public:
  CurveTables(const SharedResults& shared, const std::vector<std::string>& channels, const ResponseCurves& curves,
              const CurveIntervals& intervals, double revenue)
      : shared_(shared), channels_(channels), curves_(curves), intervals_(intervals), revenue_(revenue) {}

  void write_curves(CsvWriter& csv) const;      // response_curves.csv
  void write_saturation(CsvWriter& csv) const;  // saturation.csv
  /// Rows of region_curves.csv of one region (its place in the panel), up to 1.5 times its largest week; none for a
  /// channel that it hasn't. Numbers have six digits. Draw d has `factor_CD` times the region's coefficient.
  void write_region(CsvWriter& csv, std::size_t region, const std::string& name,
                    std::span<const double> factor_CD) const;

 private:
  FittedHill fitted_curve(std::size_t channel) const;  // through the points of the exported curve
  void identified(CsvWriter& csv, std::size_t channel) const;

  const SharedResults& shared_;
  const std::vector<std::string>& channels_;
  const ResponseCurves& curves_;
  const CurveIntervals& intervals_;
  double revenue_;
};

}  // namespace dcmmm
