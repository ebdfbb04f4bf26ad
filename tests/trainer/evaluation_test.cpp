#include "trainer/evaluation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "common/random.hpp"
#include "tests/fake_ranks.hpp"

namespace dcmmm {
namespace {

Figures evaluate(const std::vector<std::vector<double>>& actual_RT,
                 const std::vector<std::vector<double>>& predicted_RT,
                 const std::vector<std::vector<uint8_t>>& counted_RT) {
  Evaluation evaluation;
  for (std::size_t r = 0; r < actual_RT.size(); ++r) {
    evaluation.add(static_cast<int64_t>(r), actual_RT[r], predicted_RT[r], counted_RT[r]);
  }
  const auto communicator = make_local_communicator();
  return evaluation.figures(*communicator);
}

bool same_bits(const Figures& a, const Figures& b) { return std::memcmp(&a, &b, sizeof(Figures)) == 0; }

/// Regions with gaps, very different levels, and predictions that miss a little.
struct RandomCase {
  int64_t regions = 7, weeks = 11;
  std::vector<double> actual_RT, predicted_RT;
  std::vector<uint8_t> counted_RT;

  explicit RandomCase(uint64_t seed) {
    RandomStream random(seed, 0);
    for (int64_t region = 0; region < regions; ++region) {
      const double level = std::exp(random.uniform(0, 12));
      for (int64_t week = 0; week < weeks; ++week) {
        actual_RT.push_back(level * random.uniform(.5, 1.5));
        predicted_RT.push_back(level * random.uniform(.5, 1.5));
        counted_RT.push_back(random.uniform() < .8);
      }
    }
  }
  void add(Evaluation& evaluation, int64_t region, int64_t as) const {
    const auto from = static_cast<std::size_t>(region * weeks), count = static_cast<std::size_t>(weeks);
    evaluation.add(as, std::span(actual_RT).subspan(from, count), std::span(predicted_RT).subspan(from, count),
                   std::span(counted_RT).subspan(from, count));
  }
};

TEST(Evaluation, AgreesWithHandComputedFigures) {
  // Counted cells: 2, 4 | 10. Errors: 1, -1 | 2. Mean 16/3, SST = (100 + 16 + 196) / 9 = 312/9.
  const Figures figures = evaluate({{2, 4, 7}, {10, 50, 50}}, {{1, 5, 0}, {8, 0, 0}}, {{1, 1, 0}, {1, 0, 0}});
  EXPECT_EQ(figures.cells, 3);
  EXPECT_DOUBLE_EQ(figures.r2, 1 - 6 / (312. / 9));
  EXPECT_DOUBLE_EQ(figures.rmse, std::sqrt(2));
  EXPECT_DOUBLE_EQ(figures.mae, 4. / 3);
  EXPECT_DOUBLE_EQ(figures.relative_error, std::sqrt(2) / (16. / 3));
  EXPECT_DOUBLE_EQ(figures.wape, 4. / 16);
  EXPECT_DOUBLE_EQ(figures.median_region_r2, 0);  // the second region has one cell, hence no variance
  EXPECT_DOUBLE_EQ(figures.median_region_relative_error, (2. / 6 + 2. / 10) / 2);
}

TEST(Evaluation, LeavesOutFiguresThatDoNotApply) {
  const Figures none = evaluate({{1, 2}}, {{1, 2}}, {{0, 0}});
  EXPECT_EQ(none.cells, 0);
  for (double figure : {none.r2, none.rmse, none.mae, none.relative_error, none.wape, none.median_region_r2,
                        none.median_region_relative_error}) {
    EXPECT_TRUE(std::isnan(figure));
  }
  const Figures zeros = evaluate({{0, 0}}, {{1, 0}}, {{1, 1}});
  EXPECT_DOUBLE_EQ(zeros.mae, .5);
  EXPECT_TRUE(std::isnan(zeros.r2));
  EXPECT_TRUE(std::isnan(zeros.relative_error));
  EXPECT_TRUE(std::isnan(zeros.wape));
  EXPECT_TRUE(std::isnan(zeros.median_region_relative_error));
}

TEST(Evaluation, LeavesConstantAndZeroRegionsOutOfTheMedians) {
  // .1 three times: a naive mean of these is off by a rounding error, which must not pass for variance.
  const Figures figures = evaluate({{.1, .1, .1}, {0, 0, 0}, {1, 2, 3}}, {{.1, .1, .2}, {1, 1, 1}, {1, 2, 4}},
                                   {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}});
  EXPECT_DOUBLE_EQ(figures.median_region_r2, .5);
  EXPECT_NEAR(figures.median_region_relative_error, (.1 / .3 + 1. / 6) / 2, 1e-15);
}

TEST(Evaluation, KeepsItsDigitsFarFromZero) {
  constexpr double kFar = 1e12;  // sums of squares of the raw values would have lost everything below 1e8
  const Figures figures = evaluate({{kFar + 1, kFar + 2}, {kFar + 3, kFar + 4}},
                                   {{kFar + 1, kFar + 2}, {kFar + 3, kFar + 5}}, {{1, 1}, {1, 1}});
  EXPECT_DOUBLE_EQ(figures.r2, 1 - 1. / 5);
}

TEST(Evaluation, AgreesWithASlowReference) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const RandomCase random(seed);
    Evaluation evaluation;
    for (int64_t region = 0; region < random.regions; ++region) random.add(evaluation, region, region);
    const auto communicator = make_local_communicator();
    const Figures figures = evaluation.figures(*communicator);
    long double cells = 0, sum = 0, squares = 0, error = 0, total = 0;
    for (std::size_t i = 0; i < random.actual_RT.size(); ++i) {
      if (!random.counted_RT[i]) continue;
      const long double miss = static_cast<long double>(random.actual_RT[i]) - random.predicted_RT[i];
      cells += 1, sum += random.actual_RT[i], squares += miss * miss, error += std::abs(miss);
    }
    for (std::size_t i = 0; i < random.actual_RT.size(); ++i) {
      if (random.counted_RT[i]) total += std::pow(random.actual_RT[i] - sum / cells, 2.0L);
    }
    EXPECT_EQ(figures.cells, static_cast<int64_t>(cells));
    EXPECT_NEAR(figures.r2, static_cast<double>(1 - squares / total), 1e-13);
    EXPECT_NEAR(figures.rmse / static_cast<double>(std::sqrt(squares / cells)), 1, 1e-14);
    EXPECT_NEAR(figures.wape, static_cast<double>(error / sum), 1e-14);
  }
}

TEST(Evaluation, GivesTheSameBitsForAnyRanksAndBlocks) {
  const RandomCase random(3);
  Evaluation whole;
  for (int64_t region = 0; region < random.regions; ++region) random.add(whole, region, region);
  const auto alone = make_local_communicator();
  const Figures expected = whole.figures(*alone);
  for (int ranks : {2, 3, 9}) {
    std::vector<int> same(static_cast<std::size_t>(ranks));
    on_fake_ranks(ranks, [&](Communicator& communicator) {
      Evaluation mine;  // every ranks-th region, last first: ranks beyond the seventh have none
      for (int64_t region = random.regions - 1; region >= 0; --region) {
        if (region % ranks == communicator.rank()) random.add(mine, region, region);
      }
      same[static_cast<std::size_t>(communicator.rank())] = same_bits(mine.figures(communicator), expected);
    });
    EXPECT_EQ(std::accumulate(same.begin(), same.end(), 0), ranks);
  }
}

TEST(Evaluation, DoesNotDependOnTheOrderOfRegions) {
  const RandomCase random(4);
  Evaluation forward, backward;
  for (int64_t region = 0; region < random.regions; ++region) {
    random.add(forward, region, region);
    random.add(backward, region, random.regions - 1 - region);
  }
  const auto communicator = make_local_communicator();
  const Figures a = forward.figures(*communicator), b = backward.figures(*communicator);
  EXPECT_NEAR(a.r2, b.r2, 1e-14);
  EXPECT_DOUBLE_EQ(a.rmse, b.rmse);
  EXPECT_DOUBLE_EQ(a.median_region_r2, b.median_region_r2);
}

Panel small_panel(const std::vector<std::vector<double>>& target_RT, int64_t weeks) {
  Panel panel;
  panel.coordinates.weeks.resize(static_cast<std::size_t>(weeks));
  panel.regions = static_cast<int64_t>(target_RT.size());
  for (const auto& target_T : target_RT) {
    for (double target : target_T) {
      panel.target_RT.push_back(std::max(target, 0.0));
      panel.observed_RT.push_back(target >= 0);
    }
  }
  return panel;
}

FitFigures fit_figures(const Panel& panel, const std::vector<double>& predicted_RT, int64_t origin,
                       int64_t holdout_weeks) {
  FitEvaluation evaluation(origin, holdout_weeks);
  evaluation.add(panel, predicted_RT);
  const auto communicator = make_local_communicator();
  return evaluation.figures(*communicator);
}

TEST(FitEvaluation, SplitsByWeekAndPassesOverMissingWeeks) {
  const Panel panel = small_panel({{1, 2, -1, 4, 5, 9, -1}}, 7);
  const FitFigures figures = fit_figures(panel, {2, 2, 77, 4, 5, 7, 77}, 5, 2);
  EXPECT_EQ(figures.train.cells, 4);
  EXPECT_DOUBLE_EQ(figures.train.mae, .25);
  EXPECT_EQ(figures.holdout.cells, 1);
  EXPECT_DOUBLE_EQ(figures.holdout.rmse, 2);
  EXPECT_DOUBLE_EQ(figures.naive[0].rmse, 6);  // train mean 3 against 9
  EXPECT_DOUBLE_EQ(figures.naive[5].rmse, 4);  // last 5 against 9
  EXPECT_EQ(figures.best_naive(), 5);
  EXPECT_DOUBLE_EQ(figures.skill(), 2);
}

TEST(FitEvaluation, LeavesRegionsWithFewTrainingWeeksOutOfTheHoldout) {
  const Panel panel = small_panel({{-1, 1, 1, 1, 8}, {1, 1, 1, 1, 3}, {-1, -1, -1, -1, 8}}, 5);
  const FitFigures figures = fit_figures(panel, std::vector<double>(15, 1), 4, 1);
  EXPECT_EQ(figures.train.cells, 7);  // they stay in the figures of the training weeks
  EXPECT_EQ(figures.holdout.cells, 1);
  EXPECT_DOUBLE_EQ(figures.holdout.rmse, 2);
  EXPECT_EQ(figures.naive[0].cells, 1);
}

TEST(BestNaiveRmse, IsOverTheRegionsThatCount) {
  const Panel panel = small_panel({{1, 2, 4, 5, 9, -1}, {1, 1, 1, 1, 8, 800}}, 6);
  const auto alone = make_local_communicator();
  const auto rmse = [&](bool first, bool second) {
    const bool counts_R[] = {first, second};
    return best_naive_rmse(panel, 4, 2, counts_R, *alone);
  };
  EXPECT_DOUBLE_EQ(rmse(true, false), 4);  // the last value, 5, against 9
  EXPECT_DOUBLE_EQ(rmse(true, true), std::sqrt((4. * 4 + 7 * 7 + 799 * 799) / 3));
  EXPECT_TRUE(std::isnan(rmse(false, false)));
}

TEST(FitEvaluation, HasNoHoldoutFiguresWithoutHoldout) {
  const FitFigures figures = fit_figures(small_panel({{1, 2, 3, 4}}, 4), {1, 2, 3, 5}, 4, 0);
  EXPECT_EQ(figures.train.cells, 4);
  EXPECT_EQ(figures.holdout.cells, 0);
  EXPECT_EQ(figures.best_naive(), -1);
  EXPECT_TRUE(std::isnan(figures.skill()));
  EXPECT_TRUE(std::isnan(figures.gap()));
}

TEST(FitEvaluation, HoldoutValuesDoNotReachNaiveForecastsOrTrainFigures) {
  Panel panel = small_panel({{3, 1, 4, 1, 5, 9, 2, 6}, {2, 7, 1, 8, 2, 8, 1, 8}}, 8);
  const auto before = naive_forecasts(panel, 6, 2);
  const Figures train = fit_figures(panel, std::vector<double>(16, 4), 6, 2).train;
  for (int64_t cell : {6, 7, 14, 15}) panel.target_RT[static_cast<std::size_t>(cell)] *= 100;
  EXPECT_EQ(naive_forecasts(panel, 6, 2), before);
  EXPECT_TRUE(same_bits(fit_figures(panel, std::vector<double>(16, 4), 6, 2).train, train));
}

}  // namespace
}  // namespace dcmmm
