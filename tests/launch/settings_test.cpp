// What a fit chose is what its run's config says afterwards: a resumed run and `run.init` start from there.
#include "launch/settings.hpp"

#include <gtest/gtest.h>

#include "launch/configuration.hpp"

namespace dcmmm {
namespace {

TEST(KeepChosen, TheConfigGivesTheChosenModel) {
  for (const bool gru : {true, false}) {
    Value config = compose({{DCMMM_SOURCE_DIR "/configs"}, "config", {}});
    ModelOptions chosen = model_options(config);
    chosen.stiffness = 61;
    chosen.persistence = 0.91;
    chosen.ridge = 7;
    chosen.ridge_controls = 1e4;
    chosen.harmonics = 3;
    chosen.size_power = 0.75;
    chosen.gru = gru;
    chosen.gru_level_sd = 0.31;
    chosen.gru_change_sd = 0.031;
    const Value before = config;
    keep_chosen(chosen, /*by_likelihood=*/false, config);
    for (const std::string& key : leaf_paths(config))
      EXPECT_TRUE(*find_path(before, key) == *find_path(config, key) || is_chosen(key, {})) << key;
    const ModelOptions again = model_options(config);
    EXPECT_EQ(again.stiffness, chosen.stiffness);
    EXPECT_EQ(again.persistence, chosen.persistence);
    EXPECT_EQ(again.ridge, chosen.ridge);
    EXPECT_EQ(again.ridge_controls, chosen.ridge_controls);
    EXPECT_EQ(again.harmonics, chosen.harmonics);
    EXPECT_EQ(again.size_power, chosen.size_power);
    EXPECT_EQ(again.gru, gru);
    EXPECT_EQ(again.gru_level_sd, chosen.gru_level_sd);
    EXPECT_EQ(again.gru_change_sd, chosen.gru_change_sd);
  }
}

TEST(KeepChosen, WhatAWordNamesIsntChosen) {
  EXPECT_TRUE(is_chosen("model.ridge.strength", {"model=ridge", "trainer.steps=3"}));
  EXPECT_FALSE(is_chosen("model.ridge.strength", {"model.ridge.strength=3"}));
  EXPECT_FALSE(is_chosen("model.hidden", {}));
}

}  // namespace
}  // namespace dcmmm
