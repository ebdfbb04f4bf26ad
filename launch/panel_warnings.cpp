#include "launch/panel_warnings.hpp"

#include <cmath>
#include <span>

#include "common/counted.hpp"
#include "common/text.hpp"

// R regions of this rank, T weeks.
namespace dcmmm {
namespace {

constexpr double kCollinear = 0.95;  // R2 of a channel on the others
constexpr double kGone = 0.05;       // an effect that has fallen to this share is over

// Weeks until what a channel did is over.
int64_t carry_over(const ModelOptions& model) {
  if (!model.delayed_channels.empty()) return model.max_lag;
  return model.decay > 0 && model.decay < 1 ? std::llround(std::ceil(std::log(kGone) / std::log(model.decay))) : 0;
}

}  // namespace

std::vector<std::string> panel_warnings(const Panel& panel, const std::vector<ChannelIdentification>& channels,
                                        const ModelOptions& model, int64_t origin, Communicator& communicator) {
  std::vector<std::string> out;
  const PanelCoordinates& names = panel.coordinates;
  for (size_t c = 0; c < channels.size(); ++c) {
    const ChannelIdentification& channel = channels[c];
    // Where no region is fitted, that says nothing of the channel, and each region has a warning of its own.
    if (std::isnan(channel.weeks_on)) continue;
    if (std::isnan(channel.local_slope) && std::isnan(channel.national_slope)) {
      out.push_back(text("Channel ", names.channels[c],
                         " doesn't vary in the training weeks of the regions that are fitted: its effect can't be "
                         "told from the baseline."));
    } else if (channel.collinearity > kCollinear) {
      out.push_back(
          text("Channel ", names.channels[c], " moves with the other channels (R2 ",
               shortest(std::round(1000 * channel.collinearity) / 1000),
               "): which of them had an effect can hardly be told. Merge channels that are bought together."));
    }
  }

  if (names.regions.size() == 1)
    out.push_back(
        "The panel has one region: whether channels follow demand is judged by how regions differ, and so can't be "
        "told "
        "here. Effects may be demand that the spend followed; experiments (data.experiments) can tell.");

  int64_t counts[] = {0, 0};  // observed training cells, those at or below zero
  const int64_t T = panel.weeks();
  for (int64_t r = 0; r < panel.regions; ++r)
    for (int64_t t = 0; t < origin; ++t) {
      const auto cell = static_cast<size_t>(r * T + t);
      if (panel.observed_RT[cell] == 0) continue;
      counts[0] += 1;
      counts[1] += panel.target_RT[cell] <= 0 ? 1 : 0;
    }
  communicator.all_reduce_sum(std::span<int64_t>(counts));
  if (counts[1] > 0)
    out.push_back(text(counts[1], " of ", counts[0],
                       " training targets are at or below zero: effects are shares of a "
                       "region's mean target, which such values pull down. Check that they are no missing values."));

  if (const auto year = static_cast<int64_t>(seasonal_period(names.step)); origin < year)  // 365, 52 or 12
    out.push_back(text(origin, " training ", steps_name(names.step), " are less than a year (", year,
                       "): season, trend and media can hardly be told apart."));
  const int64_t holdout = T - origin, weeks = carry_over(model);
  if (holdout > 0 && holdout < weeks)
    out.push_back(text("The holdout of ", counted(holdout, steps_name(names.step)), " is shorter than the carry-over (",
                       weeks, "): it mostly judges what was spent before it. Set data.holdout_weeks=", weeks, "."));
  return out;
}

}  // namespace dcmmm
