// V_r^-1 of several regions side by side. Shapes: T training weeks, N lanes, q slope columns.
#pragma once

#include <Eigen/Core>
#include <span>
#include <vector>

#include "likelihood/region_sums.hpp"

namespace dcmmm {

/// RegionPrecision::apply for one column of each of up to eight regions. The recursion over weeks waits for its last
/// result, so regions side by side take hardly longer than one. A region's result doesn't depend on its neighbours.
class PrecisionLanes {
 public:
  static constexpr int64_t kLanes = 8;
  using Lanes = Eigen::Array<double, Eigen::Dynamic, kLanes, Eigen::RowMajor>;  // [T, N]

  /// At most kLanes, of equally many weeks and slope columns; lanes without a region give zeros.
  explicit PrecisionLanes(std::span<const RegionPrecision* const> regions);

  /// weighted_TN: V_r^-1 times the lane's column.
  void apply(const Lanes& column_TN, Lanes& weighted_TN) const;

 private:
  Lanes weight_TN_, lower_TN_, inverse_diagonal_TN_;
  Lanes level_TN_;               // what a week adds to the level, per unit
  std::vector<Lanes> slope_TN_;  // of each slope column: RegionPrecision's V0^-1 Z L^-T
};

}  // namespace dcmmm
