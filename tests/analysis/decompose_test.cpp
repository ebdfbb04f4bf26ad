#include "analysis/decompose.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "data/synthetic.hpp"
#include "tests/trainer/fit_case.hpp"
#include "trainer/ensemble.hpp"
#include "trainer/likelihood_run.hpp"

namespace dcmmm {
namespace {

// A plain member, two drawn ones, and a shadow of the first.
struct EnsembleCase {
  Panel panel = testing::mmm_panel(5, 40, 2, 1);
  std::unique_ptr<Communicator> alone = make_local_communicator();
  std::unique_ptr<Fit> fit;

  EnsembleCase() {
    std::vector<Member> members;
    for (int64_t number = 0; number < 3; ++number)
      members.push_back(ensemble_member(testing::quick_model(), 34, 1, number));
    fit = prepare_fit(panel, testing::quick_model(), testing::quick_trainer(6), members, 1,
                      plan_regions(testing::observed_cells(panel), 0, 1, 2, false), *alone);
    train(*fit, {});
  }
};

TEST(ResultBlock, IsOneMembersPrediction) {
  const EnsembleCase run;
  EXPECT_EQ(run.fit->shadows(), 1);
  const at::Tensor predicted =
      scaled_prediction(*run.fit, {0, 5}, 40).to(at::kDouble) * run.fit->data.target_scale_ER.unsqueeze(-1);
  for (int64_t member = 0; member < 3; ++member) {
    const ResultBlock block = result_block(*run.fit, {0, 5}, member);
    for (int64_t r = 0; r < 5; ++r)
      for (int64_t t = 0; t < 40; ++t)
        EXPECT_NEAR(block.predicted_RT[r * 40 + t], predicted[member][r][t].item<double>(),
                    1e-9 * block.target_scale_R[r]);
  }
}

TEST(ChannelDraws, AreTheDrawnMembersTotals) {
  const EnsembleCase run;
  const ChannelDraws draws = channel_draws(*run.fit);
  ASSERT_EQ(draws.count, 2);
  const Mmm::Curves curves = run.fit->model.curves(run.fit->state.shared_EP);
  for (int64_t d = 0; d < 2; ++d) {
    const ResultBlock block = result_block(*run.fit, {0, 5}, d + 1);
    for (int64_t c = 0; c < 2; ++c) {
      double total = 0, coefficient = 0;
      for (int64_t r = 0; r < 5; ++r) {
        double sum = 0, cells = 0;
        for (int64_t t = 0; t < 40; ++t) {
          const double* media_C = &run.panel.media_RTC[(r * 40 + t) * 2];
          if (run.panel.observed_RT[r * 40 + t] != 0 || media_C[0] > 0 || media_C[1] > 0)
            total += block.media_RTC[(r * 40 + t) * 2 + c];
          if (run.panel.observed_RT[r * 40 + t] == 0) continue;
          sum += block.coefficient_RTC[(r * 40 + t) * 2 + c];
          cells += 1;
        }
        coefficient += sum / cells / 5;
      }
      EXPECT_NEAR(draws.contribution_DC[d * 2 + c], total, 1e-9 * total);
      EXPECT_NEAR(draws.coefficient_DC[d * 2 + c], coefficient, 1e-9 * coefficient);
      EXPECT_EQ(draws.decay_DC[d * 2 + c], curves.decay_EC[d + 1][c].item<double>());
      EXPECT_EQ(draws.exponent_DC[d * 2 + c], curves.exponent_EC[d + 1][c].item<double>());
    }
  }
  EXPECT_NE(draws.contribution_DC[0], draws.contribution_DC[2]);
  const testing::FitCase plain(testing::mmm_panel(5, 40, 2, 1), testing::quick_model(), testing::quick_trainer(0), 34,
                               {1, 2});
  EXPECT_EQ(channel_draws(*plain.fit).count, 0);
}

// A share of the training weeks, over all cells with a row: none of what the panel hasn't.
TEST(ChannelDraws, OfTheLikelihoodCountCellsWithARow) {
  SyntheticOptions made;
  made.regions = 12, made.weeks = 60, made.channels = 2, made.controls = 1, made.seed = 3;
  made.kind = SyntheticKind::kRagged;
  made.missing_rows = 0.2;
  Panel panel;
  generate_panel(
      made, [&](const Panel& block, const TruthBlock&) { panel = block; }, made.regions);
  const auto alone = make_local_communicator();
  LikelihoodOptions likelihood;
  likelihood.curve_draws = 200;
  const auto fit = fit_by_likelihood(panel, options_of_likelihood(testing::quick_model(), likelihood), likelihood,
                                     testing::quick_trainer(), 60, {std::nullopt},
                                     plan_regions(testing::observed_cells(panel), 0, 1, 64, false), *alone, {});
  const ChannelDraws draws = channel_draws(*fit);
  ASSERT_EQ(draws.count, 200);
  const ResultBlock block = result_block(*fit, {0, 12});
  const CurveSample& sample = fit->likelihood->sample;
  for (int64_t c = 0; c < 2; ++c) {
    double total = 0, all = 0;
    for (int64_t cell = 0; cell < 12 * 60; ++cell) {
      all += block.media_RTC[cell * 2 + c];
      if (panel.observed_RT[cell] != 0) total += block.media_RTC[cell * 2 + c];
    }
    EXPECT_LT(total, 0.9 * all);
    double mean = 0;
    for (int64_t d = 0; d < 200; ++d) mean += draws.contribution_DC[d * 2 + c] / 200;
    const double drawn = sample.linear_DL.col(c).mean() / fit->likelihood->members[0].mode.linear[c];
    EXPECT_NEAR(mean, total * drawn, 1e-9 * total);
  }
}

// A region of three quarters of the sales that responds half as much as the others: what the draws say is said of it,
// too.
TEST(ChannelDraws, OfTheLikelihoodLieAroundTheFitWhereOneRegionWeighsMost) {
  SyntheticOptions made;
  made.regions = 10, made.weeks = 80, made.channels = 2, made.controls = 1, made.seed = 4;
  Panel panel;
  generate_panel(
      made, [&](const Panel& block, const TruthBlock&) { panel = block; }, made.regions);
  for (int64_t t = 0; t < 80; ++t) panel.target_RT[t] = 25 * (panel.target_RT[t] + 0.2 * panel.media_RTC[2 * t]);
  const auto alone = make_local_communicator();
  LikelihoodOptions likelihood;
  likelihood.curve_draws = 200;
  const auto fit = fit_by_likelihood(panel, options_of_likelihood(testing::quick_model(), likelihood), likelihood,
                                     testing::quick_trainer(), 80, {std::nullopt},
                                     plan_regions(testing::observed_cells(panel), 0, 1, 64, false), *alone, {});
  const ChannelDraws draws = channel_draws(*fit);
  const ResultBlock block = result_block(*fit, {0, 10});
  const CurveSample& sample = fit->likelihood->sample;
  for (int64_t c = 0; c < 2; ++c) {
    double total = 0, coefficient = 0, drawn = 0, drawn_coefficient = 0;
    for (int64_t cell = 0; cell < 10 * 80; ++cell) {
      total += block.media_RTC[cell * 2 + c];
      coefficient += block.coefficient_RTC[cell * 2 + c] / (10 * 80);
    }
    for (int64_t d = 0; d < 200; ++d) {
      drawn += draws.contribution_DC[d * 2 + c] / 200;
      drawn_coefficient += draws.coefficient_DC[d * 2 + c] / 200;
    }
    const double share = sample.linear_DL.col(c).mean() / fit->likelihood->members[0].mode.linear[c];
    EXPECT_NEAR(drawn, total * share, 1e-9 * total);
    EXPECT_NEAR(drawn_coefficient / coefficient, share, 0.3 * share);  // curves of the draws differ
  }
}

TEST(EnsembleFit, LeavesThePlainMemberAsItIsAlone) {
  const EnsembleCase run;
  testing::FitCase alone(testing::mmm_panel(5, 40, 2, 1), testing::quick_model(), testing::quick_trainer(6), 34, {1});
  train(*alone.fit, {});
  EXPECT_TRUE(at::allclose(run.fit->state.shared_EP[0], alone.fit->state.shared_EP[0], 1e-8, 1e-10));
}

}  // namespace
}  // namespace dcmmm
