// A finished run as planning sees it: its draws, its regions' media before and during the horizon, prices.
// Shapes: D draws, R regions, C channels, H weeks of the horizon, T = H + tail weeks that count, P weeks of the panel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/results.hpp"
#include "data/panel_file.hpp"
#include "model/options.hpp"
#include "planning/responses.hpp"

namespace dcmmm {

struct FittedRun {
  std::vector<std::string> regions, channels;
  std::vector<std::string> weeks;          // H labels of the horizon
  std::string now_first, now_last;         // the panel's weeks that are "today"
  const char* steps = "weeks";             // what the panel calls them
  bool has_currency = false;               // amounts are money; otherwise media units
  int64_t horizon = 0, counted = 0;        // H, T
  SharedResults shared;                    // curves and draws
  std::vector<double> mean_coefficient_C;  // KPI units a week, as ChannelDraws::coefficient_DC is meant
  std::vector<double> coefficient_RCT;     // KPI units a week at full saturation, as the run forecasts them
  // What else the likelihood leaves open, relative to the coefficients: how regions differ, how a channel has drifted.
  std::vector<double> region_sd_C, drift_sd_C;
  std::vector<double> unit_RC;     // currency a week for one unit of scaled media; 0: no effect
  std::vector<double> scaled_RCP;  // scaled media of the panel's weeks, missing ones filled in
  std::vector<double> today_RCH;   // spend of the panel's last H weeks, currency
  // Scaled media of those weeks that cost nothing: they stay as they are, and what is spent comes on top.
  std::vector<double> free_RCH;
  std::vector<uint8_t> has_price_C;  // 0: the panel never paid for the channel's media, and no price was given
  std::vector<double> highest_RC;    // the largest week of the panel, currency
  int64_t max_lag = 13;              // weeks that a delayed carry-over lasts

  int64_t draws() const { return shared.draws.count; }
  /// Responses of some of the draws; of the plain fit where `draws` is empty. With `further`, each draw also has its
  /// own differences between regions and its own drift since the panel; without, they are as fitted, which is their
  /// mean.
  Responses responses(const std::vector<int64_t>& draws, bool further = false) const;
};

struct FittedRunFiles {
  std::filesystem::path results, checkpoints;
};

/// Reads it. `cost` overrides prices, by channel. `warn` gets lines for people, about media without spend, too. Throws
/// UserError where the run can't be planned with, DamagedFileError where a file isn't what the run wrote.
FittedRun read_fitted_run(const FittedRunFiles& files, const PanelFile& panel, const ModelOptions& model,
                          int64_t horizon, int64_t tail, const std::map<std::string, double>& cost,
                          const std::function<void(const std::string&)>& warn);

/// `wanted` of `count` draws, evenly spaced; all where there are no more.
std::vector<int64_t> spaced_draws(int64_t count, int64_t wanted);

}  // namespace dcmmm
