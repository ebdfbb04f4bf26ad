#include "likelihood/precision_lanes.hpp"

namespace dcmmm {

PrecisionLanes::PrecisionLanes(std::span<const RegionPrecision* const> regions) {
  const auto T = static_cast<int64_t>(regions[0]->solver().weight().size());
  const int64_t slopes = regions[0]->slope_weighted().cols();
  for (Lanes* lanes : {&weight_TN_, &lower_TN_, &inverse_diagonal_TN_, &level_TN_}) lanes->setZero(T, kLanes);
  slope_TN_.assign(static_cast<size_t>(slopes), Lanes::Zero(T, kLanes));
  for (int64_t lane = 0; lane < std::ssize(regions); ++lane) {
    const RegionPrecision& region = *regions[static_cast<size_t>(lane)];
    const kernels::BaselineSolver& solver = region.solver();
    const auto column = [&](std::span<const double> values_T) {
      return Eigen::Map<const Eigen::ArrayXd>(values_T.data(), T);
    };
    weight_TN_.col(lane) = column(solver.weight());
    lower_TN_.col(lane) = column(solver.lower());
    inverse_diagonal_TN_.col(lane) = column(solver.inverse_diagonal());
    level_TN_.col(lane) = column(solver.level_weight()) / solver.level_precision();
    for (int64_t j = 0; j < slopes; ++j)
      slope_TN_[static_cast<size_t>(j)].col(lane) = region.slope_weighted().col(j).array();
  }
}

// As BaselineSolver::solve and RegionPrecision::apply, a week's lanes at once.
void PrecisionLanes::apply(const Lanes& column_TN, Lanes& weighted_TN) const {
  using Week = Eigen::Array<double, 1, kLanes>;
  const int64_t T = weight_TN_.rows();
  weighted_TN.resize(T, kLanes);
  Week level = Week::Zero();
  for (int64_t t = 0; t < T; ++t) level += level_TN_.row(t) * column_TN.row(t);
  Week before = Week::Zero();
  for (int64_t t = 0; t < T; ++t) {
    before = weight_TN_.row(t) * (column_TN.row(t) - level) - lower_TN_.row(t) * before;
    weighted_TN.row(t) = before;
  }
  Week after = Week::Zero(), lower = Week::Zero();
  for (int64_t t = T - 1; t >= 0; --t) {
    after = weighted_TN.row(t) * inverse_diagonal_TN_.row(t) - lower * after;
    lower = lower_TN_.row(t);
    weighted_TN.row(t) = weight_TN_.row(t) * (column_TN.row(t) - level - after);
  }
  for (const Lanes& slope_TN : slope_TN_) {
    Week amount = Week::Zero();
    for (int64_t t = 0; t < T; ++t) amount += slope_TN.row(t) * column_TN.row(t);
    for (int64_t t = 0; t < T; ++t) weighted_TN.row(t) -= slope_TN.row(t) * amount;
  }
}

}  // namespace dcmmm
