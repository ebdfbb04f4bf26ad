#include "trainer/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/split.hpp"

namespace dcmmm {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Neumaier's compensated sum: the order of magnitude of the terms doesn't matter (Neumaier 1974).
class CompensatedSum {
 public:
  void add(double value) {
    const double next = sum_ + value;
    rest_ += std::abs(sum_) >= std::abs(value) ? (sum_ - next) + value : (value - next) + sum_;
    sum_ = next;
  }
  double value() const { return sum_ + rest_; }

 private:
  double sum_ = 0, rest_ = 0;
};

double median(std::vector<double> values) {
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

}  // namespace

RegionSums region_sums(int64_t region, std::span<const double> actual_T, std::span<const double> predicted_T,
                       std::span<const uint8_t> counted_T) {
  RegionSums sums;
  sums.region = region;
  double first = 0;
  CompensatedSum above_first, error_squares, error;
  for (std::size_t week = 0; week < counted_T.size(); ++week) {
    if (!counted_T[week]) continue;
    if (sums.cells++ == 0) first = actual_T[week];
    above_first.add(actual_T[week] - first);
    const double miss = actual_T[week] - predicted_T[week];
    error_squares.add(miss * miss);
    error.add(std::abs(miss));
  }
  if (sums.cells == 0) return sums;
  sums.mean = first + above_first.value() / static_cast<double>(sums.cells);
  CompensatedSum total_squares;
  for (std::size_t week = 0; week < counted_T.size(); ++week) {
    const double deviation = actual_T[week] - sums.mean;
    if (counted_T[week]) total_squares.add(deviation * deviation);
  }
  sums.total_squares = total_squares.value();
  sums.error_squares = error_squares.value();
  sums.error = error.value();
  return sums;
}

Figures figures_of(std::span<const RegionSums> sums) {
  Figures figures{0, kNone, kNone, kNone, kNone, kNone, kNone, kNone};
  CompensatedSum above_first, error_squares, error;
  std::vector<double> region_r2, region_relative_error;
  const auto used = std::find_if(sums.begin(), sums.end(), [](const RegionSums& row) { return row.cells > 0; });
  if (used == sums.end()) return figures;
  const double first = used->mean;
  for (const RegionSums& row : sums) {
    if (row.cells == 0) continue;
    const auto cells = static_cast<double>(row.cells);
    figures.cells += row.cells;
    above_first.add(cells * (row.mean - first));
    error_squares.add(row.error_squares);
    error.add(row.error);
    if (row.total_squares > 0) region_r2.push_back(1 - row.error_squares / row.total_squares);
    if (row.mean > 0) region_relative_error.push_back(row.error / (cells * row.mean));
  }
  const auto cells = static_cast<double>(figures.cells);
  const double mean = first + above_first.value() / cells;
  CompensatedSum total_squares;
  for (const RegionSums& row : sums) {
    const double deviation = row.mean - mean;
    if (row.cells > 0) total_squares.add(row.total_squares + static_cast<double>(row.cells) * deviation * deviation);
  }
  if (total_squares.value() > 0) figures.r2 = 1 - error_squares.value() / total_squares.value();
  figures.rmse = std::sqrt(error_squares.value() / cells);
  figures.mae = error.value() / cells;
  if (mean > 0) {
    figures.relative_error = figures.rmse / mean;
    figures.wape = error.value() / (cells * mean);
  }
  figures.median_region_r2 = median(std::move(region_r2));
  figures.median_region_relative_error = median(std::move(region_relative_error));
  return figures;
}

void Evaluation::add(int64_t region, std::span<const double> actual_T, std::span<const double> predicted_T,
                     std::span<const uint8_t> counted_T) {
  sums_.push_back(region_sums(region, actual_T, predicted_T, counted_T));
}

Figures Evaluation::figures(Communicator& communicator) const {
  constexpr std::size_t kWidth = 6;
  std::vector<double> mine;
  mine.reserve(sums_.size() * kWidth);
  for (const RegionSums& row : sums_) {
    mine.insert(mine.end(), {static_cast<double>(row.region), static_cast<double>(row.cells), row.mean,
                             row.total_squares, row.error_squares, row.error});
  }
  const std::vector<double> all = communicator.all_gather(mine);
  std::vector<RegionSums> sums;
  sums.reserve(all.size() / kWidth);
  for (std::size_t i = 0; i < all.size(); i += kWidth) {
    sums.push_back({static_cast<int64_t>(all[i]), static_cast<int64_t>(all[i + 1]), all[i + 2], all[i + 3], all[i + 4],
                    all[i + 5]});
  }
  std::sort(sums.begin(), sums.end(), [](const RegionSums& a, const RegionSums& b) { return a.region < b.region; });
  return figures_of(sums);
}

int FitFigures::best_naive() const {
  int best = -1;
  for (std::size_t kind = 0; kind < kNaiveKinds; ++kind) {
    if (naive[kind].cells > 0 && (best < 0 || naive[kind].rmse < naive[static_cast<std::size_t>(best)].rmse)) {
      best = static_cast<int>(kind);
    }
  }
  return best;
}

double FitFigures::skill() const {
  const int best = best_naive();
  return best < 0 || !(holdout.rmse > 0) ? kNone : naive[static_cast<std::size_t>(best)].rmse / holdout.rmse;
}

double best_naive_rmse(const Panel& block, int64_t origin, int64_t horizon, std::span<const bool> counts_R,
                       Communicator& communicator) {
  const auto naive_RN = naive_forecasts(block, origin, horizon);
  const auto ahead = static_cast<std::size_t>(horizon);
  FitFigures figures{};
  for (std::size_t kind = 0; kind < kNaiveKinds; ++kind) {
    Evaluation evaluation;
    for (int64_t region = 0; region < block.regions; ++region) {
      if (!counts_R[static_cast<std::size_t>(region)]) continue;
      const auto from = static_cast<std::size_t>(region * block.weeks() + origin);
      evaluation.add(block.first_region + region, std::span(block.target_RT).subspan(from, ahead),
                     std::span(naive_RN[kind]).subspan(static_cast<std::size_t>(region) * ahead, ahead),
                     std::span(block.observed_RT).subspan(from, ahead));
    }
    figures.naive[kind] = evaluation.figures(communicator);
  }
  const int best = figures.best_naive();
  return best < 0 ? kNone : figures.naive[static_cast<std::size_t>(best)].rmse;
}

void FitEvaluation::add(const Panel& block, std::span<const double> predicted_RT) {
  const auto weeks = static_cast<std::size_t>(block.weeks());
  const auto naive_RN = naive_forecasts(block, origin_, holdout_weeks_);
  std::vector<uint8_t> train_T(weeks), holdout_T(weeks);
  std::vector<double> naive_T(weeks);
  for (int64_t region = 0; region < block.regions; ++region) {
    const auto from = static_cast<std::size_t>(region) * weeks;
    const auto actual_T = std::span(block.target_RT).subspan(from, weeks);
    const auto observed_T = std::span(block.observed_RT).subspan(from, weeks);
    const auto predicted_T = predicted_RT.subspan(from, weeks);
    std::fill(train_T.begin(), train_T.end(), 0);
    std::fill(holdout_T.begin(), holdout_T.end(), 0);
    std::copy_n(observed_T.begin(), origin_, train_T.begin());
    if (counts_in_holdout(observed_T.data(), origin_))
      std::copy_n(observed_T.begin() + origin_, holdout_weeks_, holdout_T.begin() + origin_);
    const int64_t ordinal = block.first_region + region;
    train_.add(ordinal, actual_T, predicted_T, train_T);
    holdout_.add(ordinal, actual_T, predicted_T, holdout_T);
    for (std::size_t kind = 0; kind < kNaiveKinds; ++kind) {
      std::copy_n(naive_RN[kind].begin() + region * holdout_weeks_, holdout_weeks_, naive_T.begin() + origin_);
      naive_[kind].add(ordinal, actual_T, naive_T, holdout_T);
    }
  }
}

FitFigures FitEvaluation::figures(Communicator& communicator) const {
  FitFigures figures{train_.figures(communicator), holdout_.figures(communicator), {}};
  for (std::size_t kind = 0; kind < kNaiveKinds; ++kind) figures.naive[kind] = naive_[kind].figures(communicator);
  return figures;
}

}  // namespace dcmmm
