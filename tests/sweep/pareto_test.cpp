// Fronts of several objectives.
#include "sweep/pareto.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/random.hpp"
#include "sweep/summary.hpp"

namespace dcmmm {
namespace {

using Points = std::vector<std::vector<double>>;

TEST(Pareto, NumbersTheFronts) {
  EXPECT_THAT(front_numbers(Points{{1, 5}, {2, 2}, {5, 1}, {3, 3}, {4, 4}, {2, 2}}),
              ::testing::ElementsAre(0, 0, 0, 1, 2, 0));
  EXPECT_TRUE(front_numbers({}).empty());
}

// What the definition says: the front of a point is the longest chain of points that each dominate the next, above it.
TEST(Pareto, IsTheLongestChainAboveAPoint) {
  RandomStream random(1, 2);
  Points points;
  for (int i = 0; i < 60; ++i) points.push_back({std::floor(9 * random.uniform()), std::floor(9 * random.uniform())});
  const auto dominates = [](const auto& a, const auto& b) { return a[0] <= b[0] && a[1] <= b[1] && a != b; };
  const std::function<int64_t(size_t)> chain = [&](size_t i) {
    int64_t longest = 0;
    for (size_t k = 0; k < points.size(); ++k)
      if (dominates(points[k], points[i])) longest = std::max(longest, 1 + chain(k));
    return longest;
  };
  const auto fronts = front_numbers(points);
  for (size_t i = 0; i < points.size(); ++i) EXPECT_EQ(fronts[i], chain(i)) << i;
}

TEST(Pareto, RanksTrialsOfAStudyWithBothDirections) {
  Study study;
  study.apply(create_study_line("s", std::vector{true, false}));  // the first is maximised
  const SearchSpace space = {parse_search_word("k=a,b")};
  const Points values = {{1, 1}, {2, 2}, {2, 1.5}, {0, 3}};
  for (int64_t n = 0; n < 4; ++n) {
    study.apply(create_trial_line(space, {0}));
    study.apply(end_trial_line(n, TrialState::kComplete, values[n][0], {values[n][1]}));
  }
  std::vector<int64_t> front, all;
  for (const Trial* trial : pareto_front(study)) front.push_back(trial->number);
  for (const Trial* trial : ranked_trials(study)) all.push_back(trial->number);
  EXPECT_THAT(front, ::testing::ElementsAre(2, 0));
  EXPECT_THAT(all, ::testing::ElementsAre(2, 0, 1, 3));
  EXPECT_THAT(trials_csv(study, space), ::testing::HasSubstr("number,state,objective,objective_2,started"));
}

}  // namespace
}  // namespace dcmmm
