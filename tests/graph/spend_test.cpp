#include "graph/spend.hpp"

#include <gtest/gtest.h>

#include <Eigen/QR>
#include <cmath>
#include <numbers>

#include "tests/graph/graph_panel.hpp"
#include "tests/thin_panel.hpp"

namespace dcmmm {
namespace {

using testing::graph_panel;
using testing::GraphCase;
using testing::plan_of;

LogSpend spend_of(const Panel& panel, int64_t weeks) {
  const auto communicator = make_local_communicator();
  return log_spend(panel, weeks, RegionLoop(plan_of(0, panel.regions), *communicator));
}

Panel ragged_panel(int64_t regions, int64_t weeks) {
  GraphCase graph{.regions = regions, .weeks = weeks, .channels = 3, .seed = 4};
  Panel panel = graph_panel(graph);
  RandomStream random(9, 0);
  for (auto& seen : panel.observed_RT) seen = random.uniform() < 0.85;
  return panel;
}

// Residuals of log spend on dummies and columns, by one dense least squares; rows are the seen cells of weeks [0, T).
Eigen::MatrixXd slow_residuals(const Panel& panel, int64_t T, const std::vector<std::vector<double>>& column_PT,
                               bool weeks) {
  const int64_t C = panel.channels(), R = panel.regions, W = panel.weeks();
  std::vector<std::pair<int64_t, int64_t>> cells;
  for (int64_t r = 0; r < R; ++r)
    for (int64_t t = 0; t < T; ++t)
      if (panel.observed_RT[r * W + t]) cells.emplace_back(r, t);
  const auto N = static_cast<Eigen::Index>(cells.size()), P = static_cast<Eigen::Index>(column_PT.size());
  Eigen::MatrixXd design = Eigen::MatrixXd::Zero(N, R + (weeks ? T : 0) + P), value(N, C);
  for (Eigen::Index n = 0; n < N; ++n) {
    const auto [r, t] = cells[n];
    design(n, r) = 1;
    if (weeks) design(n, R + t) = 1;
    for (Eigen::Index p = 0; p < P; ++p) design(n, design.cols() - P + p) = column_PT[p][r * T + t];
    // A region's mean only moves its logs by a constant.
    for (int64_t c = 0; c < C; ++c) value(n, c) = std::log(panel.media_RTC[(r * W + t) * C + c]);
  }
  const Eigen::MatrixXd left = value - design * design.completeOrthogonalDecomposition().solve(value);
  const double rows = static_cast<double>(N);
  return left * (left.cwiseAbs2().colwise().sum() / rows).cwiseSqrt().cwiseInverse().asDiagonal();
}

void expect_rows(const LogSpend& spend, const Eigen::MatrixXd& expected) {
  Eigen::Index n = 0;
  for (int64_t r = 0; r < spend.regions; ++r)
    for (int64_t t = 0; t < spend.weeks; ++t) {
      if (!spend.seen(r, t)) continue;
      for (int64_t c = 0; c < spend.channels; ++c)
        ASSERT_NEAR(spend.row(r, t)[c], expected(n, c), 2e-5) << r << " " << t;
      ++n;
    }
  EXPECT_EQ(n, expected.rows());
}

TEST(LogSpend, IsWhatRegionsWeeksAndEventsLeaveOverTheTrainingWeeks) {
  Panel panel = ragged_panel(14, 40);
  const int64_t T = 30;
  panel.coordinates.controls = {"price", "event:opening"};
  panel.controls_RTK.assign(14 * 40 * 2, 5.0);
  std::vector<double> opening_RT(14 * T);
  for (int64_t r = 0; r < 14; ++r)
    for (int64_t t = 0; t < 40; ++t) {
      const double value = (r % 3 == 0 && t % 9 < 2) ? 1.0 : 0.0;
      panel.controls_RTK[(r * 40 + t) * 2 + 1] = value;
      if (t < T) opening_RT[r * T + t] = value;
    }
  const LogSpend spend = spend_of(panel, T);
  EXPECT_TRUE(spend.by_week);
  expect_rows(spend, slow_residuals(panel, T, {opening_RT}, true));
}

TEST(LogSpend, WithFewRegionsLeavesOutHarmonicsInsteadOfWeeks) {
  const Panel panel = ragged_panel(4, 60);
  std::vector<std::vector<double>> columns(4, std::vector<double>(4 * 60));
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t t = 0; t < 60; ++t) {
      const double year = 2 * std::numbers::pi * static_cast<double>(t) / 52.18;
      columns[0][r * 60 + t] = std::sin(year);
      columns[1][r * 60 + t] = std::cos(year);
      columns[2][r * 60 + t] = std::sin(2 * year);
      columns[3][r * 60 + t] = std::cos(2 * year);
    }
  const LogSpend spend = spend_of(panel, 60);
  EXPECT_FALSE(spend.by_week);
  expect_rows(spend, slow_residuals(panel, 60, columns, false));
}

TEST(LogSpend, LeavesOutShortRegionsAndTellsWhatIsSilentOrSparse) {
  Panel panel = graph_panel({.regions = 12, .weeks = 30, .channels = 4, .seed = 2});
  for (int64_t t = 7; t < 30; ++t) panel.observed_RT[2 * 30 + t] = 0;
  for (int64_t i = 0; i < 12 * 30; ++i) {
    panel.media_RTC[i * 4] = 3.0;                     // never moves
    if (i % 2 == 0) panel.media_RTC[i * 4 + 1] = 0;   // every other week
    if (i / 30 == 5) panel.media_RTC[i * 4 + 2] = 0;  // not in this region
  }
  const LogSpend spend = spend_of(panel, 30);
  EXPECT_FALSE(spend.seen(2, 0));
  EXPECT_TRUE(spend.seen(3, 0));
  EXPECT_TRUE(spend.is_constant(0));
  EXPECT_NEAR(spend.off_share_C[1], 0.5, 1e-12);
  EXPECT_NEAR(spend.off_share_C[2], 1.0 / 11, 1e-12);
  for (int64_t t = 0; t < 30; ++t) EXPECT_EQ(spend.row(5, t)[2], 0.0F);
}

// Of more than 20,000 regions a sample is looked at, and its own events.
TEST(LogSpend, OfALargePanelIsThatOfTheRegionsThatAreLookedAt) {
  const int64_t kRegions = 40'000, kSampled = 20'000, T = 8;
  Panel all = graph_panel({.regions = kRegions, .weeks = T, .channels = 1, .seed = 3});
  all.coordinates.controls = {std::string(kEventPrefix) + "sale"};
  for (int64_t r = 0; r < kRegions; ++r)
    for (int64_t t = 0; t < T; ++t) all.controls_RTK.push_back((r % 5 + t) % 4 == 0 ? 1.0 : 0.0);
  std::vector<int64_t> sampled;
  for (int64_t r = 0; r < kRegions; ++r)
    if (is_sampled(r, kSampled, kRegions)) sampled.push_back(r);
  ASSERT_EQ(std::ssize(sampled), kSampled);
  Panel sample = all;
  sample.regions = kSampled;
  sample.coordinates.regions.resize(kSampled);
  for (int64_t r = 0; r < kSampled; ++r)
    for (int64_t t = 0; t < T; ++t) {
      const auto to = static_cast<size_t>(r * T + t), from = static_cast<size_t>(sampled[r] * T + t);
      sample.media_RTC[to] = all.media_RTC[from];
      sample.controls_RTK[to] = all.controls_RTK[from];
    }
  const LogSpend large = spend_of(all, T), small = spend_of(sample, T);
  double largest = 0;
  for (int64_t r = 0; r < kSampled; ++r)
    for (int64_t t = 0; t < T; ++t)
      largest = std::max(largest, std::abs(large.row(sampled[r], t)[0] - small.row(r, t)[0]));
  EXPECT_LT(largest, 1e-9);
  int64_t left_out = 0;
  while (is_sampled(left_out, kSampled, kRegions)) ++left_out;
  EXPECT_FALSE(large.seen(left_out, 0));
}

TEST(LogSpend, IsTheSameOfAPanelThatIsReadInBlocks) {
  Panel panel = ragged_panel(14, 30);
  panel.coordinates.controls = {"price", std::string(kEventPrefix) + "sale"};
  for (int64_t cell = 0; cell < 14 * 30; ++cell) {
    panel.controls_RTK.push_back(static_cast<double>(cell % 7));
    panel.controls_RTK.push_back(cell % 11 == 0 ? 1.0 : 0.0);
  }
  const LogSpend held = spend_of(panel, 26), read = spend_of(testing::thin_panel(panel), 26);
  EXPECT_EQ(held.value_STC, read.value_STC);
  EXPECT_EQ(held.scale_C, read.scale_C);
}

}  // namespace
}  // namespace dcmmm
