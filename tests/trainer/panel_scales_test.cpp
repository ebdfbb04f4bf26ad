// What media are measured against and what regions' sizes are, by the panel. R regions, T weeks, C channels.
#include "trainer/panel_scales.hpp"

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

PanelScales scales_of(const Panel& panel, MediaUnit given = MediaUnit::kAuto, std::string* line = nullptr) {
  const auto alone = make_local_communicator();
  const RegionLoop loop(plan_regions(observed_cells(panel), 0, 1, 64, false), *alone);
  ModelOptions model;
  model.media_unit = given;
  const LikelihoodOptions likelihood;
  return choose_panel_scales(panel, options_of_likelihood(model, likelihood), likelihood, kOrigin, loop,
                             [&](const std::string& words) {
                               if (line != nullptr) *line = words;
                             });
}

MediaUnit chosen(const Panel& panel, MediaUnit given = MediaUnit::kAuto, std::string* line = nullptr) {
  return scales_of(panel, given, line).media_unit;
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

TEST(RegionSizes, WhatIsAddedToEveryRegionAlikeIsNoSize) {
  const Panel plain = panel_of(1);
  EXPECT_EQ(scales_of(plain).size_offset, 0);
  double mean = 0, cells = 0;
  for (size_t i = 0; i < plain.target_RT.size(); ++i)
    if (plain.observed_RT[i] != 0) mean += plain.target_RT[i], cells += 1;
  mean /= cells;
  for (const double constant : {0.5 * mean, 2 * mean}) {
    Panel raised = plain;
    for (double& target : raised.target_RT) target += constant;
    const PanelScales found = scales_of(raised);
    EXPECT_NEAR(found.size_offset, constant, 0.15 * mean);
    // In proportion to the regions' sizes it is nothing of the kind.
    Panel scaled = plain;
    for (double& target : scaled.target_RT) target *= 1 + constant / mean;
    EXPECT_EQ(scales_of(scaled).size_offset, 0);
  }
  // Whatever the chunk, the same answer.
  Panel raised = plain;
  for (double& target : raised.target_RT) target += mean;
  const auto offset_of = [&](int64_t chunk) {
    const auto alone = make_local_communicator();
    const RegionLoop loop(plan_regions(observed_cells(raised), 0, 1, chunk, false), *alone);
    return estimate_size_offset(raised, kOrigin, loop);
  };
  EXPECT_NEAR(offset_of(5).value, offset_of(64).value, 1e-9 * mean);
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
