// What a user asks of a plan; the defaults are those of configs/plan/default.yaml.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dcmmm {

/// What is decided: the spend on a channel, and how finely.
enum class PlanLevel { kChannel, kChannelRegion, kChannelWeek, kAll };

/// Limits of a sum of spends over the horizon. `lower` and `upper` are multiples of today's, `min` and `max` currency;
/// where both are given the narrower one counts.
struct SumLimits {
  std::optional<double> lower, upper, min, max;
  bool locked = false;  // stays exactly as it is today
};

struct GroupLimits {
  std::vector<std::string> channels;
  SumLimits limits;
};

struct PlanOptions {
  // At most one of these; none: today's budget.
  std::optional<double> budget, target_roi, target_outcome;
  int64_t horizon_weeks = 13, tail_weeks = 8;
  PlanLevel level = PlanLevel::kChannel;
  double lower = 0.5, upper = 2.0;            // of every channel, in multiples of today's
  std::map<std::string, SumLimits> channels;  // where they differ
  std::map<std::string, GroupLimits> groups;
  std::vector<std::string> locked;
  double cell_lower = 0.0, cell_upper = 3.0;  // of a region or week, in multiples of its share of today's
  std::optional<double> smoothness;           // of neighbouring weeks, in multiples of today's mean week
  bool robust = false;                        // maximise the lower quantile instead of the mean
  double quantile = 0.1;
  int64_t draws = 32, starts = 8;
  bool include_unidentified = false;
  std::map<std::string, double> cost;  // price per media unit by channel, where the panel has no spend
  std::optional<double> revenue;       // per unit of the target
  double cut = 0.2;
  std::optional<std::filesystem::path> scenarios;
  double interval = 0.9;
  uint64_t seed = 0;
  int threads = 1;
};

}  // namespace dcmmm
