#include "model/missing_media.hpp"

#include <algorithm>

namespace dcmmm {

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

}  // namespace dcmmm
