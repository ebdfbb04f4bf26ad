#include "likelihood/gate.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>

#include "common/text.hpp"
#include "likelihood/shapes.hpp"

// T training weeks, C channels.
namespace dcmmm {
namespace {

// An effect of a tenth of the target has a slope of about .2 at the most; what moves with the target one for one does
// so for another reason. Chosen on two panels (docs/likelihood.md, "The gate").
constexpr double kFollowingSlope = 0.3;
constexpr double kSurelyFollowingSlope = 0.6;
constexpr double kFollowingT = 5.0;
constexpr int64_t kLags = 4;
constexpr double kLargestDeparture = 10.0;
constexpr double kLogOffset = 0.1;  // of a region's mean: logs of media start there
constexpr double kVaries = 0.1;

// Departures from the region's means over its training cells: media / mean - 1, target / mean - 1. Logs of media, too:
// channels that move others do so in proportion.
struct Departures {
  std::vector<double> target_T, media_TC, log_TC;
  std::vector<char> seen_T, on_TC;
};

Departures departures(const LikelihoodData& data, int64_t region) {
  const int64_t T = data.origin, C = data.channels;
  Departures out{std::vector<double>(T), std::vector<double>(T * C), std::vector<double>(T * C), std::vector<char>(T),
                 std::vector<char>(T * C)};
  std::vector<double> mean(C);
  double cells = 0;
  const double* weight = data.weight_RT.data() + region * data.weeks;
  const float* media = data.media_RTC.data() + region * data.weeks * C;
  for (int64_t t = 0; t < T; ++t) {
    out.seen_T[t] = weight[t] > 0;
    if (!out.seen_T[t]) continue;
    cells += 1;
    for (int64_t c = 0; c < C; ++c) mean[c] += media[t * C + c];
  }
  for (int64_t t = 0; t < T; ++t) {
    if (!out.seen_T[t]) continue;
    out.target_T[t] = data.target_RT[region * data.weeks + t] - 1.0;
    for (int64_t c = 0; c < C; ++c) out.on_TC[t * C + c] = media[t * C + c] > 0;
    for (int64_t c = 0; c < C; ++c)
      out.media_TC[t * C + c] =
          mean[c] > 0 ? std::clamp(media[t * C + c] * cells / mean[c] - 1.0, -1.0, kLargestDeparture) : 0.0;
    for (int64_t c = 0; c < C; ++c) out.log_TC[t * C + c] = std::log1p(out.media_TC[t * C + c] / (1.0 + kLogOffset));
  }
  return out;
}

double ratio(double above, double below) {
  return below > 1e-12 ? above / below : std::numeric_limits<double>::quiet_NaN();
}

// R2 of each channel on the others from their covariance.
double r2_on_others(const Eigen::MatrixXd& covariance, int64_t channel) {
  const int64_t C = covariance.rows();
  if (C < 2 || covariance(channel, channel) < 1e-12) return 0.0;
  Eigen::MatrixXd others(C - 1, C - 1);
  Eigen::VectorXd with(C - 1);
  for (int64_t i = 0, a = 0; i < C; ++i) {
    if (i == channel) continue;
    with[a] = covariance(i, channel);
    for (int64_t j = 0, b = 0; j < C; ++j)
      if (j != channel) others(a, b++) = covariance(i, j);
    others(a, a) += 1e-9 * covariance.trace();
    ++a;
  }
  return std::clamp(with.dot(others.ldlt().solve(with)) / covariance(channel, channel), 0.0, 1.0);
}

std::string reason_of(const ChannelIdentification& channel) {
  if (channel.demand_slope > kFollowingSlope && channel.demand_t > kFollowingT)
    return text("it follows the last weeks' demand (slope ", std::round(100 * channel.demand_slope) / 100, ")");
  if (channel.local_slope > kSurelyFollowingSlope)
    return text("it moves with demand inside regions (local slope ", std::round(100 * channel.local_slope) / 100,
                ", national ", std::round(100 * channel.national_slope) / 100, ")");
  if (channel.local_slope > kFollowingSlope && !(channel.local_slope - channel.national_slope < kFollowingSlope))
    return text("its local slope is ", std::round(100 * channel.local_slope) / 100, ", its national one ",
                std::round(100 * channel.national_slope) / 100);
  return "";
}

}  // namespace

std::vector<ChannelIdentification> identify_channels(const LikelihoodData& data, const RegionLoop& loop) {
  const int64_t T = data.origin, C = data.channels, width = 2 + 2 * C;
  const auto each_region = [&](Chunk chunk, const auto& work) {
    for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region)
      if (data.is_usable(region)) work(departures(data, region), data.size_R[region]);
  };

  // National means of each week, weighted by size: target, media, logs of media.
  const std::vector<double> sums = loop.sum(T * width, [&](Chunk chunk, std::span<double> total) {
    each_region(chunk, [&](const Departures& region, double size) {
      for (int64_t t = 0; t < T; ++t) {
        if (!region.seen_T[t]) continue;
        total[t * width] += size;
        total[t * width + 1] += size * region.target_T[t];
        for (int64_t c = 0; c < C; ++c) total[t * width + 2 + c] += size * region.media_TC[t * C + c];
        for (int64_t c = 0; c < C; ++c) total[t * width + 2 + C + c] += size * region.log_TC[t * C + c];
      }
    });
  });
  RowMatrix national(T, 1 + 2 * C);
  for (int64_t t = 0; t < T; ++t)
    for (int64_t i = 0; i <= 2 * C; ++i)
      national(t, i) = sums[t * width] > 0 ? sums[t * width + 1 + i] / sums[t * width] : 0;

  // Local cross products; those of the regressions on past demand: constant, all channels' lags, past demand, then the
  // channels themselves. Others' lags are there since channels that move others move demand as well.
  const int64_t demand = 1 + kLags * C, P = demand + 1, N = P + C;
  struct Place {
    int64_t slope, products, demand, cells, count;
  };
  const Place at{0, 2 * C, 2 * C + C * C, 2 * C + C * C + N * N, 2 * C + C * C + N * N + 1 + 2 * C};
  const std::vector<double> local = loop.sum(at.count, [&](Chunk chunk, std::span<double> total) {
    RowMatrix rows(T, N);
    each_region(chunk, [&](const Departures& region, double) {
      const auto target = [&](int64_t t) { return region.target_T[t] - national(t, 0); };
      int64_t count = 0;
      for (int64_t t = 0; t < T; ++t) {
        if (!region.seen_T[t]) continue;
        total[at.cells] += 1;
        for (int64_t c = 0; c < C; ++c) {
          const double x = region.media_TC[t * C + c] - national(t, 1 + c);
          total[at.slope + 2 * c] += x * target(t);
          total[at.slope + 2 * c + 1] += x * x;
          for (int64_t i = 0; i < C; ++i)
            total[at.products + c * C + i] += region.media_TC[t * C + c] * region.media_TC[t * C + i];
          total[at.cells + 1 + c] += region.on_TC[t * C + c];
          total[at.cells + 1 + C + c] += std::abs(region.media_TC[t * C + c]) > kVaries;
        }
        bool has_past = t >= kLags;
        double past = 0;
        for (int64_t lag = 1; lag <= kLags && has_past; ++lag) {
          has_past = region.seen_T[t - lag] != 0;
          past += target(t - lag) / kLags;
        }
        if (!has_past) continue;
        const auto log_media = [&](int64_t week, int64_t c) {
          return region.log_TC[week * C + c] - national(week, 1 + C + c);
        };
        rows(count, 0) = 1;
        for (int64_t c = 0; c < C; ++c) {
          for (int64_t lag = 1; lag <= kLags; ++lag) rows(count, 1 + (lag - 1) * C + c) = log_media(t - lag, c);
          rows(count, P + c) = log_media(t, c);
        }
        rows(count, demand) = past;
        ++count;
      }
      const auto used = rows.topRows(count);
      Eigen::Map<RowMatrix>(total.data() + at.demand, N, N).noalias() += used.transpose() * used;
    });
  });

  const Eigen::MatrixXd covariance = Eigen::Map<const RowMatrix>(local.data() + at.products, C, C);
  const Eigen::VectorXd target = national.col(0).array() - national.col(0).mean();
  const Eigen::MatrixXd gram = Eigen::Map<const RowMatrix>(local.data() + at.demand, N, N);
  Eigen::MatrixXd matrix = gram.topLeftCorner(P, P);
  matrix.diagonal().array() += 1e-9 * (1 + matrix.trace());
  const Eigen::LDLT<Eigen::MatrixXd> factor(matrix);
  const double inverse = factor.solve(Eigen::VectorXd::Unit(P, demand))[demand], cells = gram(0, 0);
  const bool has_local_demand = gram(demand, demand) > 1e-12;
  std::vector<ChannelIdentification> out(static_cast<size_t>(C));
  for (int64_t c = 0; c < C; ++c) {
    ChannelIdentification& channel = out[c];
    const Eigen::VectorXd media = national.col(1 + c).array() - national.col(1 + c).mean();
    channel.local_slope = ratio(local[at.slope + 2 * c], local[at.slope + 2 * c + 1]);
    channel.national_slope = ratio(media.dot(target), media.squaredNorm());
    channel.collinearity = r2_on_others(covariance, c);
    channel.weeks_on = ratio(local[at.cells + 1 + c], local[at.cells]);
    channel.weeks_varying = ratio(local[at.cells + 1 + C + c], local[at.cells]);
    const Eigen::VectorXd with = gram.col(P + c).head(P), slope = factor.solve(with);
    const double left = gram(P + c, P + c) - slope.dot(with);
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    channel.demand_slope = has_local_demand ? slope[demand] : kNone;
    channel.demand_t = !has_local_demand ? kNone
                       : cells > static_cast<double>(P) && left > 0 && inverse > 0
                           ? slope[demand] / std::sqrt(left / (cells - static_cast<double>(P)) * inverse)
                           : 0.0;
    channel.reason = reason_of(channel);
    channel.follows_demand = !channel.reason.empty();
    channel.varies = !std::isnan(channel.local_slope) || !std::isnan(channel.national_slope);
    if (!channel.varies) channel.reason = "it doesn't vary in the training weeks of the regions that are fitted";
  }
  return out;
}

}  // namespace dcmmm
