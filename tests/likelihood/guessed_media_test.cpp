// Shapes: T weeks, C channels, N imputations.
#include "likelihood/guessed_media.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "likelihood_case.hpp"
#include "model/missing_media.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAreArray;

std::vector<double> filled(std::vector<double> media_T, const std::vector<uint8_t>& known_T) {
  fill_missing_weeks(media_T, known_T, 1);
  return media_T;
}

TEST(GuessedMedia, AGapTakesOverAStretchsRatiosToItsGuess) {
  const std::vector<uint8_t> known_T = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1};
  const std::vector<double> guessed_T = filled({4, 6, 5, 9, 12, 7, 3, 8, 0, 0, 5, 6}, known_T);
  // Two weeks after four known ones, all possible places, by hand: value / mean of the four values before.
  std::vector<std::vector<double>> possible;
  for (const size_t start : {0, 1, 2}) {
    const double* from = guessed_T.data() + start;
    const double first = std::accumulate(from, from + 4, 0.0) / 4,
                 second = (std::accumulate(from + 1, from + 4, 0.0) + first) / 4;
    possible.push_back({guessed_T[8] * from[4] / first, guessed_T[9] * from[5] / second});
  }
  RandomStream random(1, 0);
  std::vector<bool> seen(3);
  for (int draw = 0; draw < 60; ++draw) {
    std::vector<double> media_T = guessed_T;
    draw_guessed_weeks(media_T, known_T, 1, random);
    for (const size_t t : {0, 3, 7, 10, 11}) EXPECT_EQ(media_T[t], guessed_T[t]);
    bool found = false;
    for (size_t i = 0; i < 3; ++i)
      if (std::abs(media_T[8] - possible[i][0]) < 1e-9 && std::abs(media_T[9] - possible[i][1]) < 1e-9)
        found = seen[i] = true;
    EXPECT_TRUE(found) << media_T[8] << " " << media_T[9];
  }
  EXPECT_THAT(seen, ElementsAreArray({true, true, true}));
}

TEST(GuessedMedia, AGapAtTheBeginningLooksAtWhatComesAfter) {
  const std::vector<uint8_t> known_T = {0, 0, 1, 1, 1, 1, 1, 1};
  const std::vector<double> guessed_T = filled({0, 0, 2, 3, 4, 7, 6, 1}, known_T);
  RandomStream random(1, 0);
  std::vector<double> media_T = guessed_T;
  draw_guessed_weeks(media_T, known_T, 1, random);
  // The only stretch: weeks 2 and 3, with the four after them to guess from.
  EXPECT_NEAR(media_T[0], guessed_T[0] * 2 / 4.5, 1e-12);
  EXPECT_NEAR(media_T[1], guessed_T[1] * 3 / 4.5, 1e-12);
}

TEST(GuessedMedia, SteadyMediaAndTooShortStretchesKeepTheGuess) {
  RandomStream random(1, 0);
  const std::vector<uint8_t> known_T = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1};
  std::vector<double> steady_T = filled(std::vector<double>(12, 3.0), known_T), before = steady_T;
  draw_guessed_weeks(steady_T, known_T, 1, random);
  EXPECT_EQ(steady_T, before);
  const std::vector<uint8_t> short_T = {1, 1, 1, 1, 0, 1, 1, 1};
  std::vector<double> media_T = filled({1, 9, 2, 5, 0, 3, 8, 4}, short_T);
  before = media_T;
  draw_guessed_weeks(media_T, short_T, 1, random);
  EXPECT_EQ(media_T, before);
}

// Marks gaps in a region's media and fills them, as the program does for missing rows.
void lose_rows(LikelihoodData& data, uint64_t seed) {
  const int64_t T = data.weeks, C = data.channels;
  data.has_guesses = true;
  data.has_row_RT.assign(static_cast<size_t>(data.regions * T), 1);
  for (int64_t r = 0; r < data.regions; ++r) {
    RandomStream random(seed, 5000 + static_cast<uint64_t>(r));
    const auto known_T = std::span(data.has_row_RT).subspan(static_cast<size_t>(r * T), static_cast<size_t>(T));
    for (int64_t t = 10; t < data.origin; t += 10)
      std::fill_n(known_T.begin() + t, 1 + static_cast<int64_t>(4 * random.uniform()), 0);
    float* media = data.media_RTC.data() + r * T * C;
    std::vector<double> media_TC(media, media + T * C);
    fill_missing_weeks(media_TC, known_T, C);
    std::copy(media_TC.begin(), media_TC.end(), media);
    for (int64_t t = 0; t < T; ++t)
      if (known_T[static_cast<size_t>(t)] == 0) data.weight_RT[r * T + t] = 0;
  }
}

// How far guesses really put the mode from that of the true media, over panels, against what the imputations say.
TEST(GuessedMedia, MovesAreAsLargeAsWhatGuessesDo) {
  constexpr int64_t kRegions = 12, kWeeks = 88, kPanels = 8;
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(kRegions, 64), *communicator);
  Components components = initial_components(true, true, false);
  components[Component::kNoise] = std::log(0.03);
  components[Component::kLevel] = std::log(0.06);
  LikelihoodOptions options;
  double real = 0, expected = 0;
  for (int64_t panel = 0; panel < kPanels; ++panel) {
    auto sample = testing::likelihood_case(kRegions, kWeeks, 20 + static_cast<uint64_t>(panel));
    LikelihoodData guessed = sample.data;
    lose_rows(guessed, 20 + static_cast<uint64_t>(panel));
    sample.data.weight_RT = guessed.weight_RT;  // the same cells are observed, with their media
    const Eigen::VectorXd share_C = Eigen::Map<const Eigen::VectorXd>(sample.share_C.data(), 2);
    const auto mode_of = [&](const LikelihoodData& data, const FixedCovariance& covariance) {
      return find_mode(data, options, covariance, sample.truth, sample.truth, 15, loop);
    };
    const auto covariance_of = [&](const LikelihoodData& data) {
      return fix_covariance(data, components, freeze(data, sample.truth, share_C, false, loop), loop);
    };
    const FixedCovariance covariance = covariance_of(guessed);
    const Mode mode = mode_of(guessed, covariance);
    const Mode with_truth = mode_of(sample.data, covariance_of(sample.data));
    const RowMatrix move_NA = moves_by_guesses(guessed, options, covariance, mode, 12, loop);
    ASSERT_EQ(move_NA.rows(), 12);
    for (int64_t c = 0; c < 2; ++c) {
      real += std::pow(with_truth.linear[c] - mode.linear[c], 2);
      expected += move_NA.col(c).squaredNorm() / 12;
    }
  }
  EXPECT_GT(std::sqrt(real / (2 * kPanels)), 0.002);  // guesses matter
  EXPECT_GT(expected, 0.4 * real);
  EXPECT_LT(expected, 2.5 * real);
}

TEST(GuessedMedia, WithoutGuessesNothingMoves) {
  auto sample = testing::likelihood_case(4, 40);
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(4, 64), *communicator);
  const LikelihoodOptions options;
  const Components components = initial_components(true, true, false);
  const FixedCovariance covariance = fix_covariance(
      sample.data, components, freeze(sample.data, sample.truth, Eigen::VectorXd::Constant(2, 0.1), false, loop), loop);
  const Mode mode = find_mode(sample.data, options, covariance, sample.truth, sample.truth, 0, loop);
  EXPECT_EQ(moves_by_guesses(sample.data, options, covariance, mode, 4, loop).rows(), 0);
  sample.data.has_guesses = true;  // but no row is missing
  sample.data.has_row_RT.assign(sample.data.target_RT.size(), 1);
  EXPECT_EQ(moves_by_guesses(sample.data, options, covariance, mode, 2, loop).cwiseAbs().maxCoeff(), 0);
}

TEST(GuessedMedia, DrawsMoveInTurnsAndSharesStayAboveZero) {
  CurveSample sample;
  sample.linear_DL = RowMatrix::Constant(4, 3, 0.1);
  sample.linear_DL(1, 0) = 0;  // no effect in this draw
  sample.coordinates_DS = RowMatrix::Zero(4, 1);
  sample.linear_L = Eigen::VectorXd::Constant(3, 0.1);
  RowMatrix move_NA(2, 4);
  move_NA << 0.02, -0.5, 0.3, 1, 0.04, 0.1, 0.3, 2;
  open_guesses(move_NA, 2, sample);
  RowMatrix expected(4, 3);
  expected << 0.12, 0, 0.1, 0, 0.2, 0.1, 0.12, 0, 0.1, 0.14, 0.2, 0.1;
  EXPECT_LT((sample.linear_DL - expected).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_EQ(sample.coordinates_DS(2, 0), 1);
  EXPECT_EQ(sample.coordinates_DS(3, 0), 2);
  EXPECT_NEAR(sample.linear_L[0], 0.13, 1e-12);
  EXPECT_NEAR(sample.linear_L[1], 0, 1e-12);
}

}  // namespace
}  // namespace dcmmm
