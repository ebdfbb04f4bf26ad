// Media of weeks of which the panel has no row. Shapes: T weeks, C channels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/panel.hpp"

namespace dcmmm {

/// Weeks that a filled week is the mean of.
inline constexpr int64_t kWeeksBefore = 4;

/// Fills the weeks of one region whose known_T is 0: with the mean of the four weeks before (filled ones count), and
/// before the first known week with the mean of the first four known ones. Zeros there would say that carry-over had
/// stopped. What comes after a week has no say in it, so a forecast from a checkpoint sees what a fit's holdout sees.
void fill_missing_weeks(std::span<double> media_TC, std::span<const uint8_t> known_T, int64_t channels);

/// 1: the panel has a row of the cell (a target, any media, or marked as dark); of `count` regions from `first` on,
/// [count, T]. Sums over cells count these alone: what is guessed of the others was not paid for.
std::vector<uint8_t> cells_with_rows(const Panel& panel, int64_t first, int64_t count);

/// One region's media [T, C] with weeks filled of which the panel has no row.
void fill_missing_rows(const Panel& panel, const RegionBlock& block, int64_t region, std::span<double> media_TC);

/// The same of all its regions, [R, T, C].
std::vector<double> media_with_missing_rows_filled(const Panel& panel);

}  // namespace dcmmm
