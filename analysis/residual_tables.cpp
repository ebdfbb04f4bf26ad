#include "analysis/residual_tables.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace dcmmm {

void ResidualTables::add(const Panel& panel, const ResultBlock& block) {
  const auto T = static_cast<std::size_t>(panel.weeks()), origin = static_cast<std::size_t>(origin_);
  for (std::size_t r = 0; r < static_cast<std::size_t>(block.regions); ++r) {
    const double scale = block.sample_scale_R[r];
    if (!(scale > 0)) continue;
    const auto is_observed = [&](std::size_t week) { return panel.observed_RT[r * T + week] != 0; };
    const auto residual = [&](std::size_t week) {
      return (panel.target_RT[r * T + week] - block.predicted_RT[r * T + week]) / scale;
    };
    for (std::size_t week = 0; week < T; ++week) {
      if (!is_observed(week)) continue;
      const double value = residual(week), place = std::floor((value - edge(0)) / 0.25);
      const auto bin = static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(kBins - 1)));
      ++(week < origin ? train_ : holdout_)[bin];
      if (week >= origin) continue;
      squares_ += value * value;
      ++cells_;
      for (std::size_t lag = 1; lag <= kLags && lag <= week; ++lag) {
        if (!is_observed(week - lag)) continue;
        products_[lag - 1] += value * residual(week - lag);
        ++pairs_[lag - 1];
      }
    }
  }
}

void ResidualTables::write_distribution(CsvWriter& csv) const {
  const auto share = [](int64_t count, const std::array<int64_t, kBins>& all) {
    const auto sum = static_cast<double>(std::accumulate(all.begin(), all.end(), int64_t{0}));
    return static_cast<double>(count) / sum;  // not finite, hence empty, without cells
  };
  const auto below = [](double value) { return 0.5 * std::erfc(-value / std::numbers::sqrt2); };
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    constexpr double kOpen = std::numeric_limits<double>::infinity();
    const double from = bin == 0 ? -kOpen : edge(bin), to = bin + 1 == kBins ? kOpen : edge(bin + 1);
    for (const double value :
         {from, to, share(train_[bin], train_), share(holdout_[bin], holdout_), below(to) - below(from)})
      csv.number(value);
    csv.end_row();
  }
}

void ResidualTables::write_autocorrelation(CsvWriter& csv) const {
  const double variance = squares_ / static_cast<double>(cells_);
  for (std::size_t lag = 0; lag < kLags; ++lag) {
    csv.number(static_cast<double>(lag + 1));
    csv.number(products_[lag] / static_cast<double>(pairs_[lag]) / variance);
    csv.number(static_cast<double>(pairs_[lag]));
    csv.end_row();
  }
}

}  // namespace dcmmm
