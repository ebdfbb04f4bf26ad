#include "graph/spend.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

// R regions of this rank, T training weeks, C channels, P columns that are regressed out.
namespace dcmmm {
namespace {

constexpr int64_t kLeastWeeks = 8;        // seen ones of a region that counts
constexpr double kLeastRegions = 10;      // for weeks' own means: fewer would leave nothing of the spend
constexpr double kOffShare = 0.01;        // more weeks without spend than that: log(1 + x)
constexpr double kStillMoves = 1e-5;      // spend that departs less, in logs, is constant
constexpr int64_t kMostRegions = 20'000;  // are looked at: more say nothing that these don't
constexpr int64_t kMostSweeps = 50;       // of the means and columns, until they no longer change
constexpr double kNoLongerMoves = 1e-11;

// Backfitting of region means, week means and columns (Buja, Hastie and Tibshirani 1989): exact once it stands still.
class Backfit {
 public:
  Backfit(const Panel& panel, LogSpend& spend, const RegionLoop& loop) : panel_(panel), spend_(spend), loop_(loop) {
    const int64_t K = panel.controls();
    for (int64_t k = K - panel.coordinates.events(); k < K; ++k) events_.push_back(k);
    columns_ = static_cast<int64_t>(events_.size()) + (spend.by_week ? 0 : 4);
    if (events_.empty()) return;
    const int64_t N = std::ssize(events_),  // a rank may have no regions
        regions = spend.place_R.empty() ? 0 : std::ranges::max(spend.place_R) + 1;
    events_STN_.resize(static_cast<size_t>(regions * spend.weeks * N));
    loop.each([&](Chunk chunk) {
      const RegionBlock block(panel, chunk.first, chunk.count);
      for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
        const int64_t place = spend.place_R[static_cast<size_t>(r)];
        for (int64_t t = 0; place >= 0 && t < spend.weeks; ++t)
          for (int64_t n = 0; n < N; ++n)
            events_STN_[static_cast<size_t>((place * spend.weeks + t) * N + n)] =
                block.controls_TK(r)[t * K + events_[static_cast<size_t>(n)]];
      }
    });
  }

  void run() {
    for (int64_t sweep = 0; sweep < kMostSweeps; ++sweep) {
      remove_region_means();
      double moved = spend_.by_week ? remove_week_means() : 0.0;
      for (int64_t p = 0; p < columns_; ++p) moved = std::max(moved, remove_column(p));
      if (moved < kNoLongerMoves) break;
    }
  }

 private:
  template <class Visit>  // visit(region, week, values) of every seen cell
  void each_cell(Chunk chunk, const Visit& visit) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r)
      for (int64_t t = 0; t < spend_.weeks; ++t)
        if (spend_.seen(r, t)) visit(r, t, const_cast<double*>(spend_.row(r, t)));
  }

  void remove_region_means() {
    const int64_t C = spend_.channels;
    loop_.each([&](Chunk chunk) {
      for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
        std::vector<double> mean(C);
        double cells = 0;
        each_cell({r, 1}, [&](int64_t, int64_t, const double* value) {
          cells += 1;
          for (int64_t c = 0; c < C; ++c) mean[c] += value[c];
        });
        each_cell({r, 1}, [&](int64_t, int64_t, double* value) {
          for (int64_t c = 0; c < C; ++c) value[c] -= mean[c] / cells;
        });
      }
    });
  }

  // Returns the largest mean.
  double remove_week_means() {
    const int64_t C = spend_.channels, width = C + 1;
    const std::vector<double> sums = loop_.sum(spend_.weeks * width, [&](Chunk chunk, std::span<double> total) {
      each_cell(chunk, [&](int64_t, int64_t t, const double* value) {
        total[t * width] += 1;
        for (int64_t c = 0; c < C; ++c) total[t * width + 1 + c] += value[c];
      });
    });
    loop_.each([&](Chunk chunk) {
      each_cell(chunk, [&](int64_t, int64_t t, double* value) {
        for (int64_t c = 0; c < C; ++c) value[c] -= sums[t * width + 1 + c] / sums[t * width];
      });
    });
    double largest = 0;
    for (int64_t t = 0; t < spend_.weeks; ++t)
      for (int64_t c = 0; c < C && sums[t * width] > 0; ++c)
        largest = std::max(largest, std::abs(sums[t * width + 1 + c] / sums[t * width]));
    return largest;
  }

  double column(int64_t p, int64_t region, int64_t week) const {
    const auto events = static_cast<int64_t>(events_.size());
    if (p < events) {
      const int64_t place = spend_.place_R[static_cast<size_t>(region)];
      return events_STN_[static_cast<size_t>((place * spend_.weeks + week) * events + p)];
    }
    const int64_t harmonic = 1 + (p - events) / 2;
    const double angle = 2 * std::numbers::pi * static_cast<double>(harmonic) * static_cast<double>(week) /
                         seasonal_period(panel_.coordinates.step);
    return (p - events) % 2 == 0 ? std::sin(angle) : std::cos(angle);
  }

  // Returns the largest slope.
  double remove_column(int64_t p) {
    const int64_t C = spend_.channels;
    // The column less its own region means, so that it stays out of their way.
    const auto centred = [&](int64_t r) {
      std::vector<double> value_T(spend_.weeks);
      double mean = 0, cells = 0;
      each_cell({r, 1}, [&](int64_t, int64_t t, const double*) {
        value_T[t] = column(p, r, t);
        mean += value_T[t];
        cells += 1;
      });
      for (double& value : value_T) value -= cells > 0 ? mean / cells : 0;
      return value_T;
    };
    const std::vector<double> sums = loop_.sum(C + 1, [&](Chunk chunk, std::span<double> total) {
      for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
        const std::vector<double> x_T = centred(r);
        each_cell({r, 1}, [&](int64_t, int64_t t, const double* value) {
          total[C] += x_T[t] * x_T[t];
          for (int64_t c = 0; c < C; ++c) total[c] += x_T[t] * value[c];
        });
      }
    });
    if (sums[C] < 1e-9) return 0;
    loop_.each([&](Chunk chunk) {
      for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
        const std::vector<double> x_T = centred(r);
        each_cell({r, 1}, [&](int64_t, int64_t t, double* value) {
          for (int64_t c = 0; c < C; ++c) value[c] -= x_T[t] * sums[c] / sums[C];
        });
      }
    });
    double largest = 0;
    for (int64_t c = 0; c < C; ++c) largest = std::max(largest, std::abs(sums[c] / sums[C]));
    return largest;
  }

  const Panel& panel_;
  LogSpend& spend_;
  const RegionLoop& loop_;
  std::vector<int64_t> events_;          // their places among the controls
  LargeVector<double> events_STN_ = {};  // N events of the regions that are looked at
  int64_t columns_ = 0;
};

}  // namespace

LogSpend log_spend(const Panel& panel, int64_t weeks, const RegionLoop& loop) {
  const int64_t R = panel.regions, T = weeks, C = panel.channels();
  LogSpend out;
  out.regions = R;
  out.weeks = T;
  out.channels = C;
  out.place_R.assign(R, -1);
  out.seen_RT.assign(R * T, 0);
  const auto all_regions = static_cast<int64_t>(panel.coordinates.regions.size());
  int64_t looked_at = 0;
  for (int64_t r = 0; r < R; ++r) {
    if (!is_sampled(panel.first_region + r, kMostRegions, all_regions)) continue;
    out.place_R[r] = looked_at++;
    const auto first = panel.observed_RT.begin() + r * panel.weeks();
    if (std::count(first, first + T, 1) >= kLeastWeeks) std::copy(first, first + T, out.seen_RT.begin() + r * T);
  }
  out.value_STC.assign(looked_at * T * C, 0.0);
  const auto value = [&](int64_t r, int64_t t) { return out.value_STC.data() + (out.place_R[r] * T + t) * C; };
  const std::vector<double> counts = loop.sum(C + 2, [&](Chunk chunk, std::span<double> total) {
    const RegionBlock block(panel, chunk.first, chunk.count);
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      const double before = total[C];
      for (int64_t t = 0; t < T; ++t) {
        if (!out.seen(r, t)) continue;
        total[C] += 1;
        for (int64_t c = 0; c < C; ++c) total[c] += block.media_TC(r)[t * C + c] <= 0;
      }
      total[C + 1] += total[C] > before;
    }
  });
  for (int64_t c = 0; c < C; ++c) out.off_share_C.push_back(counts[C] > 0 ? counts[c] / counts[C] : 1.0);
  out.by_week = counts[C + 1] >= kLeastRegions;

  std::vector<char> is_silent_RC(R * C);
  loop.each([&](Chunk chunk) {
    const RegionBlock block(panel, chunk.first, chunk.count);
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      std::vector<double> mean(C), smallest(C, std::numeric_limits<double>::infinity());
      double cells = 0;
      for (int64_t t = 0; t < T; ++t) {
        if (!out.seen(r, t)) continue;
        cells += 1;
        for (int64_t c = 0; c < C; ++c) {
          const double x = block.media_TC(r)[t * C + c];
          mean[c] += x;
          if (x > 0) smallest[c] = std::min(smallest[c], x);
        }
      }
      for (int64_t c = 0; c < C; ++c) is_silent_RC[r * C + c] = !(mean[c] > 0);
      for (int64_t t = 0; t < T; ++t) {
        if (!out.seen(r, t)) continue;
        for (int64_t c = 0; c < C; ++c) {
          if (is_silent_RC[r * C + c]) continue;
          const double x = block.media_TC(r)[t * C + c];
          value(r, t)[c] = out.off_share_C[c] > kOffShare ? std::log1p(x * cells / mean[c])
                                                          : std::log(std::max(x, smallest[c]) * cells / mean[c]);
        }
      }
    }
  });
  Backfit(panel, out, loop).run();

  // A channel that a region never used has no departures there.
  const std::vector<double> squares = loop.sum(C, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r)
      for (int64_t t = 0; t < T; ++t) {
        if (!out.seen(r, t)) continue;
        for (int64_t c = 0; c < C; ++c) {
          double& here = value(r, t)[c];
          if (is_silent_RC[r * C + c]) here = 0.0;
          total[c] += here * here;
        }
      }
  });
  for (int64_t c = 0; c < C; ++c) {
    const double scale = counts[C] > 0 ? std::sqrt(squares[c] / counts[C]) : 0.0;
    out.scale_C.push_back(scale > kStillMoves ? scale : 0.0);
  }
  for (size_t i = 0; i < out.value_STC.size(); ++i) {
    const double scale = out.scale_C[i % static_cast<size_t>(C)];
    out.value_STC[i] = scale > 0 ? out.value_STC[i] / scale : 0.0;
  }
  return out;
}

}  // namespace dcmmm
