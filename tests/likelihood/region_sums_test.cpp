#include "likelihood/region_sums.hpp"

#include <gmock/gmock.h>

#include <Eigen/Dense>

#include "likelihood/linear_system.hpp"
#include "likelihood/precision_lanes.hpp"
#include "likelihood_case.hpp"

namespace dcmmm {
namespace {

using testing::likelihood_case;

constexpr double kFlat = 1e4;  // variance of the level in the dense reference; the room's is infinite

// V_r over the region's observed training weeks, written down cell by cell.
Eigen::MatrixXd dense_covariance(const LikelihoodData& data, int64_t region, const Components& components,
                                 const std::vector<SlopeColumn>& slopes, const RowMatrix& columns,
                                 const std::vector<int64_t>& seen) {
  const auto n = static_cast<int64_t>(seen.size());
  const double level = components.level_variance(data.log_size_R[region], 1.0);
  Eigen::MatrixXd out(n, n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      out(i, j) = kFlat + level * std::pow(components.level_persistence(), std::abs(seen[i] - seen[j]));
      for (const SlopeColumn& slope : slopes)
        out(i, j) += slope.sd * slope.sd * columns(seen[i], slope.column) * columns(seen[j], slope.column);
      if (i == j)
        out(i, j) +=
            components.noise_variance(data.log_size_R[region], 1.0) / data.weight_RT[region * data.weeks + seen[i]];
    }
  return out;
}

class Sums : public ::testing::Test {
 protected:
  Sums() {
    case_.data.weight_RT[5] = 0.4;  // a Huber weight
    components_[Component::kNoise] = std::log(0.05);
    components_[Component::kLevel] = std::log(0.1);
    components_[Component::kLevelSize] = 0.4;
  }

  std::vector<int64_t> seen(int64_t region) const {
    std::vector<int64_t> out;
    for (int64_t t = 0; t < case_.data.origin; ++t)
      if (case_.data.weight_RT[region * case_.data.weeks + t] > 0) out.push_back(t);
    return out;
  }

  testing::LikelihoodCase case_ = likelihood_case(4, 40);
  Components components_ = initial_components(true, true, false);
  ColumnLayout layout_{2, 1, 2};
  std::vector<SlopeColumn> slopes_ = {{0, 0.05}, {3, 0.02}};
};

TEST_F(Sums, PrecisionOfARegionIsTheDenseInverse) {
  for (const int64_t region : {0, 1, 3}) {
    RowMatrix columns(case_.data.origin, layout_.count());
    fill_columns(case_.data, layout_, case_.truth, nullptr, region, columns);
    RegionPrecision precision;
    precision.factor(case_.data, region, components_, slopes_, columns);
    const RowMatrix weighted = precision.apply(columns);
    const auto weeks = seen(region);
    const Eigen::MatrixXd covariance = dense_covariance(case_.data, region, components_, slopes_, columns, weeks);
    Eigen::MatrixXd rows(weeks.size(), columns.cols());
    for (size_t i = 0; i < weeks.size(); ++i) rows.row(i) = columns.row(weeks[i]);
    const Eigen::LLT<Eigen::MatrixXd> factor(covariance);
    const Eigen::MatrixXd expected = factor.solve(rows);
    for (size_t i = 0; i < weeks.size(); ++i)
      for (int64_t p = 0; p < columns.cols(); ++p)
        EXPECT_NEAR(weighted(weeks[i], p), expected(i, p), 1e-4 * (1 + std::abs(expected(i, p))));
    const double determinant = 2 * factor.matrixLLT().diagonal().array().log().sum();
    EXPECT_NEAR(precision.log_determinant(), determinant - std::log(kFlat), 1e-4);
  }
}

TEST_F(Sums, LanesGiveWhatEachRegionGivesAlone) {
  for (const auto& slopes : {slopes_, std::vector<SlopeColumn>()}) {
    const std::vector<int64_t> regions = {3, 0, 1};
    std::vector<RegionPrecision> precision(regions.size());
    std::vector<const RegionPrecision*> together;
    std::vector<RowMatrix> columns(regions.size(), RowMatrix(case_.data.origin, layout_.count()));
    PrecisionLanes::Lanes column_TN = PrecisionLanes::Lanes::Zero(case_.data.origin, PrecisionLanes::kLanes);
    for (size_t i = 0; i < regions.size(); ++i) {
      fill_columns(case_.data, layout_, case_.truth, nullptr, regions[i], columns[i]);
      precision[i].factor(case_.data, regions[i], components_, slopes, columns[i]);
      together.push_back(&precision[i]);
      column_TN.col(static_cast<int64_t>(i)) = columns[i].col(1).array();
    }
    PrecisionLanes::Lanes weighted_TN;
    PrecisionLanes(together).apply(column_TN, weighted_TN);
    for (size_t i = 0; i < regions.size(); ++i) {
      const Eigen::VectorXd alone = precision[i].apply(columns[i].col(1));
      EXPECT_LT((weighted_TN.col(static_cast<int64_t>(i)).matrix() - alone).norm(), 1e-11 * alone.norm());
    }
    EXPECT_EQ(weighted_TN.rightCols(PrecisionLanes::kLanes - 3).abs().maxCoeff(), 0);
  }
}

TEST_F(Sums, PrecisionItselfIsWhatIsAppliedToTheIdentity) {
  const int64_t T = case_.data.origin;
  RowMatrix columns(T, layout_.count());
  fill_columns(case_.data, layout_, case_.truth, nullptr, 1, columns);
  for (const auto& slopes : {slopes_, std::vector<SlopeColumn>()}) {
    RegionPrecision precision;
    precision.factor(case_.data, 1, components_, slopes, columns);
    RowMatrix upper = RowMatrix::Zero(T, T);
    precision.add_upper_to(Eigen::Map<RowMatrix>(upper.data(), T, T));
    const RowMatrix expected = precision.apply(RowMatrix::Identity(T, T)).triangularView<Eigen::Upper>();
    EXPECT_LT((upper - expected).norm(), 1e-11 * expected.norm());
  }
}

TEST_F(Sums, NationalLevelIsIntegratedOutAsByTheDenseCovarianceOfAllCells) {
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(4, 2), *communicator);
  RegionPass pass{case_.data, layout_, case_.truth, nullptr, components_, slopes_, true, 0, 0, nullptr};
  const PanelSums sums = sum_regions(pass, loop);
  const NationalLevel national = national_level(sums.precision_TT, components_);
  const Eigen::MatrixXd gram = reduced_gram(sums, national);

  std::vector<std::pair<int64_t, int64_t>> cells;
  for (int64_t region = 0; region < 4; ++region)
    for (const int64_t t : seen(region)) cells.emplace_back(region, t);
  const auto n = static_cast<int64_t>(cells.size());
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(n, n), rows(n, layout_.count());
  int64_t at = 0;
  double of_regions = 0;
  for (int64_t region = 0; region < 4; ++region) {
    RowMatrix columns(case_.data.origin, layout_.count());
    fill_columns(case_.data, layout_, case_.truth, nullptr, region, columns);
    const auto weeks = seen(region);
    const auto block = static_cast<int64_t>(weeks.size());
    covariance.block(at, at, block, block) = dense_covariance(case_.data, region, components_, slopes_, columns, weeks);
    of_regions +=
        2 *
        Eigen::LLT<Eigen::MatrixXd>(covariance.block(at, at, block, block)).matrixLLT().diagonal().array().log().sum();
    for (int64_t i = 0; i < block; ++i) rows.row(at + i) = columns.row(weeks[i]);
    at += block;
  }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      covariance(i, j) += components_.national_covariance(std::abs(cells[i].second - cells[j].second));
  const Eigen::LLT<Eigen::MatrixXd> factor(covariance);
  const Eigen::MatrixXd expected = rows.transpose() * factor.solve(rows);
  for (int64_t i = 0; i < layout_.count(); ++i)
    for (int64_t j = 0; j < layout_.count(); ++j)
      EXPECT_NEAR(gram(i, j), expected(i, j), 1e-3 * (1 + std::abs(expected(i, j))));
  const double determinant = 2 * factor.matrixLLT().diagonal().array().log().sum();
  const IntegratedSums integrated = integrate_nation(sums, components_);
  EXPECT_LT((integrated.gram_PP - gram).norm(), 1e-10 * gram.norm());
  EXPECT_NEAR(integrated.log_determinant, determinant - of_regions, 1e-3);
}

TEST_F(Sums, DoNotDependOnChunks) {
  const auto communicator = make_local_communicator();
  RegionPass pass{case_.data, layout_, case_.truth, nullptr, components_, slopes_, true, 0, 0, nullptr};
  const PanelSums whole = sum_regions(pass, RegionLoop(testing::plan_of(4, 64), *communicator));
  const PanelSums single = sum_regions(pass, RegionLoop(testing::plan_of(4, 1), *communicator));
  EXPECT_LT((whole.gram_PP - single.gram_PP).norm(), 1e-9 * whole.gram_PP.norm());
  EXPECT_LT((whole.precision_TT - single.precision_TT).norm(), 1e-9 * whole.precision_TT.norm());
}

TEST_F(Sums, MeansAreThoseOfTheWholePassAndRelativeToTheSample) {
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(4, 2), *communicator);
  RegionPass pass{case_.data, layout_, case_.truth, nullptr, components_, slopes_, false, 0, 0, nullptr};
  const Eigen::VectorXd means = mean_columns(pass, loop);
  EXPECT_LT((means - sum_regions(pass, loop).mean_P).norm(), 1e-12);
  EXPECT_DOUBLE_EQ(means[layout_.target()], 1.0);
  pass.sample_regions = 2;
  pass.all_regions = 4;
  EXPECT_DOUBLE_EQ(mean_columns(pass, loop)[layout_.target()], 1.0);
}

TEST_F(Sums, ASampleTakesEvenlySpacedRegions) {
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(4, 64), *communicator);
  RegionPass pass{case_.data, layout_, case_.truth, nullptr, components_, {}, false, 2, 4, nullptr};
  const auto columns = keep_columns(pass, loop);
  int64_t kept = 0;
  for (const RowMatrix& of_region : columns) kept += of_region.size() > 0;
  EXPECT_EQ(kept, 2);
}

}  // namespace
}  // namespace dcmmm
