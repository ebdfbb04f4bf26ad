#include "trainer/rolling_origin.hpp"

#include <algorithm>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {

std::vector<OriginWeeks> rolling_origins(const CrossvalOptions& options, int64_t weeks) {
  const int64_t last = weeks - options.gap - options.horizon;
  std::vector<int64_t> origins = options.origins.value_or(std::vector<int64_t>());
  if (!options.origins) {
    for (int64_t i = 0; i < options.windows; ++i) origins.push_back(last - i * options.step);
    if (origins.back() < kMinimumOrigin) {
      throw UserError(text("crossval.windows=", options.windows, " origins with crossval.step=", options.step,
                           ", crossval.horizon=", options.horizon, " and crossval.gap=", options.gap, " begin at week ",
                           origins.back(), " of the panel's ", weeks, ", but training takes at least ", kMinimumOrigin,
                           " weeks. Ask for fewer windows, smaller steps or a shorter horizon."));
    }
  } else if (origins.empty()) {
    throw UserError("crossval.origins is empty: list the weeks that end the training, or leave it null.");
  }
  std::sort(origins.begin(), origins.end());
  std::vector<OriginWeeks> out;
  for (const int64_t origin : origins) {
    if (origin < kMinimumOrigin) {
      throw UserError(text("crossval.origins holds ", origin, ", but training takes at least ", kMinimumOrigin,
                           " weeks: the first origin that is possible is ", kMinimumOrigin, "."));
    }
    if (origin > last) {
      throw UserError(text("crossval.origins holds ", origin, ", whose forecast would end with week ",
                           origin + options.gap + options.horizon, ", but the panel has ", weeks,
                           " weeks: the last origin that is possible is ", last,
                           ". Take earlier origins, or a smaller crossval.horizon or crossval.gap."));
    }
    if (!out.empty() && out.back().origin == origin)
      throw UserError(text("crossval.origins holds ", origin, " twice: list each origin once."));
    const int64_t first = std::max<int64_t>(0, origin - options.window.value_or(origin));
    out.push_back({first, origin, origin + options.gap, origin + options.gap + options.horizon});
  }
  return out;
}

}  // namespace dcmmm
