// Before any claim: does a channel drive the target, or follow it? Figures of each channel that need no fit.
// Shapes: C channels.
#pragma once

#include <string>
#include <vector>

#include "likelihood/panel_data.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// What the training weeks say about one channel. Slopes are of the target relative to its mean in the region on media
/// relative to theirs; NaN where a channel doesn't vary.
struct ChannelIdentification {
  double local_slope = 0;     // within regions, national means of the week removed
  double national_slope = 0;  // of the national means over weeks
  // Of the channel's log on the last four weeks' local target, given its own and the other channels' last four weeks;
  // NaN where no local target moves: in a single region that is the nation's.
  double demand_slope = 0;
  double demand_t = 0;       // its t value
  double collinearity = 0;   // R2 of the channel on the other channels
  double weeks_on = 0;       // share of observed cells with media
  double weeks_varying = 0;  // share of observed cells more than 10 % off the region's mean
  bool follows_demand = false;
  bool varies = true;          // in the training weeks of the regions that are fitted
  bool by_experiment = false;  // an experiment says what the panel can't
  std::string reason;          // why it isn't identified; empty where it is

  bool is_identified() const { return (varies && !follows_demand) || by_experiment; }
};

/// One entry a channel. Collective; the same on every rank.
std::vector<ChannelIdentification> identify_channels(const LikelihoodData& data, const RegionLoop& loop);

}  // namespace dcmmm
