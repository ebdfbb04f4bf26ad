// Rolling origins: which weeks each fit of an evaluation trains on, and which it is judged on.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace dcmmm {

/// Fewer training weeks than this aren't evaluated: a quarter of a year says little about a yearly model.
inline constexpr int64_t kMinimumOrigin = 13;

/// The defaults are those of configs/crossval/default.yaml.
struct CrossvalOptions {
  std::optional<std::vector<int64_t>> origins;  // weeks that end the training; none: from windows and step
  int64_t windows = 4, step = 8;
  int64_t horizon = 8;            // weeks that are forecast at each origin
  int64_t gap = 0;                // weeks between the end of training and the first of them
  std::optional<int64_t> window;  // weeks to train on; none: all before the origin
};

/// One fit: it trains on the panel's weeks [first_week, origin) and forecasts [origin + gap, end).
struct OriginWeeks {
  int64_t first_week = 0, origin = 0, first_forecast = 0, end = 0;
};

/// The origins in ascending order. Throws UserError that names the key when one has fewer than kMinimumOrigin training
/// weeks, is given twice, or when its weeks go beyond the panel's.
std::vector<OriginWeeks> rolling_origins(const CrossvalOptions& options, int64_t weeks);

}  // namespace dcmmm
