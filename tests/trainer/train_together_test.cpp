// Fits side by side in the member axis against each of them alone.
#include "trainer/train_together.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <limits>

#include "common/errors.hpp"
#include "tests/trainer/fit_case.hpp"

namespace dcmmm {
namespace {

using testing::FitCase;
using testing::mmm_panel;
using testing::quick_model;
using testing::quick_trainer;

constexpr int64_t kOrigin = 36;

// Trial `number` of a search over what may differ between fits that go together.
FitCase trial(int number, double learning_rate) {
  ModelOptions model = quick_model();
  model.stiffness = 5.0 + 10.0 * number;
  model.persistence = 0.9 + 0.02 * number;
  model.size_power = 1.0 + 0.2 * number;
  model.ridge = 4.0 * (number + 1);
  model.ridge_media = 0.2 * (number + 1);
  model.huber_delta = number == 1 ? 0.0 : 1.0 + 0.5 * number;
  model.decay = 0.2 + 0.1 * number;
  model.exponent = 2.2 + 0.2 * number;
  model.half_saturation = 0.6 + 0.2 * number;
  TrainerOptions options = quick_trainer(24);
  options.learning_rate = learning_rate;
  options.weight_decay = 0.01 * number;
  options.patience = 1;
  return FitCase(mmm_panel(7, 44, 3, 2), model, options, kOrigin, {static_cast<uint64_t>(number)});
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

// Each pack of `size` trials against the same trials alone; returns how many of them stopped early.
int compare(const std::vector<double>& learning_rates, size_t size) {
  int stopped = 0;
  for (size_t begin = 0; begin < learning_rates.size(); begin += size) {
    std::deque<FitCase> pack;
    std::vector<Fit*> fits;
    for (size_t i = begin; i < std::min(begin + size, learning_rates.size()); ++i)
      fits.push_back(pack.emplace_back(trial(static_cast<int>(i), learning_rates[i])).fit.get());
    const auto problems = train_together(
        fits, [] { return false; }, [](size_t, const std::string&) {});
    for (size_t i = 0; i < fits.size(); ++i) {
      const FitCase alone = trial(static_cast<int>(begin + i), learning_rates[begin + i]);
      const Fit& fit = *alone.fit;
      train(*alone.fit, {});
      EXPECT_EQ(problems[i], "");
      EXPECT_EQ(fits[i]->state.step, fit.state.step) << begin + i;
      EXPECT_EQ(fits[i]->stopping.best_step_E, fit.stopping.best_step_E);
      EXPECT_NEAR(fits[i]->stopping.best_rmse_E[0] / fit.stopping.best_rmse_E[0], 1, 1e-9);
      EXPECT_LT(distance(pack[i].predictions(), alone.predictions()), 1e-9) << begin + i;
      stopped += fit.state.step < 24;
    }
  }
  return stopped;
}

TEST(TrainTogether, IsWhatEachFitGivesAloneWhateverThePack) {
  const std::vector<double> rates = {0.02, 0.5, 0.005, 1.5, 0.05};
  int stopped = 0;
  for (const size_t size : {1, 2, 5}) stopped += compare(rates, size);
  EXPECT_GT(stopped, 0) << "no fit made room for the others early";
}

TEST(TrainTogether, AFitThatIsNotFiniteGoesOnAloneAndLeavesTheOthersAsTheyAre) {
  std::deque<FitCase> pack;
  std::vector<Fit*> fits;
  for (const double rate : {0.02, 1e200, 0.02})
    fits.push_back(pack.emplace_back(trial(static_cast<int>(fits.size()), rate)).fit.get());
  const auto problems = train_together(
      fits, [] { return false; }, [](size_t, const std::string&) {});
  for (const size_t i : {0, 2}) {
    const FitCase alone = trial(static_cast<int>(i), 0.02);
    train(*alone.fit, {});
    EXPECT_EQ(problems[i], "");
    EXPECT_LT(distance(pack[i].predictions(), alone.predictions()), 1e-9);
  }
  const FitCase lost = trial(1, 1e200);
  std::string said;
  try {
    train(*lost.fit, {});
  } catch (const std::exception& error) {
    said = error.what();
  }
  EXPECT_EQ(problems[1].empty(), said.empty()) << problems[1] << said;
}

// A fit that fails right after Huber's weights were taken goes on alone with these, as it would have.
TEST(TrainTogether, TakesHubersWeightsOnceForAFitThatGoesOnAlone) {
  // A quarter through: the next step ruins the parameters, the one after it fails. Long before the half all is over.
  const auto spoil_then_stop = [](Fit& fit) {
    if (fit.state.step == 6) fit.options.learning_rate = std::numeric_limits<double>::quiet_NaN();
    return fit.state.step >= 8;
  };
  FitCase other = trial(0, 0.02), together = trial(2, 0.02), alone = trial(2, 0.02);
  for (FitCase* of : {&other, &together, &alone}) of->fit->options.patience = 100;
  TrainerCallbacks callbacks;
  callbacks.request = [&] { return spoil_then_stop(*alone.fit) ? Request::kStop : Request::kNone; };
  EXPECT_EQ(train(*alone.fit, callbacks), Outcome::kStopped);
  train_together(
      {other.fit.get(), together.fit.get()}, [&] { return spoil_then_stop(*together.fit); },
      [](size_t, const std::string&) {});
  EXPECT_EQ(together.fit->state.step, alone.fit->state.step);
  EXPECT_LT(together.fit->state.active_E[0], 1) << "it never failed";
  EXPECT_LT(distance(together.fit->data.cell_weight_ERT, alone.fit->data.cell_weight_ERT), 1e-9);
}

// The first of these rolling origins leaves too few weeks for a shadow, so it is never validated; the others are.
TEST(TrainTogether, ValidatesEachFitWhenItIsDueWhicheverComesFirst) {
  const auto fit_until = [](int64_t weeks, int64_t origin) {
    TrainerOptions options = quick_trainer(24);
    options.validate_every = 2;
    options.patience = 2;
    options.learning_rate = 0.5;
    return FitCase(slice_weeks(mmm_panel(7, 52, 3, 2), 0, weeks), quick_model(), options, origin, {5});
  };
  const std::vector<std::pair<int64_t, int64_t>> cuts = {{20, 15}, {24, 19}, {28, 23}};
  std::deque<FitCase> pack;
  std::vector<Fit*> fits;
  for (const auto& [weeks, origin] : cuts) fits.push_back(pack.emplace_back(fit_until(weeks, origin)).fit.get());
  for (const Fit* fit : fits) ASSERT_TRUE(may_go_together(*fits[0], *fit));
  ASSERT_FALSE(fits[0]->has_shadows());
  ASSERT_TRUE(fits[1]->has_shadows() && fits[2]->has_shadows());
  const auto problems = train_together(
      fits, [] { return false; }, [](size_t, const std::string&) {});
  for (size_t i = 0; i < cuts.size(); ++i) {
    const FitCase alone = fit_until(cuts[i].first, cuts[i].second);
    train(*alone.fit, {});
    EXPECT_EQ(problems[i], "");
    EXPECT_EQ(fits[i]->state.step, alone.fit->state.step) << i;
    EXPECT_EQ(fits[i]->stopping.best_step_E, alone.fit->stopping.best_step_E) << i;
    EXPECT_EQ(fits[i]->stopping.worse_E, alone.fit->stopping.worse_E) << i;
    EXPECT_LT(distance(pack[i].predictions(), alone.predictions()), 1e-9) << i;
  }
  EXPECT_LT(fits[1]->state.step, 24) << "early stopping has nothing to say here";
}

// Rolling origins: each sees the panel up to its own forecast.
TEST(TrainTogether, TakesFitsOfAPanelsFirstWeeks) {
  const auto fit_until = [](int64_t weeks, int64_t origin) {
    return FitCase(slice_weeks(mmm_panel(7, 52, 3, 2), 0, weeks), quick_model(), quick_trainer(24), origin, {5});
  };
  const std::vector<std::pair<int64_t, int64_t>> cuts = {{40, 34}, {52, 46}, {46, 40}};
  std::deque<FitCase> pack;
  std::vector<Fit*> fits;
  for (const auto& [weeks, origin] : cuts) fits.push_back(pack.emplace_back(fit_until(weeks, origin)).fit.get());
  for (const Fit* fit : fits) EXPECT_TRUE(may_go_together(*fits[0], *fit));
  const auto problems = train_together(
      fits, [] { return false; }, [](size_t, const std::string&) {});
  for (size_t i = 0; i < cuts.size(); ++i) {
    const FitCase alone = fit_until(cuts[i].first, cuts[i].second);
    train(*alone.fit, {});
    EXPECT_EQ(problems[i], "");
    EXPECT_EQ(fits[i]->state.step, alone.fit->state.step);
    EXPECT_LT(distance(pack[i].predictions(), alone.predictions()), 1e-9) << i;
  }
}

TEST(TrainTogether, SeesWhatCannotGoTogether) {
  const Panel panel = mmm_panel(7, 44, 3, 2);
  const FitCase fit(panel, quick_model(), quick_trainer(24), kOrigin, {5});
  ModelOptions other_model = quick_model();
  other_model.harmonics += 1;
  const FitCase wavier(panel, other_model, quick_trainer(24), kOrigin, {5});
  EXPECT_FALSE(may_go_together(*fit.fit, *wavier.fit));
  ModelOptions freer_model = quick_model();
  freer_model.gru_level_sd *= 3;
  const FitCase freer(panel, freer_model, quick_trainer(24), kOrigin, {5});
  EXPECT_FALSE(may_go_together(*fit.fit, *freer.fit));
  Panel changed = panel;
  changed.media_RTC[0] += 1;
  const FitCase elsewhere(changed, quick_model(), quick_trainer(24), kOrigin, {5});
  EXPECT_FALSE(may_go_together(*fit.fit, *elsewhere.fit));
  EXPECT_TRUE(may_go_together(*fit.fit, *fit.fit));
}

TEST(TrainTogether, StopsWhenAsked) {
  FitCase one = trial(0, 0.02), two = trial(1, 0.02);
  int asked = 0;
  train_together(
      {one.fit.get(), two.fit.get()}, [&] { return ++asked > 1; }, [](size_t, const std::string&) {});
  EXPECT_GT(one.fit->state.step, 0);
  EXPECT_LT(one.fit->state.step, 24);
  EXPECT_EQ(one.fit->state.step, two.fit->state.step);
}

}  // namespace
}  // namespace dcmmm
