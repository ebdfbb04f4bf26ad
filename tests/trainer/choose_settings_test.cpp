#include "trainer/choose_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>

#include "tests/fake_ranks.hpp"
#include "tests/mmm_panel.hpp"
#include "tests/small_panel.hpp"
#include "tests/trainer/fit_case.hpp"
#include "trainer/inner_forms.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAre;
using testing::FitCase;
using testing::mmm_panel;

constexpr FreeSettings kNothing = {false, false, false, false, false, false};

SettingsChoice choose(const Panel& panel, const ModelOptions& start, const FreeSettings& free, int64_t origin) {
  const auto alone = make_local_communicator();
  const RegionLoop loop(plan_regions(testing::observed_cells(panel), 0, 1, 3, false), *alone);
  return choose_settings(panel, start, free, origin, loop);
}

// RMSE of the trainer's own closed-form fit of the weeks before `origin`, over the next `horizon` weeks.
double closed_form_rmse(const Panel& panel, const ModelOptions& options, int64_t origin, int64_t horizon) {
  TrainerOptions trainer = testing::quick_trainer(0);
  trainer.validation_weeks = 0;
  ModelOptions model = options;
  model.gru = false;
  const FitCase fit(panel, model, trainer, origin, {1});
  const at::Tensor predicted = fit.predictions()[0].contiguous();
  double squares = 0, cells = 0;
  for (int64_t r = 0; r < panel.regions; ++r)
    for (int64_t t = origin; t < origin + horizon; ++t) {
      if (panel.observed_RT[r * panel.weeks() + t] == 0) continue;
      if (fit.fit->data.region_weight_ER[0][r].item<double>() == 0) continue;
      const double error = panel.target_RT[r * panel.weeks() + t] - predicted[r][t].item<double>();
      squares += error * error;
      cells += 1;
    }
  return std::sqrt(squares / cells);
}

TEST(LadderOrigins, AreUpToFourAndLeaveHalfOfTheWeeks) {
  EXPECT_THAT(ladder_origins(101).origin_O, ElementsAre(93, 85, 77, 69));
  EXPECT_THAT(ladder_origins(77).origin_O, ElementsAre(69, 61, 53));
  EXPECT_THAT(ladder_origins(40).origin_O, ElementsAre(35, 30, 25));
  EXPECT_EQ(ladder_origins(40).horizon, 5);
  EXPECT_TRUE(ladder_origins(20).origin_O.empty());
}

// Returns how many forecasts were compared.
int compare_with_the_trainers_closed_form(const Panel& panel, const ModelOptions& start) {
  const SettingsChoice choice = choose(panel, start, {}, 64);
  EXPECT_THAT(choice.origin_O, ElementsAre(56, 48, 40));
  // The last judgement of every candidate was made with all settings as chosen, but the one that it is about.
  int compared = 0;
  for (const SettingsCandidate& row : choice.candidates) {
    ModelOptions options = choice.options;
    if (row.setting == "GRU's sd" && row.value != "none") continue;  // they move coefficients
    if (row.setting == "ridge") options.ridge = std::stod(row.value);
    if (row.setting == "harmonics") options.harmonics = std::stoi(row.value);
    if (row.setting == "size power") options.size_power = std::stod(row.value);
    if (row.setting == "ridge of controls") options.ridge_controls = std::stod(row.value);
    if (row.setting == "baseline") {
      options.stiffness = std::stod(row.value);
      options.persistence = std::stod(row.value.substr(row.value.find('/') + 1));
      if (options.stiffness != 5) continue;
    }
    for (size_t o = 0; o < 3; ++o, ++compared)
      EXPECT_NEAR(row.rmse_O[o], closed_form_rmse(panel, options, choice.origin_O[o], choice.horizon),
                  1e-5 * row.rmse_O[o])
          << row.setting << " " << row.value;
  }
  return compared;
}

TEST(ChooseSettings, JudgesByTheForecastsOfTheTrainersClosedForm) {
  const Panel panel = mmm_panel(7, 70, 3, 2);
  EXPECT_GT(compare_with_the_trainers_closed_form(panel, {}), 30);
  ModelOptions known;  // against what the panel says of the first
  known.knowledge.control_signs = {-1, 1};
  EXPECT_GT(compare_with_the_trainers_closed_form(panel, known), 30);
  Panel returns = panel;  // one region's total is far below 0
  for (int64_t t = 0; t < 70; ++t) returns.target_RT[6 * 70 + t] = -1e6;
  EXPECT_GT(compare_with_the_trainers_closed_form(returns, {}), 30);
}

TEST(ChooseSettings, TakesWhatIsClearlyBetterAndNothingElse) {
  // A strong season that the start knows nothing of, and all else as it is.
  Panel panel = mmm_panel(6, 110, 2, 1);
  for (int64_t r = 0; r < panel.regions; ++r)
    for (int64_t t = 0; t < panel.weeks(); ++t)
      panel.target_RT[r * panel.weeks() + t] *= 1 + 0.5 * std::sin(2 * std::numbers::pi * t / 52.18);
  ModelOptions start;
  start.harmonics = 0;
  const SettingsChoice choice = choose(panel, start, {}, 102);
  EXPECT_GE(choice.options.harmonics, 1);
  std::string setting;
  const SettingsCandidate* to_beat = nullptr;
  for (const SettingsCandidate& row : choice.candidates) {
    if (row.setting != setting) to_beat = &row;
    setting = row.setting;
    int wins = 0;
    for (size_t o = 0; o < row.rmse_O.size(); ++o) wins += row.rmse_O[o] < to_beat->rmse_O[o] ? 1 : 0;
    const bool clearly_better = row.rmse < 0.98 * to_beat->rmse && wins > 2;  // of four origins
    if (&row != to_beat && row.chosen) {
      EXPECT_TRUE(clearly_better) << row.setting << " " << row.value;
    }
    if (to_beat->chosen) {
      EXPECT_FALSE(clearly_better) << row.setting << " " << row.value;
    }
  }
  FreeSettings free;
  free.harmonics = false;
  EXPECT_EQ(choose(panel, start, free, 102).options.harmonics, 0);
  EXPECT_TRUE(choose(panel, start, kNothing, 102).candidates.empty());
}

// Its media's effect doubles over the weeks, or stays as it is.
Panel media_panel(bool drifts) {
  Panel panel = mmm_panel(8, 110, 1, 0);
  for (int64_t r = 0; r < panel.regions; ++r) {
    double carried = 0;
    for (int64_t t = 0; t < panel.weeks(); ++t) {
      carried = 0.5 * carried + 0.5 * panel.media_RTC[r * 110 + t] / panel.population_R[r];
      const double effect = drifts ? 0.4 + static_cast<double>(t) / 110 : 0.9;
      const double noise = 0.02 * std::sin(7.0 * static_cast<double>(t * t) + 3.0 * static_cast<double>(r));
      panel.target_RT[r * 110 + t] = 100 * (1 + effect * carried * carried / (0.5 + carried * carried) + noise);
    }
  }
  return panel;
}

TEST(ChooseSettings, LetsTheGruMoveCoefficientsAsFarAsForecastsGain) {
  for (const bool drifts : {false, true}) {
    FreeSettings only_gru = kNothing;
    only_gru.gru = true;
    ModelOptions start;
    start.ridge = 0.3;
    const SettingsChoice choice = choose(media_panel(drifts), start, only_gru, 102);
    ASSERT_EQ(choice.candidates.size(), 4U);
    std::map<std::string, double> rmse;
    for (const SettingsCandidate& row : choice.candidates) rmse[row.value] = row.rmse;
    EXPECT_EQ(rmse["0.3"] < 0.98 * rmse["0.1"], drifts) << rmse["0.3"] << " " << rmse["0.1"];
    EXPECT_EQ(rmse["0.1"] < 0.99 * rmse["none"], drifts) << rmse["0.1"] << " " << rmse["none"];
    EXPECT_EQ(choice.options.gru_level_sd, drifts ? 0.3 : 0.1);
    EXPECT_NEAR(choice.options.gru_change_sd / choice.options.gru_level_sd, 0.1, 1e-12);
    EXPECT_TRUE(choice.options.gru);
  }
}

TEST(ChooseSettings, AGruThatMayMoveNothingIsNone) {
  FreeSettings only_gru = kNothing;
  only_gru.gru = true;
  ModelOptions start;
  start.gru_level_sd = 1e-7;
  start.gru_change_sd = 1e-8;
  const SettingsChoice choice = choose(media_panel(true), start, only_gru, 102);
  ASSERT_EQ(choice.candidates[1].value, "none");
  EXPECT_NEAR(choice.candidates[0].rmse / choice.candidates[1].rmse, 1, 1e-9);
}

TEST(ChooseSettings, NeverLooksBeyondTheTrainingWeeks) {
  const Panel panel = mmm_panel(6, 80, 2, 1);
  Panel other = panel;
  for (int64_t r = 0; r < panel.regions; ++r)
    for (int64_t t = 72; t < 80; ++t) {
      other.target_RT[r * 80 + t] *= 3;
      other.media_RTC[(r * 80 + t) * 2] += 100;
    }
  EXPECT_EQ(ladder_table(choose(panel, {}, {}, 72)), ladder_table(choose(other, {}, {}, 72)));
}

TEST(ChooseSettings, DoesNotDependOnTheRanks) {
  const Panel panel = mmm_panel(7, 70, 3, 2);
  const std::string alone = ladder_table(choose(panel, {}, {}, 64));
  for (const int ranks : {2, 9})
    on_fake_ranks(ranks, [&](Communicator& communicator) {
      const RegionPlan plan = plan_regions(testing::observed_cells(panel), communicator.rank(), ranks, 2, ranks == 2);
      const Panel part = testing::part_of(panel, plan.first_region, plan.regions);
      EXPECT_EQ(ladder_table(choose_settings(part, {}, {}, 64, RegionLoop(plan, communicator))), alone);
    });
}

TEST(ChooseSettings, LeavesShortPanelsAlone) {
  const SettingsChoice choice = choose(mmm_panel(4, 26, 2, 1), {}, {}, 18);
  EXPECT_TRUE(choice.origin_O.empty() && choice.candidates.empty());
}

}  // namespace
}  // namespace dcmmm
