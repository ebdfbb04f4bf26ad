#include "analysis/decompose.hpp"

#include <gtest/gtest.h>

#include "tests/trainer/fit_case.hpp"
#include "trainer/ensemble.hpp"

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

TEST(EnsembleFit, LeavesThePlainMemberAsItIsAlone) {
  const EnsembleCase run;
  testing::FitCase alone(testing::mmm_panel(5, 40, 2, 1), testing::quick_model(), testing::quick_trainer(6), 34, {1});
  train(*alone.fit, {});
  EXPECT_TRUE(at::allclose(run.fit->state.shared_EP[0], alone.fit->state.shared_EP[0], 1e-8, 1e-10));
}

}  // namespace
}  // namespace dcmmm
