#include "trainer/naive.hpp"

#include <algorithm>
#include <numeric>

namespace dcmmm {
namespace {

/// Mean of the last `count` values, 0 when there are none.
double mean_of_last(const std::vector<double>& values, std::size_t count) {
  if (values.empty()) return 0;
  const auto used = static_cast<std::ptrdiff_t>(std::min(count, values.size()));
  return std::accumulate(values.end() - used, values.end(), 0.0) / static_cast<double>(used);
}

/// Mean of the last 8 observed training days of the weekday of `day`; `otherwise` without any.
double mean_of_weekday(const double* target_T, const uint8_t* observed_T, int64_t origin, int64_t day,
                       double otherwise) {
  constexpr int64_t kWeek = 7, kDays = 8;
  double sum = 0;
  int64_t days = 0;
  for (int64_t at = day - kWeek; at >= 0 && days < kDays; at -= kWeek) {
    if (at >= origin || !observed_T[at]) continue;
    sum += target_T[at];
    ++days;
  }
  return days == 0 ? otherwise : sum / static_cast<double>(days);
}

}  // namespace

int64_t seasonal_lag(TimeStep step) {
  switch (step) {
    case TimeStep::kDay:
      return 7;
    case TimeStep::kWeek:
      return 52;
    case TimeStep::kMonth:
      return 12;
  }
  return 52;
}

std::array<std::vector<double>, kNaiveKinds> naive_forecasts(const Panel& block, int64_t origin, int64_t horizon) {
  std::array<std::vector<double>, kNaiveKinds> forecast_RN;
  for (auto& values : forecast_RN) values.resize(static_cast<std::size_t>(block.regions * horizon));
  const int64_t lag = seasonal_lag(block.coordinates.step);
  std::vector<double> known;
  for (int64_t region = 0; region < block.regions; ++region) {
    const double* target_T = block.target_RT.data() + region * block.weeks();
    const uint8_t* observed_T = block.observed_RT.data() + region * block.weeks();
    known.clear();
    for (int64_t week = 0; week < origin; ++week) {
      if (observed_T[week]) known.push_back(target_T[week]);
    }
    const double last_8 = mean_of_last(known, 8);
    const std::array<double, kNaiveKinds> level = {mean_of_last(known, known.size()),
                                                   mean_of_last(known, 4),
                                                   last_8,
                                                   mean_of_last(known, 13),
                                                   last_8,
                                                   mean_of_last(known, 1)};
    for (std::size_t kind = 0; kind < kNaiveKinds; ++kind) {
      std::fill_n(forecast_RN[kind].begin() + region * horizon, horizon, level[kind]);
    }
    double* seasonal_N = forecast_RN[4].data() + region * horizon;
    for (int64_t ahead = 0; ahead < horizon; ++ahead) {
      const int64_t week = origin + ahead - lag;
      if (block.coordinates.step == TimeStep::kDay)
        seasonal_N[ahead] = mean_of_weekday(target_T, observed_T, origin, origin + ahead, last_8);
      else if (week >= 0 && week < origin && observed_T[week])
        seasonal_N[ahead] = target_T[week];
    }
  }
  return forecast_RN;
}

}  // namespace dcmmm
