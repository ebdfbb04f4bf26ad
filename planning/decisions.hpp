// What a plan decides: variables, the cells that they stand for, and their own limits.
// Shapes: R regions, C channels, H weeks of the horizon.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "planning/options.hpp"

namespace dcmmm {

/// Variables of one channel, everywhere or in one region, that no other block's outcome depends on: one, or one a week.
struct Block {
  int64_t channel = 0, first_region = 0, regions = 0;
  int64_t first = 0, count = 0;                                  // its variables
  double week_change = std::numeric_limits<double>::infinity();  // largest change between neighbouring weeks, currency
};

struct Decisions {
  int64_t regions = 0, channels = 0, horizon = 0;
  std::vector<Block> blocks;                // by channel, then by region
  std::vector<double> share_RCH;            // of a variable that goes to a region's week
  std::vector<double> today, lower, upper;  // of each variable, currency over all that it stands for

  int64_t count() const { return static_cast<int64_t>(today.size()); }
  /// Spend by week in one of the block's regions.
  void spread(const Block& block, const double* variables, int64_t region, double* spend_H) const;
};

/// Variables and limits at a level for today's spend [R, C, H]. `reference_RC` is what multiples refer to in place of
/// today's where a channel has none; kept channels can't move. Limits of neighbouring weeks are made to fit each other;
/// throws UserError where they can't.
Decisions make_decisions(const PlanOptions& options, const std::vector<double>& today_RCH,
                         const std::vector<double>& reference_RC, const std::vector<uint8_t>& is_kept_C,
                         const std::vector<std::string>& channels, int64_t regions, int64_t horizon);

/// The nearest block of values (between the largest curve below and the smallest above) that is within limits and whose
/// neighbouring weeks differ by at most block.week_change (McShane 1934).
void smooth_weeks(const Decisions& decisions, const Block& block, double* values);

}  // namespace dcmmm
