#include "analysis/channel_moves.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "analysis/channel_interval.hpp"
#include "analysis/figures_text.hpp"
#include "analysis/results_file.hpp"
#include "common/files.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

constexpr double kLevel = 0.9;
constexpr int64_t kRegionsAtOnce = 64;

bool has_left(const Interval& interval, double value) { return value < interval.lower || value > interval.upper; }

std::string range(const Interval& interval, double factor, int decimals) {
  return text(fixed(factor * interval.lower, decimals), " .. ", fixed(factor * interval.upper, decimals));
}

// Whether a run's metrics.json has the sums.
bool take_sums(const std::filesystem::path& metrics, ChannelTotals& totals) {
  const auto json = nlohmann::json::parse(read_text_file(metrics), nullptr, /*allow_exceptions=*/false);
  const auto number = [&](const std::vector<std::string>& path) {
    const nlohmann::json* node = &json;
    for (const std::string& name : path) {
      if (!node->is_object() || !node->contains(name)) return std::numeric_limits<double>::quiet_NaN();
      node = &node->at(name);
    }
    return node->is_number() ? node->get<double>() : std::numeric_limits<double>::quiet_NaN();
  };
  std::vector<double> contribution_C;
  contribution_C.reserve(totals.channels.size());
  for (const std::string& channel : totals.channels)
    contribution_C.push_back(number({"contributions", "channels", channel}));
  const double predicted = number({"contributions", "predicted"});
  if (!std::isfinite(std::accumulate(contribution_C.begin(), contribution_C.end(), predicted))) return false;
  totals.contribution_C = std::move(contribution_C);
  totals.predicted = predicted;
  return true;
}

}  // namespace

ChannelTotals channel_totals(const std::filesystem::path& results, const std::filesystem::path& metrics) {
  const ResultsReader reader(results);
  ChannelTotals out{reader.coordinates().channels, {}, 0, reader.shared()};
  if (take_sums(metrics, out)) return out;
  const auto regions = static_cast<int64_t>(reader.coordinates().regions.size());
  out.contribution_C.assign(out.channels.size(), 0.0);
  for (int64_t first = 0; first < regions; first += kRegionsAtOnce) {
    const int64_t count = std::min(kRegionsAtOnce, regions - first);
    const std::vector<double> media_RTC = reader.read_array("media_contribution", first, count);
    for (std::size_t i = 0; i < media_RTC.size(); ++i) out.contribution_C[i % out.channels.size()] += media_RTC[i];
    const std::vector<double> predicted_RT = reader.read_array("predicted", first, count);
    out.predicted = std::accumulate(predicted_RT.begin(), predicted_RT.end(), out.predicted);
  }
  return out;
}

std::string moves_table(const ChannelTotals& before, const ChannelTotals& now) {
  std::vector<std::vector<std::string>> rows = {{"channel", "share %", "90 %", "now", "", "decay", "90 %", "now", ""}};
  std::vector<std::string> moved;
  for (std::size_t c = 0; c < before.channels.size(); ++c) {
    Interval share = contribution_interval(before.shared, c, kLevel, before.contribution_C[c], before.predicted);
    share = {share.lower / before.predicted, share.upper / before.predicted};
    const Interval decay = decay_interval(before.shared, c, kLevel);
    const double decay_before = before.shared.decay_C[c], decay_now = now.shared.decay_C[c];
    const bool share_moved = has_left(share, now.share(c)), decay_moved = has_left(decay, decay_now);
    rows.push_back({before.channels[c], fixed(100 * before.share(c), 2), range(share, 100, 2),
                    fixed(100 * now.share(c), 2), share_moved ? "!" : "", fixed(decay_before, 2), range(decay, 1, 2),
                    fixed(decay_now, 2), decay_moved ? "!" : ""});
    if (share_moved) moved.push_back(text("the share of ", before.channels[c]));
    if (decay_moved) moved.push_back(text("the decay of ", before.channels[c]));
  }
  std::string out = aligned(rows);
  if (before.shared.draws.count == 0)
    return out + "The earlier run has no intervals (ensemble.members is 1), so nothing says whether that is much.";
  return out + (moved.empty() ? "All shares and decays stay within the earlier run's intervals."
                              : "Beyond the earlier run's interval: " + join(moved) + ".");
}

}  // namespace dcmmm
