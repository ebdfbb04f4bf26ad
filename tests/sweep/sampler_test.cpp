#include "sweep/sampler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "common/errors.hpp"
#include "sweep/sobol.hpp"

namespace dcmmm {
namespace {

using Values = std::vector<double>;
using ::testing::ElementsAre;

SearchSpace space_of(const std::vector<std::string>& words) {
  SearchSpace out;
  for (const std::string& word : words) out.push_back(parse_search_word(word));
  return out;
}

TEST(Sampler, GridGoesThroughTheProductLastKeyFastest) {
  const SearchSpace space = space_of({"a=1,2", "b=x,y,z"});
  ASSERT_EQ(grid_size(space), 6);
  std::vector<Values> all;
  for (int64_t n = 0; n < 6; ++n) all.push_back(sample(SamplerKind::kGrid, space, 0, n, {}));
  EXPECT_THAT(all, ElementsAre(Values{0, 0}, Values{0, 1}, Values{0, 2}, Values{1, 0}, Values{1, 1}, Values{1, 2}));
  EXPECT_THROW(grid_size(space_of({"a=interval(0,1)"})), UserError);
}

TEST(Sampler, DependsOnSeedAndNumberAlone) {
  const SearchSpace space = space_of({"a=interval(0.0,1)", "b=tag(log, interval(1e-3,1))"});
  for (const SamplerKind kind : {SamplerKind::kRandom, SamplerKind::kSobol}) {
    const Values late = sample(kind, space, 3, 17, {});
    for (int64_t n = 0; n < 17; ++n) EXPECT_NE(sample(kind, space, 3, n, {}), late);
    EXPECT_EQ(sample(kind, space, 3, 17, {{{0.1, 0.2}, 1.0}}), late);
    EXPECT_NE(sample(kind, space, 4, 17, {}), late);
  }
}

// `b` counts only where a is x: elsewhere it has no value, whatever the sampler; and what TPE learns of it, it learns
// from the trials that have it.
TEST(Sampler, LeavesOutWhatDoesNotCount) {
  SearchSpace space = space_of({"a=x,y", "b=interval(0.0,1)", "c=interval(0.0,1)"});
  set_condition(space, "b", "a=x");
  std::vector<Observation> seen;
  int64_t late_good = 0, late = 0;
  for (int64_t n = 0; n < 80; ++n) {
    const Values values = sample(SamplerKind::kTpe, space, 5, n, seen);
    ASSERT_EQ(std::isnan(values[1]), values[0] == 1) << n;
    ASSERT_FALSE(std::isnan(values[2]));
    // Best is a = x with b near 0.8.
    const bool has_b = values[0] == 0;
    seen.push_back({values, has_b ? std::abs(values[1] - 0.8) : 0.5 + 0.1 * values[2]});
    if (n >= 40) {
      ++late;
      late_good += has_b && std::abs(values[1] - 0.8) < 0.2;
    }
  }
  EXPECT_GT(2 * late_good, late);  // at random: a fifth
  for (const SamplerKind kind : {SamplerKind::kRandom, SamplerKind::kSobol})
    for (int64_t n = 0; n < 16; ++n) {
      const Values values = sample(kind, space, 5, n, {});
      EXPECT_EQ(std::isnan(values[1]), values[0] == 1);
    }
  EXPECT_THROW(grid_size(space), UserError);
}

TEST(Sampler, RefusesConditionsThatMakeNoSense) {
  SearchSpace space = space_of({"a=x,y", "b=interval(0.0,1)", "c=interval(0.0,1)"});
  for (const auto& [key, condition] : std::vector<std::pair<std::string, std::string>>{
           {"d", "a=x"}, {"b", "c=0.5"}, {"b", "a=z"}, {"b", "a"}, {"a", "a=x"}, {"b", "d=1"}})
    EXPECT_THROW(set_condition(space, key, condition), UserError) << key << ": " << condition;
}

// A Sobol sequence puts exactly one of its first 2^k points into each of 2^k equal intervals of every coordinate, and
// one into each elementary box of the first two; a scramble keeps this (Owen 1998). Random points don't.
TEST(Sobol, IsANetInEveryCoordinate) {
  constexpr int64_t kPoints = 64, kDimensions = 12;
  for (const uint64_t seed : {0, 1, 7}) {
    std::vector<std::set<int64_t>> cells(kDimensions);
    std::set<std::pair<int64_t, int64_t>> boxes;
    for (int64_t n = 0; n < kPoints; ++n) {
      const Values point = sobol_point(seed, n, kDimensions);
      for (size_t d = 0; d < point.size(); ++d) {
        ASSERT_GE(point[d], 0);
        ASSERT_LT(point[d], 1);
        cells[d].insert(static_cast<int64_t>(point[d] * kPoints));
      }
      boxes.emplace(static_cast<int64_t>(point[0] * 8), static_cast<int64_t>(point[1] * 8));
    }
    for (const auto& taken : cells) EXPECT_EQ(taken.size(), kPoints);
    EXPECT_EQ(boxes.size(), kPoints);
  }
}

// Integrates prod(x_d) over the cube, 2^-3: a net's error is far below that of random points.
TEST(Sobol, IntegratesBetterThanRandomPoints) {
  const SearchSpace space = space_of({"a=interval(0.0,1)", "b=interval(0.0,1)", "c=interval(0.0,1)"});
  const auto error = [&](SamplerKind kind) {
    double worst = 0;
    for (const uint64_t seed : {1, 2, 3}) {
      double sum = 0;
      for (int64_t n = 0; n < 256; ++n) {
        const Values x = sample(kind, space, seed, n, {});
        sum += x[0] * x[1] * x[2] / 256;
      }
      worst = std::max(worst, std::abs(sum - 0.125));
    }
    return worst;
  };
  EXPECT_LT(error(SamplerKind::kSobol), 0.002);
  EXPECT_GT(error(SamplerKind::kRandom), 0.003);
}

// A bowl in four numbers and a choice: how low a sampler gets with 60 trials, median over seeds.
double median_best(SamplerKind kind) {
  const SearchSpace space = space_of(
      {"a=interval(0.0,1)", "b=interval(0.0,1)", "c=tag(log, interval(1e-4,1))", "d=interval(1,50)", "e=x,y,z"});
  std::vector<double> bests;
  for (uint64_t seed = 0; seed < 9; ++seed) {
    std::vector<Observation> seen;
    double best = INFINITY;
    for (int64_t n = 0; n < 60; ++n) {
      const Values x = sample(kind, space, seed, n, seen);
      const double loss = std::pow(x[0] - 0.7, 2) + std::pow(x[1] - 0.2, 2) + std::pow((std::log10(x[2]) + 1) / 4, 2) +
                          std::pow((x[3] - 12) / 50, 2) + 0.1 * (x[4] != 1);
      seen.push_back({x, loss});
      best = std::min(best, loss);
    }
    bests.push_back(best);
  }
  std::nth_element(bests.begin(), bests.begin() + 4, bests.end());
  return bests[4];
}

TEST(Tpe, FindsBetterTrialsThanRandomSearch) {
  EXPECT_LT(median_best(SamplerKind::kTpe), 0.5 * median_best(SamplerKind::kRandom));
}

TEST(Tpe, StaysInsideTheSpaceAndRepeats) {
  const SearchSpace space = space_of({"a=interval(1,3)", "b=tag(log, interval(1e-3,1e-2))", "c=x,y"});
  std::vector<Observation> seen;
  for (int64_t n = 0; n < 80; ++n) {
    const Values x = sample(SamplerKind::kTpe, space, 5, n, seen);
    EXPECT_EQ(sample(SamplerKind::kTpe, space, 5, n, seen), x);
    EXPECT_TRUE(x[0] == 1 || x[0] == 2 || x[0] == 3) << x[0];
    EXPECT_GE(x[1], 1e-3);
    EXPECT_LE(x[1], 1e-2);
    EXPECT_TRUE(x[2] == 0 || x[2] == 1) << x[2];
    seen.push_back({x, n % 7 == 3 ? NAN : x[0] + x[1]});  // some fail; the optimum is a corner
  }
}

TEST(Tpe, SearchesAtRandomWithoutFinishedTrials) {
  const SearchSpace space = space_of({"a=interval(0.0,1)"});
  const std::vector<Observation> running(12, {{0.5}, NAN});
  EXPECT_EQ(sample(SamplerKind::kTpe, space, 1, 12, running), sample(SamplerKind::kRandom, space, 1, 12, {}));
}

}  // namespace
}  // namespace dcmmm
