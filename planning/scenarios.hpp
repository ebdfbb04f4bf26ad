// Schedules side by side: what each brings, by every draw.
// Shapes: D draws, R regions, C channels, H weeks of the horizon.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analysis/intervals.hpp"
#include "planning/fitted_run.hpp"

namespace dcmmm {

struct Scenario {
  std::string name;
  std::vector<double> spend_RCH;   // currency
  std::vector<double> outcome_CD;  // KPI units beyond spending nothing in the horizon; D = 1 without an ensemble
  std::vector<double> slope_RCH;   // of the draws' mean outcome by spend_RCH, where it was asked for
};

/// Fills in the outcomes, and the slopes of the first `with_slopes` scenarios, by all of the run's draws, a few at a
/// time.
void add_outcomes(const FittedRun& run, std::vector<Scenario>& scenarios, size_t with_slopes, int threads);

/// A figure's mean over draws and its interval (NaN without draws), which never reaches below `least`: outcomes are
/// never negative, differences of them may be.
struct Expected {
  double mean;
  Interval interval;
};
Expected expected(const std::vector<double>& outcome_D, double level, double least = 0);

/// Sums over channels, [D].
std::vector<double> over_channels(const Scenario& scenario, int64_t channels);
/// One channel's, [D].
std::vector<double> of_channel(const Scenario& scenario, int64_t channel, int64_t channels);
/// Spend by channel.
std::vector<double> channel_spend(const FittedRun& run, const std::vector<double>& spend_RCH);

/// Today's spend with every channel times its multiple.
std::vector<double> scaled_today(const FittedRun& run, const std::vector<double>& multiple_C);

/// The user's own: a table scenario,channel,spend and, optionally, region and week. A row's spend is spread as today's
/// over what it doesn't tell apart; what no row of a scenario names stays as it is today. Throws UserError that names
/// file, line and column.
std::vector<Scenario> read_scenarios(const std::filesystem::path& path, const FittedRun& run);

}  // namespace dcmmm
