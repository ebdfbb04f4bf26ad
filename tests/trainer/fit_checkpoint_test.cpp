// Going on from checkpoints: the same bits; and forecasts from them. E members, R regions, T weeks, H future weeks.
#include "trainer/fit_checkpoint.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "common/errors.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/trainer/fit_case.hpp"

namespace dcmmm {
namespace {

using testing::first_weeks;
using testing::FitCase;
using testing::mmm_panel;
using testing::quick_model;
using testing::quick_trainer;
using testing::TemporaryFolder;

constexpr int64_t kRegions = 7, kWeeks = 52, kOrigin = 44, kAhead = 8;

void expect_same_bits(const Fit& found, const Fit& expected) {
  EXPECT_TRUE(at::equal(found.state.shared_EP, expected.state.shared_EP));
  EXPECT_TRUE(at::equal(found.state.local_ERL, expected.state.local_ERL));
  EXPECT_TRUE(at::equal(found.state.shared_second_EP, expected.state.shared_second_EP));
  EXPECT_TRUE(at::equal(found.state.local_second_ERL, expected.state.local_second_ERL));
  EXPECT_TRUE(at::equal(found.data.cell_weight_ERT, expected.data.cell_weight_ERT));
  EXPECT_TRUE(at::equal(found.stopping.best_shared_EP, expected.stopping.best_shared_EP));
  EXPECT_EQ(found.stopping.best_step_E, expected.stopping.best_step_E);
  EXPECT_EQ(found.stopping.worse_E, expected.stopping.worse_E);
  EXPECT_EQ(found.state.active_E, expected.state.active_E);
  ASSERT_EQ(found.history.size(), expected.history.size());
  for (size_t i = 0; i < found.history.size(); ++i) {
    EXPECT_EQ(found.history[i].step, expected.history[i].step);
    EXPECT_EQ(found.history[i].loss, expected.history[i].loss);
    EXPECT_TRUE(found.history[i].validation_rmse == expected.history[i].validation_rmse ||
                std::isnan(expected.history[i].validation_rmse));
  }
}

void check_resume(TrainerOptions options, const std::vector<int64_t>& stops) {
  const auto prepare = [&] {
    return FitCase(mmm_panel(kRegions, kWeeks, 3, 2), quick_model(), options, kOrigin, {1, 2});
  };
  FitCase straight = prepare();
  std::map<int64_t, Checkpoint> kept;
  TrainerCallbacks callbacks;
  callbacks.checkpoint = [&](const Fit& fit) { kept[fit.state.step] = make_checkpoint(fit, "", ""); };
  train(*straight.fit, callbacks);
  for (const int64_t stop : stops) {
    SCOPED_TRACE(::testing::Message() << "stopped after step " << stop);
    ASSERT_TRUE(kept.count(stop));
    FitCase resumed = prepare();
    restore_fit(kept.at(stop), *resumed.fit);
    EXPECT_EQ(resumed.fit->state.step, stop);
    train(*resumed.fit, {});
    expect_same_bits(*resumed.fit, *straight.fit);
  }
}

// 24 steps refresh Huber's weights before steps 7, 13 and 19, and validate after every fifth.
TEST(FitCheckpoint, GoingOnGivesTheBitsOfNoInterruption) {
  TrainerOptions options = quick_trainer(24);
  options.checkpoint_every = 1;
  options.float64 = false;
  check_resume(options, {1, 4, 5, 6, 7, 12, 18, 23});
  options.float64 = true;
  options.deterministic = true;
  check_resume(options, {6, 11});
}

TEST(FitCheckpoint, GoingOnKeepsEarlyStoppingInMind) {
  TrainerOptions options = quick_trainer(60);
  options.checkpoint_every = 1;
  options.learning_rate = 3;
  options.validate_every = 1;
  options.patience = 5;
  check_resume(options, {2, 4});
}

TEST(FitCheckpoint, SurvivesAFile) {
  const TemporaryFolder folder;
  FitCase run(mmm_panel(kRegions, kWeeks, 3, 2), quick_model(), quick_trainer(6), kOrigin, {1, 2});
  train(*run.fit, {});
  write_checkpoint(folder.path() / "fit.h5", make_checkpoint(*run.fit, "a: 1\n", "abc"), *run.alone);
  const Checkpoint read = read_checkpoint(folder.path() / "fit.h5");
  EXPECT_EQ(read.config, "a: 1\n");
  FitCase restored(mmm_panel(kRegions, kWeeks, 3, 2), quick_model(), quick_trainer(6), kOrigin, {1, 2});
  restore_fit(read, *restored.fit);
  expect_same_bits(*restored.fit, *run.fit);
}

TEST(FitCheckpoint, RefusesACheckpointOfAnotherModel) {
  FitCase run(mmm_panel(kRegions, kWeeks, 3, 2), quick_model(), quick_trainer(2), kOrigin, {1});
  const Checkpoint checkpoint = make_checkpoint(*run.fit, "", "");
  const auto expect_refusal = [&](const ModelOptions& model, const TrainerOptions& trainer,
                                  const std::vector<uint64_t>& seeds, const char* part, int64_t origin = kOrigin) {
    FitCase other(mmm_panel(kRegions, kWeeks, 3, 2), model, trainer, origin, seeds);
    try {
      restore_fit(checkpoint, *other.fit);
      FAIL() << "accepted; expected a complaint about " << part;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  ModelOptions wider = quick_model();
  wider.hidden = 7;
  expect_refusal(wider, quick_trainer(2), {1}, "gru");
  expect_refusal(quick_model(), quick_trainer(2), {1, 2}, "member");
  TrainerOptions single = quick_trainer(2);
  single.float64 = false;
  expect_refusal(quick_model(), single, {1}, "precision");
  expect_refusal(quick_model(), quick_trainer(2), {7}, "its seed is 1, and this run's 7");
  // Weeks that were trained on would be held out.
  expect_refusal(quick_model(), quick_trainer(2), {1}, "data.holdout_weeks", kOrigin - 4);
}

TEST(FitCheckpoint, RefusesACheckpointOfAModelWithoutGru) {
  ModelOptions plain = quick_model();
  plain.gru = false;
  FitCase run(mmm_panel(kRegions, kWeeks, 3, 2), plain, quick_trainer(2), kOrigin, {1});
  FitCase other(mmm_panel(kRegions, kWeeks, 3, 2), quick_model(), quick_trainer(2), kOrigin, {1});
  EXPECT_THROW(restore_fit(make_checkpoint(*run.fit, "", ""), *other.fit), Error);
}

at::Tensor future(const Panel& panel, const std::vector<double>& values, int64_t width) {
  return at::from_blob(const_cast<double*>(values.data()), {panel.regions, panel.weeks(), width}, at::kDouble)
      .narrow(1, panel.weeks() - kAhead, kAhead)
      .clone();
}

// A fit that saw the future's media beside its training weeks, against one that never did, asked afterwards.
void compare_forecasts(const ModelOptions& model, bool float64, double tolerance) {
  TrainerOptions options = quick_trainer(12);
  options.float64 = float64;
  Panel panel = mmm_panel(kRegions, kWeeks, 3, 2);
  for (int64_t t = 0; t < kWeeks; ++t)  // region 6 has too little history: it predicts its mean
    if (t >= 3) panel.observed_RT[6 * kWeeks + t] = 0;
  FitCase with_holdout(panel, model, options, kOrigin, {1, 2});
  FitCase without(first_weeks(panel, kOrigin), model, options, kOrigin, {1, 2});
  train(*with_holdout.fit, {});
  train(*without.fit, {});
  const Forecaster forecaster = make_forecaster(make_checkpoint(*without.fit, "", ""), model);
  // Media as the fit has them: missing rows continue the weeks before.
  const at::Tensor media = with_holdout.fit->data.media_RTC.to(at::kDouble).narrow(1, kOrigin, kAhead);
  const at::Tensor found = forecast(forecaster, media, future(panel, panel.controls_RTK, 2));
  const at::Tensor expected = with_holdout.predictions()[0].narrow(1, kOrigin, kAhead);
  const at::Tensor scale = with_holdout.fit->data.target_scale_ER[0].unsqueeze(-1);
  EXPECT_LT(((found - expected) / scale).abs().max().item<double>(), tolerance);
  EXPECT_GT(((expected - expected.mean(1, true)) / scale).abs().max().item<double>(), 1e-2)
      << "a constant forecast proves little";
}

TEST(Forecast, IsWhatAFitWithThoseWeeksInItsHoldoutPredicts) {
  compare_forecasts(quick_model(), true, 1e-9);
  compare_forecasts(quick_model(), false, 1e-5);
}

TEST(Forecast, IsWhatAFitPredictsWithoutGruAndWithATrend) {
  ModelOptions model = quick_model();
  model.gru = false;
  model.trend = true;
  compare_forecasts(model, true, 1e-9);
}

TEST(Forecast, IsWhatAFitPredictsOnSharesOfVoiceThatChannelsPassOn) {
  ModelOptions model = quick_model();
  model.share_of_voice = true;
  model.adjacency = Adjacency::kTriangular;
  compare_forecasts(model, true, 1e-9);
}

TEST(Forecast, IsWhatAFitPredictsAsARandomWalk) {
  ModelOptions model = quick_model();
  model.persistence = 1;
  compare_forecasts(model, true, 1e-6);
}

TEST(Forecast, OfAWeekDoesNotDependOnTheWeeksAfterIt) {
  FitCase run(mmm_panel(kRegions, kWeeks, 3, 2), quick_model(), quick_trainer(4), kWeeks, {1});
  train(*run.fit, {});
  const Forecaster forecaster = make_forecaster(make_checkpoint(*run.fit, "", ""), quick_model());
  const at::Tensor media = future(*run.panel, run.panel->media_RTC, 3),
                   controls = future(*run.panel, run.panel->controls_RTK, 2);
  const at::Tensor eight = forecast(forecaster, media, controls),
                   one = forecast(forecaster, media.narrow(1, 0, 1), controls.narrow(1, 0, 1));
  EXPECT_TRUE(at::allclose(one, eight.narrow(1, 0, 1), 1e-12, 1e-12));
}

}  // namespace
}  // namespace dcmmm
