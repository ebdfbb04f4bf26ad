#include "sweep/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/random.hpp"

namespace dcmmm {
namespace {

using ::testing::HasSubstr;

// 64 trials whose objective follows `strong`, a little `weak`, and not `idle`.
Study study_of(const SearchSpace& space, bool maximise) {
  Study out;
  out.apply(create_study_line("s", maximise));
  RandomStream random(1, 2);
  for (int64_t n = 0; n < 64; ++n) {
    std::vector<double> values;
    for (const Parameter& parameter : space) values.push_back(from_unit(parameter, random.uniform()));
    out.apply(create_trial_line(space, values));
    out.apply(end_trial_line(n, TrialState::kComplete, values[0] + 0.3 * (values[1] == 1)));
  }
  return out;
}

SearchSpace three() {
  return {parse_search_word("strong=interval(0.0,1)"), parse_search_word("weak=x,y"),
          parse_search_word("idle=interval(1,9)")};
}

TEST(Summary, RanksTheBestFirst) {
  for (const bool maximise : {true, false}) {
    const Study study = study_of(three(), maximise);
    const auto ranked = ranked_trials(study);
    ASSERT_EQ(ranked.size(), 64U);
    for (size_t i = 1; i < ranked.size(); ++i)
      EXPECT_TRUE(maximise ? *ranked[i - 1]->objective >= *ranked[i]->objective
                           : *ranked[i - 1]->objective <= *ranked[i]->objective);
  }
}

TEST(Summary, SeesWhatMatters) {
  const std::vector<double> shares = importances(study_of(three(), true), three());
  EXPECT_GT(shares[0], 0.5);
  EXPECT_GT(shares[1], 0.05);
  EXPECT_LT(shares[1], shares[0]);
  EXPECT_LT(shares[2], 0.1);
}

TEST(Summary, ShowsValuesThatAreNotTheSpacesAsNumbers) {
  Study study = study_of(three(), true);
  JournalLine line = create_trial_line(three(), {0.5, 1, 4});
  line["params"]["weak"] = 2;
  study.apply(line);
  study.apply(end_trial_line(64, TrialState::kComplete, 7.5));
  EXPECT_THAT(trials_csv(study, three()), HasSubstr(",0.5,2,4\n"));
  EXPECT_EQ(summary_data(study, three(), {"loss"}, "")["best"][0], 64);
  EXPECT_EQ(importances(study, three()), importances(study_of(three(), true), three()));
}

// Two groups of four with ranks 0..3 and 4..7: between 32, within 10, so (32 - 10 / 6) / 42.
TEST(Summary, ImportanceIsEpsilonSquared) {
  const SearchSpace space = {parse_search_word("a=x,y")};
  Study study;
  study.apply(create_study_line("s", false));
  for (int64_t n = 0; n < 8; ++n) {
    study.apply(create_trial_line(space, {n < 4 ? 0.0 : 1.0}));
    study.apply(end_trial_line(n, TrialState::kComplete, static_cast<double>(n * n)));
  }
  EXPECT_NEAR(importances(study, space)[0], (32 - 10.0 / 6) / 42, 1e-12);
}

TEST(Summary, WritesEveryTrialIntoTheTable) {
  const SearchSpace space = {parse_search_word("a=choice([1,2],x)"), parse_search_word("b=interval(1,9)")};
  Study study;
  study.apply(create_study_line("s", false));
  study.apply(create_trial_line(space, {0, 4}));
  study.apply(create_trial_line(space, {1, 5}));
  study.apply(end_trial_line(0, TrialState::kComplete, 0.25));
  const std::string csv = trials_csv(study, space);
  EXPECT_THAT(csv, HasSubstr("number,state,objective,started,ended,a,b\n0,complete,0.25,"));
  EXPECT_THAT(csv, HasSubstr(",\"[1,2]\",4\n1,running,,"));
  EXPECT_THAT(csv, HasSubstr(",,x,5\n"));
}

TEST(Summary, LeavesNoFormulaInTheTable) {
  const SearchSpace space = {parse_search_word("a=-x,y")};
  Study study;
  study.apply(create_study_line("s", false));
  study.apply(create_trial_line(space, {0}));
  EXPECT_THAT(trials_csv(study, space), HasSubstr(",'-x\n"));
}

}  // namespace
}  // namespace dcmmm
