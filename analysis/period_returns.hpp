// What channels cost and brought in every period: roi_by_period.csv and region_roi_by_period.csv.
// Shapes: R regions of a block, T weeks, C channels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/csv_writer.hpp"
#include "analysis/period_sums.hpp"
#include "analysis/periods.hpp"
#include "analysis/results.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// Collects regions of a run.
class PeriodReturns {
 public:
  PeriodReturns(const SharedResults& shared, int64_t channels, int64_t weeks);

  /// REQUIRES: `results` belong to the panel's regions; blocks come in the panel's order.
  void add(const Panel& panel, const ResultBlock& results);
  /// One region of a block.
  void add_region(const Panel& panel, const ResultBlock& results, std::size_t region);

  /// Rows kind,period,channel,spend,contribution,lower,upper,roi,roi_lower,roi_upper,marginal_roi,identified,
  /// marginal_roi_lower,marginal_roi_upper, each begun with `region` where it isn't empty. Spend is in input units; a
  /// return is the contribution times `revenue` over the period's spend, empty without spend. The marginal one is what
  /// one more unit of spend would bring, spread as the period's was: the curve's slope at each week's carried media,
  /// later weeks' effects included as if each week were like its neighbours. `slope_interval` is that of
  /// d contribution / d log(media).
  void write(CsvWriter& csv, const std::string& region, const std::vector<Period>& periods,
             const std::vector<std::string>& channels, double revenue, const PeriodInterval& interval,
             const PeriodInterval& slope_interval) const;

 private:
  const SharedResults& shared_;
  std::size_t channels_, weeks_;
  std::vector<double> spend_TC_, contribution_TC_, slope_TC_;
};

}  // namespace dcmmm
