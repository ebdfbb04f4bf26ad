#include "planning/decisions.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

// The largest curve below `values` (upper = false: the smallest above) whose neighbours differ by at most `change`.
std::vector<double> envelope(const double* values, int64_t count, double change, bool below) {
  std::vector<double> out(values, values + count);
  const auto meet = [&](int64_t t, int64_t neighbour) {
    out[t] = below ? std::min(out[t], out[neighbour] + change) : std::max(out[t], out[neighbour] - change);
  };
  for (int64_t t = 1; t < count; ++t) meet(t, t - 1);
  for (int64_t t = count - 2; t >= 0; --t) meet(t, t + 1);
  return out;
}

class Builder {
 public:
  Builder(const PlanOptions& options, const std::vector<double>& today_RCH, const std::vector<double>& reference_RC,
          const std::vector<uint8_t>& is_kept_C, int64_t regions, int64_t horizon)
      : options_(options), today_RCH_(today_RCH), reference_RC_(reference_RC), is_kept_C_(is_kept_C) {
    out_.regions = regions;
    out_.channels = static_cast<int64_t>(is_kept_C.size());
    out_.horizon = horizon;
    out_.share_RCH.assign(today_RCH.size(), 0.0);
  }

  Decisions build() {
    const bool by_region = options_.level == PlanLevel::kChannelRegion || options_.level == PlanLevel::kAll;
    for (int64_t c = 0; c < out_.channels; ++c) {
      if (!by_region) {
        add_block(c, 0, out_.regions);
      } else {
        for (int64_t r = 0; r < out_.regions; ++r) add_block(c, r, 1);
      }
    }
    return std::move(out_);
  }

 private:
  double today(int64_t r, int64_t c, int64_t t) const { return today_RCH_[(r * out_.channels + c) * out_.horizon + t]; }
  double& share(int64_t r, int64_t c, int64_t t) { return out_.share_RCH[(r * out_.channels + c) * out_.horizon + t]; }

  void add_block(int64_t channel, int64_t first_region, int64_t regions) {
    const int64_t H = out_.horizon, end = first_region + regions;
    const bool by_week = options_.level == PlanLevel::kChannelWeek || options_.level == PlanLevel::kAll;
    Block block{channel, first_region, regions, out_.count(), by_week ? H : 1};
    std::vector<double> total_H(static_cast<size_t>(H), 0.0);
    double reference = 0;
    for (int64_t r = first_region; r < end; ++r) {
      reference += reference_RC_[r * out_.channels + channel];
      for (int64_t t = 0; t < H; ++t) total_H[t] += today(r, channel, t);
    }
    const double total = std::accumulate(total_H.begin(), total_H.end(), 0.0);
    const bool kept = is_kept_C_[channel] != 0;
    const double mean = reference / static_cast<double>(H);
    for (int64_t t = 0; t < block.count; ++t) {
      const double now = by_week ? total_H[t] : total, usual = by_week ? mean : reference;
      out_.today.push_back(now);
      // A channel as a whole has limits of its own.
      const bool alone = options_.level == PlanLevel::kChannel;
      const double lower = alone ? 0 : std::min(options_.cell_lower * usual, now);
      const double upper = alone ? std::numeric_limits<double>::infinity() : std::max(options_.cell_upper * usual, now);
      out_.lower.push_back(kept ? now : lower);
      out_.upper.push_back(kept ? now : upper);
    }
    if (options_.smoothness && by_week && !kept) block.week_change = *options_.smoothness * mean;
    for (int64_t r = first_region; r < end; ++r) {
      double region_total = 0;
      for (int64_t t = 0; t < H; ++t) region_total += today(r, channel, t);
      const double region_reference = reference_RC_[r * out_.channels + channel];
      const double usual = reference > 0 ? region_reference / reference : 0;
      for (int64_t t = 0; t < H; ++t) {
        if (by_week) {
          share(r, channel, t) = total_H[t] > 0 ? today(r, channel, t) / total_H[t] : usual;
        } else {
          share(r, channel, t) = total > 0 ? today(r, channel, t) / total : usual / static_cast<double>(H);
        }
      }
    }
    out_.blocks.push_back(block);
  }

  const PlanOptions& options_;
  const std::vector<double>&today_RCH_, &reference_RC_;
  const std::vector<uint8_t>& is_kept_C_;
  Decisions out_;
};

}  // namespace

void Decisions::spread(const Block& block, const double* variables, int64_t region, double* spend_H) const {
  const double* share_H = share_RCH.data() + (region * channels + block.channel) * horizon;
  for (int64_t t = 0; t < horizon; ++t) spend_H[t] = share_H[t] * variables[block.count > 1 ? t : 0];
}

void smooth_weeks(const Decisions& decisions, const Block& block, double* values) {
  for (int64_t t = 0; t < block.count; ++t)
    values[t] = std::clamp(values[t], decisions.lower[block.first + t], decisions.upper[block.first + t]);
  if (!std::isfinite(block.week_change)) return;
  const std::vector<double> below = envelope(values, block.count, block.week_change, true),
                            above = envelope(values, block.count, block.week_change, false);
  for (int64_t t = 0; t < block.count; ++t) values[t] = 0.5 * (below[t] + above[t]);
}

Decisions make_decisions(const PlanOptions& options, const std::vector<double>& today_RCH,
                         const std::vector<double>& reference_RC, const std::vector<uint8_t>& is_kept_C,
                         const std::vector<std::string>& channels, int64_t regions, int64_t horizon) {
  Decisions out = Builder(options, today_RCH, reference_RC, is_kept_C, regions, horizon).build();
  for (const Block& block : out.blocks) {
    if (!std::isfinite(block.week_change)) continue;
    const auto tighten = [&](std::vector<double>& limits, bool below) {
      const std::vector<double> tight = envelope(limits.data() + block.first, block.count, block.week_change, below);
      std::copy(tight.begin(), tight.end(), limits.begin() + block.first);
    };
    tighten(out.upper, true);
    tighten(out.lower, false);
    for (int64_t i = block.first; i < block.first + block.count; ++i)
      if (out.lower[i] > out.upper[i])
        throw UserError(text("These limits clash: plan.smoothness=", shortest(*options.smoothness),
                             " leaves no schedule of ", channels[block.channel],
                             " between plan.cell_lower and plan.cell_upper. Raise it."));
  }
  return out;
}

}  // namespace dcmmm
