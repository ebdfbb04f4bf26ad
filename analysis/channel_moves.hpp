// What an update with new weeks changed: the channels' shares and decays in two runs' results.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analysis/results.hpp"

namespace dcmmm {

/// A run's figures of its channels. Shapes: C channels.
struct ChannelTotals {
  std::vector<std::string> channels;
  std::vector<double> contribution_C;  // sum over all cells of which the panel has a row, as the draws', KPI units
  double predicted = 0;                // the same sum of the predictions
  SharedResults shared;

  double share(std::size_t channel) const { return contribution_C[channel] / predicted; }
};

/// Reads them from a run's results.h5 and metrics.json. The latter of an earlier version has no sums: those are then
/// over all regions and weeks. Throws as ResultsReader does.
ChannelTotals channel_totals(const std::filesystem::path& results, const std::filesystem::path& metrics);

/// A line a channel: share of the prediction and decay before, their 90 % intervals, and now; a figure that left its
/// interval is marked. The last line names the channels that moved so, or says that the earlier run has no intervals.
/// REQUIRES: the same channels.
std::string moves_table(const ChannelTotals& before, const ChannelTotals& now);

}  // namespace dcmmm
