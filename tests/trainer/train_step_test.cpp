// Steps: chunks, clipping, frozen members, and members side by side. E members, R regions, P/L shared/local parameters.
#include "trainer/train_step.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/trainer/fit_case.hpp"

namespace dcmmm {
namespace {

// Tests run in parallel, so each of this program's uses one thread unless it asks for more.
class OneThread final : public ::testing::Environment {
  void SetUp() override { at::set_num_threads(1); }
};
[[maybe_unused]] const auto* const one_thread = ::testing::AddGlobalTestEnvironment(new OneThread);

using testing::FitCase;
using testing::mmm_panel;
using testing::quick_model;
using testing::quick_trainer;

constexpr int64_t kWeeks = 44, kOrigin = 36;

StepReport step(Fit& fit) { return train_step(fit.model, fit.data, fit.anchor, fit.options, fit.loop, fit.state); }

// Largest difference, as a share of the largest value.
double distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

// All regions at once or a few; four members at once, two, or one after the other, the shadows with fewer weeks.
void expect_same_gradient_for_any_chunk(const ModelOptions& model, int64_t regions = 9) {
  TrainerOptions options = quick_trainer();
  options.clip = 1e9;  // the first moment is then a tenth of the gradient
  std::vector<FitCase> runs;
  for (const auto& [chunk, threads] :
       {std::pair{36, 1}, {18, 1}, {9, 1}, {1, 1}, {2, 1}, {7, 1}, {36, 3}, {36, 7}, {9, 2}}) {
    options.region_chunk = chunk;
    runs.emplace_back(mmm_panel(regions, kWeeks, 3, 2), model, options, kOrigin, std::vector<uint64_t>{1, 2});
    at::set_num_threads(threads);
    const StepReport report = step(*runs.back().fit);
    at::set_num_threads(1);
    if (runs.size() == 1)
      for (int64_t e = 0; e < 4; ++e) EXPECT_TRUE(report.is_finite(e));
    const FitState &found = runs.back().fit->state, &expected = runs[0].fit->state;
    EXPECT_LT(distance(found.shared_first_EP, expected.shared_first_EP), 1e-10) << "chunk " << chunk;
    EXPECT_LT(distance(found.local_first_ERL, expected.local_first_ERL), 1e-10) << "chunk " << chunk;
    EXPECT_TRUE(at::allclose(found.shared_first_EP, expected.shared_first_EP, 1e-10, 1e-14));
  }
}

TEST(TrainStep, AnyChunkAndThreadsGiveTheSameGradient) {
  expect_same_gradient_for_any_chunk(quick_model());
  expect_same_gradient_for_any_chunk(quick_model(), 2);  // fewer regions than threads
}

TEST(TrainStep, AnyChunkAndThreadsGiveTheSameGradientOfAnyPartOfTheModel) {
  ModelOptions model = quick_model();
  model.gru = false;
  expect_same_gradient_for_any_chunk(model);
  model = quick_model();
  model.knowledge.experiments = {{"north", 1, {0, 2, 5}, 10, 30, 90.0, 5.0},
                                 {"late", 0, {8}, 5, 34, 40.0, 5.0},
                                 {"after the shadows' weeks", 2, {1, 3}, 30, 35, 60.0, 5.0}};
  model.delayed_channels = {1};
  model.adjacency = Adjacency::kNotears;
  model.region_patterns = true;
  expect_same_gradient_for_any_chunk(model);
}

TEST(TrainStep, ClipsTheSharedGradientByItsNormAndEachRegionByItsOwn) {
  TrainerOptions options = quick_trainer();
  options.clip = 1e9;
  FitCase free(mmm_panel(6, kWeeks, 2, 1), quick_model(), options, kOrigin, {1, 2});
  const StepReport report = step(*free.fit);
  const at::Tensor shared = free.fit->state.shared_first_EP * 10, local = free.fit->state.local_first_ERL * 10;
  for (int64_t e = 0; e < 4; ++e)
    EXPECT_NEAR(report.gradient_norm_E[e], shared[e].norm().item<double>(), 1e-9 * report.gradient_norm_E[e]);
  // Between the norms of the regions, so that some are clipped and others not.
  const at::Tensor norms = local.norm(2, {2});
  options.clip = norms.median().item<double>();
  FitCase clipped(mmm_panel(6, kWeeks, 2, 1), quick_model(), options, kOrigin, {1, 2});
  step(*clipped.fit);
  EXPECT_TRUE(at::allclose(clipped.fit->state.local_first_ERL * 10,
                           local * (options.clip / norms).clamp_max(1).unsqueeze(-1), 1e-8, 1e-14));
  EXPECT_TRUE(at::allclose(clipped.fit->state.shared_first_EP * 10,
                           shared * (options.clip / shared.norm(2, {1}, true)).clamp_max(1), 1e-8, 1e-14));
}

TEST(TrainStep, ReportsTermsThatSumToTheLoss) {
  FitCase run(mmm_panel(6, kWeeks, 2, 1), quick_model(), quick_trainer(), kOrigin, {1});
  for (int64_t i = 0; i < 5; ++i) step(*run.fit);
  const StepReport report = step(*run.fit);
  EXPECT_EQ(run.fit->state.step, 6);
  EXPECT_NEAR(report.loss_E[0], report.data_E[0] + report.deviation_E[0] + report.region_E[0] + report.penalty_E[0],
              1e-12);
  EXPECT_GT(report.deviation_E[0], 0);
  EXPECT_GT(report.region_E[0], 0);
  EXPECT_GT(report.penalty_E[0], 0);
}

TEST(TrainStep, LowersTheLoss) {
  TrainerOptions options = quick_trainer(30);
  FitCase run(mmm_panel(6, kWeeks, 2, 1), quick_model(), options, kOrigin, {1});
  const double before = step(*run.fit).loss_E[0];
  for (int64_t i = 0; i < 28; ++i) step(*run.fit);
  EXPECT_LT(step(*run.fit).loss_E[0], before);
}

TEST(TrainStep, UsesTheRatesOfTheGroups) {
  TrainerOptions options = quick_trainer();
  options.gru_rate = 0;
  options.local_rate = 0;
  FitCase run(mmm_panel(6, kWeeks, 2, 1), quick_model(), options, kOrigin, {1});
  const ParameterLayout& layout = run.fit->model.layout();
  const at::Tensor before = run.fit->state.shared_EP.clone();
  step(*run.fit);
  for (const ParameterSlice& slice : layout.shared())
    EXPECT_EQ(at::equal(layout.view(before, slice.name), layout.view(run.fit->state.shared_EP, slice.name)),
              slice.group == ParameterGroup::kGru)
        << slice.name;
  EXPECT_EQ(run.fit->state.local_ERL.abs().max().item<double>(), 0);
}

TEST(TrainStep, SkipsAMemberThatIsNotFiniteAndNoOther) {
  FitCase healthy(mmm_panel(6, kWeeks, 2, 1), quick_model(), quick_trainer(), kOrigin, {1, 2});
  FitCase ill(mmm_panel(6, kWeeks, 2, 1), quick_model(), quick_trainer(), kOrigin, {1, 2});
  ill.fit->model.layout().view(ill.fit->state.shared_EP, "control.coefficient")[1][0] = std::nan("");
  const at::Tensor before = ill.fit->state.shared_EP[1].clone();
  for (int64_t i = 0; i < 3; ++i) {
    step(*healthy.fit);
    step(*ill.fit);
  }
  EXPECT_TRUE(at::equal(ill.fit->state.shared_EP[0], healthy.fit->state.shared_EP[0]));
  EXPECT_TRUE(at::equal(ill.fit->state.local_ERL[0], healthy.fit->state.local_ERL[0]));
  EXPECT_TRUE(at::allclose(ill.fit->state.shared_EP[1], before, 0, 0, /*equal_nan=*/true));
  EXPECT_EQ(ill.fit->state.shared_first_EP[1].abs().max().item<double>(), 0);
}

TEST(TrainStep, LeavesFrozenMembersUnchanged) {
  FitCase run(mmm_panel(6, kWeeks, 2, 1), quick_model(), quick_trainer(), kOrigin, {1, 2});
  step(*run.fit);
  run.fit->state.active_E[1] = 0;
  const FitState before = run.fit->state;
  const at::Tensor shared = before.shared_EP.clone(), local = before.local_ERL.clone(),
                   moment = before.shared_second_EP.clone();
  step(*run.fit);
  EXPECT_TRUE(at::equal(run.fit->state.shared_EP[1], shared[1]));
  EXPECT_TRUE(at::equal(run.fit->state.local_ERL[1], local[1]));
  EXPECT_TRUE(at::equal(run.fit->state.shared_second_EP[1], moment[1]));
  EXPECT_FALSE(at::equal(run.fit->state.shared_EP[0], shared[0]));
}

}  // namespace
}  // namespace dcmmm
