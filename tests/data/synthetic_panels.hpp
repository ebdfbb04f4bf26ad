// Made-up panels that fit into memory, with the parts that their targets are made of.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "data/synthetic.hpp"

namespace dcmmm {

inline SyntheticOptions small() {
  SyntheticOptions options;
  options.regions = 7;
  options.weeks = 60;
  options.channels = 5;
  options.controls = 2;
  return options;
}

inline SyntheticOptions with_graph() {
  auto options = small();
  options.regions = 40;
  options.weeks = 120;
  options.graph_edges = 5;
  options.graph_lagged = 0.4;
  return options;
}

// The whole panel in memory, and its parts.
struct Whole {
  Panel panel;
  TruthBlock parts;
  SyntheticTruth truth;
};

template <class Values>
inline void append(Values& all, const Values& block) {
  all.insert(all.end(), block.begin(), block.end());
}

inline Whole generate(const SyntheticOptions& options, int64_t block_regions) {
  Whole whole;
  whole.truth = generate_panel(
      options,
      [&](const Panel& block, const TruthBlock& parts) {
        EXPECT_LE(block.regions, block_regions);
        EXPECT_EQ(block.first_region, whole.panel.regions);
        whole.panel.coordinates = block.coordinates;
        whole.panel.regions += block.regions;
        append(whole.panel.target_RT, block.target_RT);
        append(whole.panel.observed_RT, block.observed_RT);
        append(whole.panel.media_RTC, block.media_RTC);
        append(whole.panel.controls_RTK, block.controls_RTK);
        append(whole.panel.population_R, block.population_R);
        append(whole.panel.spend_RTC, block.spend_RTC);
        append(whole.parts.baseline_RT, parts.baseline_RT);
        append(whole.parts.seasonality_RT, parts.seasonality_RT);
        append(whole.parts.controls_RT, parts.controls_RT);
        append(whole.parts.media_RTC, parts.media_RTC);
      },
      block_regions);
  return whole;
}

}  // namespace dcmmm
