// What media are measured against, by the panel. R regions, T weeks, C channels.
#include "trainer/media_unit.hpp"

#include <gmock/gmock.h>

#include "common/errors.hpp"
#include "common/random.hpp"
#include "data/synthetic.hpp"
#include "tests/trainer/fit_case.hpp"
#include "trainer/likelihood_run.hpp"

namespace dcmmm {
namespace {

using testing::observed_cells;

constexpr int64_t kOrigin = 72;

// Curves act on media per head.
Panel panel_of(uint64_t seed) {
  SyntheticOptions options;
  options.kind = SyntheticKind::kClean;
  options.regions = 24;
  options.weeks = 80;
  options.channels = 3;
  options.controls = 1;
  options.noise = 0.03;
  options.seed = seed;
  Panel out;
  generate_panel(options, [&](const Panel& block, const TruthBlock&) { out = block; });
  return out;
}

// The nation's media in other units in each region: nothing but its own mean says what is much there.
Panel with_units_of_regions(Panel panel) {
  const int64_t cells = panel.weeks() * panel.channels();
  for (int64_t r = 0; r < panel.regions; ++r) {
    const double unit = std::exp(1.5 * RandomStream(5, static_cast<uint64_t>(r)).normal());
    for (int64_t i = 0; i < cells; ++i) panel.media_RTC[r * cells + i] *= unit;
  }
  return panel;
}

MediaUnit chosen(const Panel& panel, MediaUnit given = MediaUnit::kAuto, std::string* line = nullptr) {
  const auto alone = make_local_communicator();
  const RegionLoop loop(plan_regions(observed_cells(panel), 0, 1, 64, false), *alone);
  ModelOptions model;
  model.media_unit = given;
  const LikelihoodOptions likelihood;
  return choose_media_unit(panel, options_of_likelihood(model, likelihood), likelihood, kOrigin, loop,
                           [&](const std::string& words) {
                             if (line != nullptr) *line = words;
                           });
}

TEST(MediaUnits, ThePanelTellsMediaPerHeadFromMediaPerRegion) {
  for (const uint64_t seed : {1, 2}) {
    const Panel per_head = panel_of(seed);
    EXPECT_NE(chosen(per_head), MediaUnit::kRegion) << seed;
    EXPECT_EQ(chosen(with_units_of_regions(per_head)), MediaUnit::kRegion) << seed;
  }
}

TEST(MediaUnits, APopulationIsTriedWhereEveryRegionHasOne) {
  Panel panel = panel_of(1);
  std::string line;
  chosen(panel, MediaUnit::kAuto, &line);
  EXPECT_THAT(line, ::testing::HasSubstr("population"));
  panel.population_R[3] = 0;
  chosen(panel, MediaUnit::kAuto, &line);
  EXPECT_THAT(line, ::testing::Not(::testing::HasSubstr("population")));
  EXPECT_THROW(chosen(panel, MediaUnit::kPopulation), UserError);
}

TEST(MediaUnits, WhatIsGivenStays) {
  const Panel panel = panel_of(1);
  for (const MediaUnit unit : {MediaUnit::kRegion, MediaUnit::kTarget, MediaUnit::kPopulation}) {
    EXPECT_EQ(chosen(panel, unit), unit);
    EXPECT_EQ(media_unit(name_of(unit)), unit);
  }
}

}  // namespace
}  // namespace dcmmm
