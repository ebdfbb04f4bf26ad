#include "model/missing_media.hpp"

#include <algorithm>

namespace dcmmm {
namespace {

std::vector<uint8_t> weeks_with_rows(const Panel& panel, const RegionBlock& block, int64_t region) {
  const int64_t weeks = panel.weeks(), channels = panel.channels();
  std::vector<uint8_t> known_T(static_cast<size_t>(weeks));
  for (int64_t t = 0; t < weeks; ++t) {
    const double* row_C = block.media_TC(region) + t * channels;
    const int64_t cell = region * weeks + t;
    known_T[t] = panel.observed_RT[cell] != 0 || (!panel.dark_RT.empty() && panel.dark_RT[cell] != 0) ||
                 std::any_of(row_C, row_C + channels, [](double value) { return value > 0; });
  }
  return known_T;
}

}  // namespace

void fill_missing_weeks(std::span<double> media_TC, std::span<const uint8_t> known_T, int64_t channels) {
  const auto weeks = static_cast<int64_t>(known_T.size());
  const int64_t first = std::find(known_T.begin(), known_T.end(), 1) - known_T.begin();
  if (first == weeks) return;
  for (int64_t c = 0; c < channels; ++c) {
    double start = 0;
    int64_t count = 0;
    for (int64_t t = first; t < weeks && count < kWeeksBefore; ++t) {
      if (known_T[t] == 0) continue;
      start += media_TC[t * channels + c];
      ++count;
    }
    for (int64_t t = 0; t < first; ++t) media_TC[t * channels + c] = start / static_cast<double>(count);
    for (int64_t t = first + 1; t < weeks; ++t) {
      if (known_T[t] != 0) continue;
      const int64_t begin = std::max<int64_t>(0, t - kWeeksBefore);
      double sum = 0;
      for (int64_t before = begin; before < t; ++before) sum += media_TC[before * channels + c];
      media_TC[t * channels + c] = sum / static_cast<double>(t - begin);
    }
  }
}

std::vector<uint8_t> cells_with_rows(const Panel& panel, int64_t first, int64_t count) {
  const RegionBlock block(panel, first, count);
  std::vector<uint8_t> known_RT;
  for (int64_t r = first; r < first + count; ++r) {
    const std::vector<uint8_t> known_T = weeks_with_rows(panel, block, r);
    known_RT.insert(known_RT.end(), known_T.begin(), known_T.end());
  }
  return known_RT;
}

void fill_missing_rows(const Panel& panel, const RegionBlock& block, int64_t region, std::span<double> media_TC) {
  std::copy_n(block.media_TC(region), media_TC.size(), media_TC.begin());
  fill_missing_weeks(media_TC, weeks_with_rows(panel, block, region), panel.channels());
}

std::vector<double> media_with_missing_rows_filled(const Panel& panel) {
  const auto width = static_cast<size_t>(panel.weeks() * panel.channels());
  std::vector<double> media(panel.media_RTC.size());
  const RegionBlock block(panel, 0, panel.regions);
  for (int64_t r = 0; r < panel.regions; ++r)
    fill_missing_rows(panel, block, r, std::span(media).subspan(static_cast<size_t>(r) * width, width));
  return media;
}

}  // namespace dcmmm
