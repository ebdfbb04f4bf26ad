// How much may be spent on channels and groups of channels together, and what clashes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "planning/options.hpp"

namespace dcmmm {

/// Limits of a sum of spends over the horizon, currency, each with the words that set it: for messages.
struct SumRange {
  std::string name;
  double lower = 0, upper = 0;
  std::string lower_says, upper_says;
};

/// Channels whose spends have a common limit.
struct ChannelGroup {
  std::vector<int64_t> channels;
  SumRange range;
};

/// What a sum may be: the narrower ones of the multiples of `today` and the amounts; `key` is where they are given
/// ("plan.channels.tv"), `general` what counts where it gives no multiple. A locked one is today's, and `kept_says`
/// why. Throws UserError for limits that clash, with each other or with the lock.
SumRange sum_range(const std::string& name, const std::string& key, const SumLimits& limits, const SumLimits& general,
                   double today, const std::string& kept_says = "locked at today's");

/// Limits of sums as a tree: channels, groups of them, all. After `tighten` each range holds what can be reached.
struct SumLimitsTree {
  std::vector<SumRange> channels;
  std::vector<ChannelGroup> groups;
  std::vector<int64_t> loose;  // channels in no group
  SumRange all;

  /// Narrows every range to what the parts allow: `cells` are the sums of each channel's own variables. Throws
  /// UserError that names the limits that clash.
  void tighten(const std::vector<SumRange>& cells);

  /// Throws UserError where `budget` can't be spent, naming it, after the words `says`, and the limits in its way.
  void check_budget(double budget, const std::string& says = "plan.budget=") const;

  /// Channel totals near `wanted` that keep all limits and sum to `budget`. REQUIRES: tightened, and a budget within
  /// `all`.
  std::vector<double> feasible_totals(std::vector<double> wanted, double budget) const;
};

/// Moves every value by the same share of its way to its upper (or lower) limit, so that they sum to `total`.
/// REQUIRES: values within limits, a total within the limits' sums.
void move_to_total(std::vector<double>& values, const std::vector<double>& lower, const std::vector<double>& upper,
                   double total);

/// An amount for messages: few digits.
std::string amount(double value);

}  // namespace dcmmm
