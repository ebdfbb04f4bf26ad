// What is left of the target: how it is spread, and whether weeks after one another are alike.
// Shapes: R regions of a block, T weeks.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "analysis/csv_writer.hpp"
#include "analysis/results.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// Residuals (actual - predicted) of observed cells, in units of their region's root mean square in training weeks
/// (ResultBlock::sample_scale_R). Regions without one don't count.
class ResidualTables {
 public:
  explicit ResidualTables(int64_t origin) : origin_(origin) {}

  void add(const Panel& panel, const ResultBlock& block);

  /// residual_distribution.csv: from,to,train,holdout,normal: shares of the cells between two sizes, and what a normal
  /// distribution would have there. The first and the last row are open.
  void write_distribution(CsvWriter& csv) const;

  /// residual_autocorrelation.csv: lag,autocorrelation,pairs: over pairs of observed training weeks of one region,
  /// pooled over regions.
  void write_autocorrelation(CsvWriter& csv) const;

 private:
  static constexpr std::size_t kBins = 42;  // a quarter wide, from -5 to 5, and two open ones
  static constexpr std::size_t kLags = 13;
  static double edge(std::size_t bin) { return -5.25 + 0.25 * static_cast<double>(bin); }

  int64_t origin_;
  std::array<int64_t, kBins> train_{}, holdout_{};
  std::array<double, kLags> products_{};
  std::array<int64_t, kLags> pairs_{};
  double squares_ = 0;
  int64_t cells_ = 0;
};

}  // namespace dcmmm
