#include "likelihood/guessed_media.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <vector>

#include "model/missing_media.hpp"

// T weeks, C channels, N imputations, L linear terms.
namespace dcmmm {
namespace {

constexpr uint64_t kGuessStream = uint64_t{1} << 54;  // of random numbers
constexpr double kLongestMove = 0.7;                  // of a coordinate of the curves

// Weeks [first, end).
struct Stretch {
  int64_t first, end;
};

std::vector<Stretch> stretches(std::span<const uint8_t> known_T, bool known) {
  std::vector<Stretch> out;
  for (int64_t t = 0; t < std::ssize(known_T); ++t) {
    if ((known_T[t] != 0) != known) continue;
    if (out.empty() || out.back().end != t) out.push_back({t, t});
    out.back().end = t + 1;
  }
  return out;
}

// Turns the target into the one that goes with the guessed media, had they been the drawn ones of imputation `number`.
// Returns what each channel's drawn media bring more in observed cells, as shares of the target.
Eigen::VectorXd draw_target(const LikelihoodData& data, const Mode& mode, int64_t number, const RegionLoop& loop,
                            LargeVector<double>& target_RT) {
  const int64_t T = data.origin, C = data.channels;
  const std::vector<double> sums = loop.sum(C, [&](Chunk chunk, std::span<double> total) {
    RowMatrix guessed(T, C), drawn(T, C);
    CarriedMedia carried;
    for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region) {
      const std::span known_T = std::span(data.has_row_RT).subspan(static_cast<size_t>(region * data.weeks), T);
      if (!data.is_usable(region) || std::count(known_T.begin(), known_T.end(), 0) == 0) continue;
      RandomStream random(static_cast<uint64_t>(loop.plan().first_region + region),
                          kGuessStream + static_cast<uint64_t>(number));
      const float* media = data.media_RTC.data() + region * data.weeks * C;
      std::vector<double> media_TC(media, media + T * C);
      draw_guessed_weeks(media_TC, known_T, C, random);
      const std::vector<float> drawn_TC(media_TC.begin(), media_TC.end());
      for (int64_t c = 0; c < C; ++c) {
        ChannelMedia of_channel = data.media_of(region, c);
        fill_channel(of_channel, {C, 0, 0}, mode.shapes, nullptr, c, carried, guessed);
        of_channel.value = drawn_TC.data() + c;
        fill_channel(of_channel, {C, 0, 0}, mode.shapes, nullptr, c, carried, drawn);
        for (int64_t t = 0; t < T; ++t) {
          const int64_t cell = region * data.weeks + t;
          if (!(data.weight_RT[cell] > 0)) continue;
          const double change = mode.coefficient(c) * (drawn(t, c) - guessed(t, c));
          target_RT[cell] -= change;
          total[c] += data.size_R[region] * change;
        }
      }
    }
  });
  return Eigen::Map<const Eigen::VectorXd>(sums.data(), C) / data.total_target;
}

// From the linear terms and curves of the mode itself to where its quadratic model has its optimum.
Eigen::VectorXd optimum(const Mode& mode) {
  Eigen::VectorXd out = mode.curvature.ldlt().solve(mode.gradient);
  const int64_t L = mode.linear.size();
  out.head(L) += mode.linear;
  return out;
}

}  // namespace

void draw_guessed_weeks(std::span<double> media_TC, std::span<const uint8_t> known_T, int64_t channels,
                        RandomStream& random) {
  const std::vector<double> guessed_TC(media_TC.begin(), media_TC.end());
  const std::vector<Stretch> known = stretches(known_T, true);
  int64_t longest = 0;
  for (const Stretch& stretch : known) longest = std::max(longest, stretch.end - stretch.first - kWeeksBefore);
  if (longest < 1) return;
  for (const Stretch& gap : stretches(known_T, false)) {
    // A gap at the beginning is guessed from what comes after it, all others from what comes before.
    const int64_t before = gap.first == 0 ? 0 : kWeeksBefore, after = kWeeksBefore - before;
    for (int64_t t = gap.first, count = 0; t < gap.end; t += count) {
      count = std::min(longest, gap.end - t);
      const int64_t length = before + count + after;
      std::vector<int64_t> starts;
      for (const Stretch& stretch : known)
        for (int64_t start = stretch.first; start + length <= stretch.end; ++start) starts.push_back(start);
      const int64_t start = starts[static_cast<size_t>(random.uniform() * static_cast<double>(starts.size()))];
      const auto from = guessed_TC.begin() + start * channels;
      std::vector<double> window_TC(from, from + length * channels);
      std::vector<uint8_t> kept_T(static_cast<size_t>(length), 1);
      std::fill_n(kept_T.begin() + before, count, 0);
      fill_missing_weeks(window_TC, kept_T, channels);
      for (int64_t i = 0; i < count * channels; ++i) {
        const double guess = window_TC[static_cast<size_t>(before * channels + i)];
        if (guess > 0) media_TC[static_cast<size_t>(t * channels + i)] *= from[before * channels + i] / guess;
      }
    }
  }
}

RowMatrix moves_by_guesses(const LikelihoodData& data, const LikelihoodOptions& options,
                           const FixedCovariance& covariance, const Mode& mode, int64_t imputations,
                           const RegionLoop& loop) {
  if (!data.has_guesses) return {};
  const int64_t L = mode.linear.size();
  const Eigen::VectorXd here = optimum(mode);
  RowMatrix move_NA(imputations, here.size());
  LikelihoodData drawn = data;
  for (int64_t n = 0; n < imputations; ++n) {
    drawn.target_RT = data.target_RT;
    const Eigen::VectorXd more_C = draw_target(data, mode, n, loop, drawn.target_RT);
    const Mode at = find_mode(drawn, options, covariance, mode.shapes, mode.prior_center, 0, loop);
    Eigen::VectorXd move = optimum(at) - here;
    move.head(data.channels) += more_C;
    move.tail(move.size() - L) = move.tail(move.size() - L).cwiseMin(kLongestMove).cwiseMax(-kLongestMove);
    move_NA.row(n) = move.transpose();
  }
  return move_NA;
}

void open_guesses(const RowMatrix& move_NA, int64_t channels, CurveSample& sample) {
  const int64_t N = move_NA.rows(), S = sample.coordinates_DS.cols();
  if (N == 0) return;
  const auto move_shares = [&](auto&& share_C, const auto& move_C) {
    for (int64_t c = 0; c < channels; ++c)
      if (share_C[c] > 0) share_C[c] = std::max(share_C[c] + move_C[c], 0.0);
  };
  for (int64_t draw = 0; draw < sample.linear_DL.rows(); ++draw) {
    const auto move = move_NA.row(draw % N);
    move_shares(sample.linear_DL.row(draw), move);
    sample.coordinates_DS.row(draw) += move.tail(S);
  }
  move_shares(sample.linear_L, move_NA.colwise().mean());
}

}  // namespace dcmmm
