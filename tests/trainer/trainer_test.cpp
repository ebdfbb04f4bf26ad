// Whole fits: what they may not depend on, and when they stop. E members, R regions, T weeks.
#include "trainer/trainer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <thread>

#include "common/errors.hpp"
#include "tests/trainer/fit_case.hpp"

namespace dcmmm {
namespace {

using testing::FitCase;
using testing::mmm_panel;
using testing::quick_model;
using testing::quick_trainer;

constexpr int64_t kRegions = 7, kWeeks = 44, kOrigin = 36;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Panel panel() { return mmm_panel(kRegions, kWeeks, 3, 2); }

double distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

TEST(Train, NothingInTheHoldoutChangesWhatIsLearned) {
  for (const double replacement : {1e7, kNan}) {
    TrainerOptions options = quick_trainer();
    options.float64 = false;
    FitCase plain(panel(), quick_model(), options, kOrigin, {1, 2});
    Panel changed = panel();
    for (int64_t r = 0; r < kRegions; ++r)
      for (int64_t t = kOrigin; t < kWeeks; ++t) {
        changed.target_RT[r * kWeeks + t] = replacement;
        for (int64_t c = 0; c < 3; ++c) changed.media_RTC[(r * kWeeks + t) * 3 + c] = std::abs(replacement);
        for (int64_t k = 0; k < 2; ++k) changed.controls_RTK[(r * kWeeks + t) * 2 + k] = -replacement;
      }
    FitCase other(changed, quick_model(), options, kOrigin, {1, 2});
    train(*plain.fit, {});
    train(*other.fit, {});
    EXPECT_TRUE(at::equal(plain.fit->state.shared_EP, other.fit->state.shared_EP));
    EXPECT_TRUE(at::equal(plain.fit->state.local_ERL, other.fit->state.local_ERL));
    EXPECT_EQ(plain.fit->stopping.best_rmse_E, other.fit->stopping.best_rmse_E);
    EXPECT_TRUE(at::equal(plain.fit->data.cell_weight_ERT, other.fit->data.cell_weight_ERT));
  }
}

TEST(Train, MembersAreWhatTheirSeedsGiveAlone) {
  std::map<uint64_t, FitCase> alone;
  for (const uint64_t seed : {5, 6, 7})
    train(*alone.emplace(seed, FitCase(panel(), quick_model(), quick_trainer(30), kOrigin, {seed})).first->second.fit,
          {});
  for (const std::vector<uint64_t>& seeds : {std::vector<uint64_t>{5, 6, 7}, std::vector<uint64_t>{7, 5, 6}}) {
    FitCase together(panel(), quick_model(), quick_trainer(30), kOrigin, seeds);
    train(*together.fit, {});
    for (int64_t e = 0; e < 3; ++e) {
      const FitCase& single = alone.at(seeds[e]);
      EXPECT_LT(distance(together.fit->state.shared_EP[e], single.fit->state.shared_EP[0]), 1e-10)
          << "seed " << seeds[e] << " in slot " << e;
      EXPECT_LT(distance(together.fit->state.local_ERL[e], single.fit->state.local_ERL[0]), 1e-10);
      EXPECT_LT(distance(together.predictions()[e], single.predictions()[0]), 1e-10);
      EXPECT_NEAR(together.fit->stopping.best_rmse_E[e], single.fit->stopping.best_rmse_E[0],
                  1e-10 * single.fit->stopping.best_rmse_E[0]);
    }
  }
  EXPECT_GT(distance(alone.at(5).fit->state.shared_EP, alone.at(6).fit->state.shared_EP), 1e-3)
      << "seeds should matter";
}

// `regions` a virtual shard: from one region to enough for LibTorch to split its products among threads.
void expect_same_bits(int64_t regions, int64_t weeks, ModelOptions model, TrainerOptions options) {
  options.float64 = false;
  options.deterministic = true;
  std::vector<FitCase> runs;
  for (const auto& [threads, chunk] : {std::pair{1, 64}, std::pair{2, 64}, std::pair{3, 1}}) {
    at::set_num_threads(threads);
    options.region_chunk = chunk;
    runs.emplace_back(mmm_panel(regions, weeks, 3, 2), model, options, weeks - 8, std::vector<uint64_t>{1});
    train(*runs.back().fit, {});
    at::set_num_threads(1);
    SCOPED_TRACE(::testing::Message() << threads << " threads, chunk " << chunk);
    const Fit &found = *runs.back().fit, &expected = *runs[0].fit;
    EXPECT_TRUE(at::equal(found.data.cell_weight_ERT, expected.data.cell_weight_ERT)) << "Huber's weights";
    EXPECT_TRUE(at::equal(found.state.shared_EP, expected.state.shared_EP));
    EXPECT_TRUE(at::equal(found.state.local_ERL, expected.state.local_ERL));
    for (size_t i = 0; i < expected.history.size(); ++i) {
      EXPECT_EQ(found.history[i].loss, expected.history[i].loss) << "step " << i + 1;
      EXPECT_EQ(found.history[i].penalty, expected.history[i].penalty) << "step " << i + 1;
      EXPECT_EQ(found.history[i].gradient_norm, expected.history[i].gradient_norm) << "step " << i + 1;
    }
  }
}

// Without `deterministic` threads take chunks of their own: sums in another order, and nothing else.
TEST(Train, FitsAgreeForAnyThreadsAndChunks) {
  ModelOptions model;
  model.hidden = 5;
  TrainerOptions options;
  options.float64 = true;
  options.steps = 12;
  std::vector<FitCase> runs;
  for (const auto& [threads, chunk] : {std::pair{1, 64}, std::pair{2, 64}, std::pair{3, 7}, std::pair{1, 1}}) {
    at::set_num_threads(threads);
    options.region_chunk = chunk;
    runs.emplace_back(mmm_panel(29, 60, 3, 2), model, options, 52, std::vector<uint64_t>{1});
    train(*runs.back().fit, {});
    at::set_num_threads(1);
    SCOPED_TRACE(::testing::Message() << threads << " threads, chunk " << chunk);
    const Fit &found = *runs.back().fit, &expected = *runs[0].fit;
    EXPECT_LT(distance(found.state.shared_EP, expected.state.shared_EP), 1e-8);
    EXPECT_LT(distance(found.state.local_ERL, expected.state.local_ERL), 1e-8);
    for (size_t i = 0; i < expected.history.size(); ++i)
      EXPECT_NEAR(found.history[i].loss, expected.history[i].loss, 1e-9) << "step " << i + 1;
  }
}

TEST(Train, DeterministicFitsHaveTheSameBitsForAnyThreadsAndChunks) {
  expect_same_bits(40, kWeeks, quick_model(), quick_trainer(8));
  ModelOptions model = quick_model();
  model.hidden = 32;
  expect_same_bits(32 * 5, 40, model, quick_trainer(4));
}

TEST(Train, DeterministicFitsOfManyParametersHaveTheSameBitsForAnyThreads) {
  // One member and 40,000 parameters: LibTorch cuts sums over them among its threads.
  ModelOptions model = quick_model();
  model.hidden = 112;
  TrainerOptions options = quick_trainer(8);
  options.validation_weeks = 0;
  options.clip = 1e-3;
  expect_same_bits(8, 20, model, options);
}

TEST(Train, GoesBackToTheBestStepAndStopsWhenValidationGetsClearlyWorse) {
  TrainerOptions options = quick_trainer(200);
  options.learning_rate = 3;  // ruins the model within a few steps
  options.warmup_steps = 0;
  options.validate_every = 1;
  options.patience = 4;
  FitCase run(panel(), quick_model(), options, kOrigin, {1, 2});
  std::vector<std::pair<at::Tensor, at::Tensor>> after{
      {run.fit->state.shared_EP.clone(), run.fit->state.local_ERL.clone()}};
  TrainerCallbacks callbacks;
  // Judged before this is called: the state of a step that stops a member is the best one already.
  callbacks.progress = [&](const Progress&) {
    after.emplace_back(run.fit->state.shared_EP.clone(), run.fit->state.local_ERL.clone());
  };
  EXPECT_EQ(train(*run.fit, callbacks), Outcome::kDone);
  EXPECT_LT(run.fit->state.step, 200);
  EXPECT_EQ(run.fit->state.active_E, (std::vector<double>{0, 0, 0, 0}));
  for (int64_t m = 0; m < 2; ++m) {
    const auto& [shared, local] = after[run.fit->stopping.best_step_E[m]];
    EXPECT_TRUE(at::equal(run.fit->state.shared_EP[m], shared[m]));
    EXPECT_TRUE(at::equal(run.fit->state.local_ERL[m], local[m]));
    EXPECT_GE(run.fit->stopping.worse_E[m], 4);
  }
  for (const HistoryRow& row : run.fit->history) EXPECT_GE(row.validation_rmse, run.fit->stopping.best_rmse_E[0]);
}

// What each channel brings in the training weeks, in target units.
at::Tensor contributions_C(const FitCase& fitted) {
  const Fit& fit = *fitted.fit;
  const Chunk all{0, fitted.panel->regions};
  const Effects effects = fit.model.effects(fit.data, fit.state.shared_EP, fit.state.local_ERL, all, kOrigin);
  const at::Tensor log_mean_EC = fit.model.layout().view(fit.state.shared_EP, "coefficient.log_mean"),
                   own_ERC = fit.model.layout().view(fit.state.local_ERL, "coefficient.region_effect");
  const at::Tensor coefficient_ERTC = at::softplus(log_mean_EC.unsqueeze(1) + own_ERC).unsqueeze(2);
  const at::Tensor scale_ERTC = fit.data.target_scale_ER.unsqueeze(-1).unsqueeze(-1);
  return (coefficient_ERTC * effects.response_ERTC * scale_ERTC)[0].to(at::kDouble).sum(std::vector<int64_t>{0, 1});
}

TEST(Train, AConstantLeavesContributionsAloneAndAChannelThatHurtsHasNone) {
  ModelOptions model = quick_model();
  model.gru = false;
  TrainerOptions options = quick_trainer();
  options.float64 = false;  // the floor of a coefficient must do in float32
  Panel hurt = panel();
  for (int64_t r = 0; r < kRegions; ++r)
    for (int64_t t = 0; t < kWeeks; ++t) hurt.target_RT[r * kWeeks + t] -= 0.03 * hurt.media_RTC[(r * kWeeks + t) * 3];
  FitCase plain(hurt, model, options, kOrigin, {1});
  train(*plain.fit, {});
  // As much again as each region has: relative to its mean, all else is half as large.
  Panel more = hurt;
  for (int64_t r = 0; r < kRegions; ++r)
    for (int64_t t = 0; t < kWeeks; ++t)
      more.target_RT[r * kWeeks + t] += plain.fit->data.target_scale_ER[0][r].item<double>();
  FitCase raised(more, model, options, kOrigin, {1});
  train(*raised.fit, {});
  const at::Tensor before = contributions_C(plain), after = contributions_C(raised);
  const double target = plain.fit->data.target_scale_ER.sum().item<double>() * kOrigin;
  EXPECT_LT(before[0].item<double>(), 1e-4 * target);
  EXPECT_GT(before[2].item<double>(), 0.01 * target);
  for (int64_t c = 0; c < 3; ++c)
    EXPECT_NEAR(after[c].item<double>(), before[c].item<double>(), 0.1 * before[c].item<double>() + 1e-4 * target)
        << "channel " << c;
}

TEST(Train, WithoutEarlyStoppingRunsToTheEnd) {
  TrainerOptions options = quick_trainer(12);
  options.learning_rate = 3;
  options.validate_every = 1;
  options.early_stopping = false;
  FitCase run(panel(), quick_model(), options, kOrigin, {1});
  const at::Tensor start = run.fit->state.shared_EP.clone();
  EXPECT_EQ(train(*run.fit, {}), Outcome::kDone);
  EXPECT_EQ(run.fit->state.step, 12);
  EXPECT_GT(distance(run.fit->state.shared_EP, start), 0.1);
}

TEST(Train, ValidationWeeksWithoutObservationsStopNothing) {
  Panel gap = panel();
  for (int64_t r = 0; r < kRegions; ++r)
    for (int64_t t = kOrigin - 8; t < kOrigin; ++t) gap.observed_RT[r * kWeeks + t] = 0;
  TrainerOptions options = quick_trainer(20);
  options.validate_every = 2;
  FitCase run(gap, quick_model(), options, kOrigin, {1});
  const at::Tensor start = run.fit->state.shared_EP.clone();
  EXPECT_EQ(train(*run.fit, {}), Outcome::kDone);
  EXPECT_EQ(run.fit->state.step, 20);
  EXPECT_GT(distance(run.fit->state.shared_EP[0], start[0]), 0);
}

// A region that sold nothing before the inner origin has no forecast of its shadow to compare with.
TEST(Train, TheValidationsNaiveForecastsAreOfTheShadowsCells) {
  Panel late = panel(), without = panel();
  for (int64_t t = 0; t < kWeeks; ++t) {
    late.observed_RT[5 * kWeeks + t] = 1;
    late.target_RT[5 * kWeeks + t] = t < kOrigin - 8 ? 0 : 1e6;
    without.observed_RT[5 * kWeeks + t] = 0;
  }
  const FitCase found(late, quick_model(), quick_trainer(), kOrigin, {1}),
      expected(without, quick_model(), quick_trainer(), kOrigin, {1});
  EXPECT_GT(found.fit->data.region_weight_ER[0][5].item<double>(), 0);
  EXPECT_EQ(found.fit->naive_rmse_E, expected.fit->naive_rmse_E);
}

TEST(Train, TooFewWeeksForAnInnerOriginTrainWithoutValidation) {
  FitCase run(mmm_panel(5, 20, 2, 1), quick_model(), quick_trainer(), 12, {1});
  EXPECT_FALSE(run.fit->has_shadows());
  EXPECT_EQ(train(*run.fit, {}), Outcome::kDone);
  EXPECT_TRUE(run.predictions().isfinite().all().item<bool>());
}

TEST(Train, DataThatAreNotNumbersEndInANumericalError) {
  Panel broken = panel();
  broken.observed_RT[5] = 1;
  broken.target_RT[5] = kNan;
  EXPECT_THROW(FitCase(broken, quick_model(), quick_trainer(), kOrigin, {1}), NumericalError);

  FitCase run(panel(), quick_model(), quick_trainer(), kOrigin, {1});
  run.fit->data.target_RT[0][0] = kNan;
  run.fit->data.cell_weight_ERT.select(1, 0).select(1, 0).fill_(1);
  try {
    train(*run.fit, {});
    FAIL() << "a loss that isn't finite was accepted";
  } catch (const NumericalError& error) {
    const std::string message = error.what();
    for (const char* words : {"step 2", "region 'r0', at 0, 'the target' is nan", "trainer.learning_rate"})
      EXPECT_NE(message.find(words), std::string::npos) << message;
  }
}

TEST(Train, GoesOnWithoutAMemberThatIsLost) {
  FitCase run(panel(), quick_model(), quick_trainer(6), kOrigin, {1, 2});
  run.fit->model.layout().view(run.fit->state.shared_EP, "coefficient.log_mean")[0][0] = kNan;
  std::vector<std::string> lines;
  TrainerCallbacks callbacks;
  callbacks.log = [&](const std::string& line) { lines.push_back(line); };
  EXPECT_EQ(train(*run.fit, callbacks), Outcome::kDone);
  EXPECT_EQ(run.fit->state.step, 6);
  EXPECT_EQ(run.fit->state.active_E[0], 0);
  EXPECT_EQ(run.fit->state.active_E[1], 1);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("member 0"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("stays at its last good state"), std::string::npos) << lines[1];
}

// Calls `spoil` before each step, and counts the log's lines by their words.
struct Spoiled {
  std::function<void(Fit&, int64_t step)> spoil;
  int64_t skipped = 0, returned = 0;

  Outcome run(Fit& fit) {
    TrainerCallbacks callbacks;
    callbacks.request = [&] {
      spoil(fit, fit.state.step + 1);
      return Request::kNone;
    };
    callbacks.log = [this](const std::string& line) {
      skipped += line.find("is skipped") != line.npos ? 1 : 0;
      returned += line.find("Back to the last good state") != line.npos ? 1 : 0;
    };
    return train(fit, callbacks);
  }
};

TEST(Train, SkipsAStepThatIsNotFiniteAndHalvesTheLearningRate) {
  FitCase run(panel(), quick_model(), quick_trainer(16), kOrigin, {1});
  const at::Tensor target = run.fit->data.target_RT.clone();
  at::Tensor before;
  Spoiled spoiled{[&](Fit& fit, int64_t step) {
    fit.data.target_RT.copy_(target);
    if (step == 6) fit.data.target_RT[0].fill_(kNan);
    if (step == 6) before = fit.state.shared_EP.clone();
    if (step == 7) {
      EXPECT_TRUE(at::equal(fit.state.shared_EP, before));
    }
  }};
  EXPECT_EQ(spoiled.run(*run.fit), Outcome::kDone);
  EXPECT_EQ(spoiled.skipped, 1);
  EXPECT_EQ(spoiled.returned, 0);
  EXPECT_EQ(run.fit->state.active_E, (std::vector<double>{0.5, 0.5}));
  EXPECT_TRUE(run.predictions().isfinite().all().item<bool>());
  EXPECT_FALSE(at::equal(run.fit->state.shared_EP, before));
}

TEST(Train, GoesBackToTheLastGoodStateWhenTheNextStepIsNotFiniteEither) {
  TrainerOptions options = quick_trainer(12);
  options.checkpoint_every = 3;
  FitCase run(panel(), quick_model(), options, kOrigin, {1});
  at::Tensor good;
  Spoiled spoiled{[&](Fit& fit, int64_t step) {
    if (step == 4) good = fit.state.shared_EP.clone();  // three are done: a copy is due
    if (step == 6) fit.state.shared_EP[0].fill_(kNan);  // the next step refreshes Huber's weights
    if (step == 8) {
      EXPECT_TRUE(at::equal(fit.state.shared_EP[0], good[0]));
    }
  }};
  EXPECT_EQ(spoiled.run(*run.fit), Outcome::kDone);
  EXPECT_EQ(spoiled.skipped, 1);
  EXPECT_EQ(spoiled.returned, 1);
  EXPECT_EQ(run.fit->state.active_E, (std::vector<double>{0.25, 1}));
  EXPECT_TRUE(run.predictions().isfinite().all().item<bool>());
}

TEST(Train, GivesUpAfterAFewReturns) {
  FitCase run(panel(), quick_model(), quick_trainer(60), kOrigin, {1});
  int64_t spoils = 0;
  Spoiled spoiled{[&](Fit& fit, int64_t step) {
    if (step % 3 == 0) fit.state.shared_EP[0].fill_(kNan), ++spoils;
  }};
  EXPECT_THROW(spoiled.run(*run.fit), NumericalError);
  EXPECT_EQ(spoiled.returned, 3);
  EXPECT_LT(run.fit->state.step, 20);
}

TEST(Train, ASignalStopsAfterACheckpoint) {
  FitCase run(panel(), quick_model(), quick_trainer(10), kOrigin, {1});
  int64_t checkpoints = 0, steps = 0;
  TrainerCallbacks callbacks;
  callbacks.progress = [&](const Progress& progress) { steps = progress.step; };
  callbacks.request = [&] { return steps == 1 ? Request::kCheckpoint : steps == 3 ? Request::kStop : Request::kNone; };
  callbacks.checkpoint = [&](const Fit& fit) {
    ++checkpoints;
    EXPECT_EQ(fit.state.step, checkpoints == 1 ? 2 : 4);
  };
  EXPECT_EQ(train(*run.fit, callbacks), Outcome::kStopped);
  EXPECT_EQ(run.fit->state.step, 4);
  EXPECT_EQ(checkpoints, 2);
}

TEST(Train, CheckpointsThatTakeTooLongAreFewer) {
  constexpr int kSteps = 20;
  const auto checkpoints_with = [&](double share) {
    TrainerOptions options = quick_trainer(kSteps);
    options.checkpoint_every = 1;
    options.checkpoint_share = share;
    FitCase run(panel(), quick_model(), options, kOrigin, {1});
    int checkpoints = 0;
    TrainerCallbacks callbacks;
    callbacks.checkpoint = [&](const Fit&) {
      ++checkpoints;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    };
    EXPECT_EQ(train(*run.fit, callbacks), Outcome::kDone);
    return checkpoints;
  };
  EXPECT_EQ(checkpoints_with(1), kSteps);
  // The first, the last, and in between no more than a busy machine's slow steps leave time for.
  EXPECT_LT(checkpoints_with(0.05), kSteps / 2);
  EXPECT_GE(checkpoints_with(0), 2);
}

TEST(Train, TheTimeLimitStopsIt) {
  TrainerOptions options = quick_trainer(1000);
  options.time_limit = 1e-9;
  FitCase run(panel(), quick_model(), options, kOrigin, {1});
  EXPECT_EQ(train(*run.fit, {}), Outcome::kStopped);
  EXPECT_EQ(run.fit->state.step, 1);
}

TEST(Train, PredictsTheMeanWhereThereIsNoUsableHistory) {
  Panel sparse = panel();
  for (int64_t t = 0; t < kWeeks; ++t) {
    sparse.observed_RT[4 * kWeeks + t] = t < 3 || t >= kOrigin;
    sparse.target_RT[4 * kWeeks + t] = t < 3 ? 50 + 10 * static_cast<double>(t) : 900;
    sparse.target_RT[5 * kWeeks + t] = 0;
  }
  FitCase run(sparse, quick_model(), quick_trainer(), kOrigin, {1});
  train(*run.fit, {});
  const at::Tensor predicted = run.predictions()[0];
  EXPECT_TRUE(at::allclose(predicted[4], at::full({kWeeks}, 60.0, at::kDouble)));
  EXPECT_EQ(predicted[5].abs().max().item<double>(), 0);
  EXPECT_TRUE(predicted.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace dcmmm
