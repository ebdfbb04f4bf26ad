// Settings that the panel itself decides: a ladder of candidates, forecast at origins inside the training weeks.
// Shapes: O inner origins.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/panel.hpp"
#include "model/options.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// Which settings may be chosen; the others stay as they are.
struct FreeSettings {
  bool baseline = true;  // stiffness and persistence
  bool ridge = true, harmonics = true, size_power = true, ridge_controls = true;
  bool gru = true;  // how far the GRU may move coefficients, or whether at all
  bool operator==(const FreeSettings&) const = default;
};

/// One candidate as it was judged, all else being as chosen so far.
struct SettingsCandidate {
  std::string setting, value;
  std::vector<double> rmse_O;  // target units
  double rmse = 0;             // pooled over the origins
  bool chosen = false;
};

struct SettingsChoice {
  ModelOptions options;           // as chosen
  std::vector<int64_t> origin_O;  // empty: the panel is too short, nothing was chosen
  int64_t horizon = 0;            // weeks ahead of each origin
  std::vector<SettingsCandidate> candidates;
};

/// Chooses one setting after the other, from `start` on, by the RMSE of closed-form forecasts at inner origins, pooled
/// over observed cells. A setting changes only where the best candidate is at least 2 % better and better at most
/// origins: national shocks make one origin behave like a handful of observations. Weeks from `origin` on are never
/// looked at. Collective; the same choice on every rank, whatever their number.
SettingsChoice choose_settings(const Panel& panel, const ModelOptions& start, const FreeSettings& free, int64_t origin,
                               const RegionLoop& loop);

/// The ladder for people, a line a candidate, the chosen ones marked.
std::string ladder_table(const SettingsChoice& choice);

}  // namespace dcmmm
