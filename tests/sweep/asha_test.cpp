// Which trials end early: by hand, and against what Optuna's pruner says in words.
#include "sweep/asha.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sweep/worker.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;

class Asha : public ::testing::Test {
 protected:
  explicit Asha(bool maximises = false) { study_.apply(create_study_line("s", maximises)); }
  void add(const std::map<int64_t, double>& values) {
    const auto id = static_cast<int64_t>(study_.trials().size());
    study_.apply(create_trial_line({parse_search_word("k=a,b")}, {0}));
    for (const auto& [step, value] : values) study_.apply(intermediate_line(id, step, value));
  }
  // Whether the last one of a new trial's values ends it.
  bool prunes(std::map<int64_t, double> values) {
    const auto [step, value] = *values.rbegin();
    values.erase(step);
    add(values);
    const int64_t id = static_cast<int64_t>(study_.trials().size()) - 1;
    const bool out = asha_prunes({1, 3}, study_, id, step, value);
    study_.apply(intermediate_line(id, step, value));
    return out;
  }
  Study study_;
};

TEST_F(Asha, LetsTheBestThirdGoOn) {
  EXPECT_FALSE(prunes({{1, 5.0}}));  // the first is the best so far
  EXPECT_TRUE(prunes({{1, 6.0}}));
  EXPECT_FALSE(prunes({{1, 4.0}}));
  EXPECT_TRUE(prunes({{1, 4.5}}));  // 1 of 4
  EXPECT_FALSE(prunes({{1, 3.0}}));
  EXPECT_FALSE(prunes({{1, 4.0}}));  // 2 of 6: 3 and 4
  EXPECT_TRUE(prunes({{1, 4.1}}));
}

TEST_F(Asha, LooksAtRungsOnly) {
  add({{1, 1.0}, {2, 1.0}, {3, 1.0}});
  EXPECT_FALSE(prunes({{1, 0.5}, {2, 9.0}}));             // no rung at 2
  EXPECT_TRUE(prunes({{1, 0.5}, {2, 9.0}, {3, 9.0}}));    // the rung at 3
  EXPECT_TRUE(prunes({{1, 0.5}, {4, 9.0}}));              // past it: the first value after it counts
  EXPECT_FALSE(prunes({{1, 0.5}, {3, 0.9}, {4, 99.0}}));  // it went by the rung well
}

class AshaUp : public Asha {
 protected:
  AshaUp() : Asha(true) {}
};

TEST_F(AshaUp, TakesTheLargestWhereTheObjectiveIsMaximised) {
  add({{1, 1.0}});
  EXPECT_FALSE(prunes({{1, 2.0}}));
  EXPECT_TRUE(prunes({{1, 1.5}}));
}

// The whole way: a worker tells values, the study says pruned, the runner ends and the next trial starts.
TEST(AshaWorker, PrunesInTheJournalAndGoesOn) {
  const dcmmm::testing::TemporaryFolder folder;
  SweepPlan plan{folder / "s", {parse_search_word("x=interval(0.0,1)")}, SamplerKind::kSobol, 3, 27, AshaOptions{1, 3}};
  fs::create_directories(plan.folder / "locks");
  StudyFile(plan.journal()).change([](const Study&) { return std::vector{create_study_line("s", false)}; });
  int64_t steps = 0;
  EXPECT_EQ(run_worker(
                plan,
                [&](const TrialTask& task, const std::function<bool()>&) -> TrialOutcome {
                  const double x = std::stod(task.words[0].substr(2));
                  for (int64_t step = 1; step <= 9; ++step, ++steps)
                    if (task.report({{step, x + 1.0 / static_cast<double>(step)}}, step == 9))
                      return {TrialOutcome::Kind::kPruned, 0, ""};
                  return {TrialOutcome::Kind::kComplete, x, ""};
                },
                [] { return false; }),
            27);
  StudyFile file(plan.journal());
  int64_t pruned = 0;
  double best = INFINITY, best_complete = INFINITY;
  for (const Trial& trial : file.refresh().trials()) {
    const bool is_pruned = trial.state == TrialState::kPruned;
    pruned += is_pruned;
    best = std::min(best, trial.values.at("x"));
    if (is_pruned)
      EXPECT_EQ(trial.objective, trial.intermediate.rbegin()->second);  // as Optuna's tell() has it
    else
      best_complete = std::min(best_complete, *trial.objective);
  }
  EXPECT_EQ(best, best_complete);
  EXPECT_GT(pruned, 9);
  EXPECT_LT(steps, 27 * 9 / 2);
}

// Few trials come to their end, and those say nothing: what the pruned ones had is all that there is to learn from.
TEST(AshaWorker, TpeLearnsFromPrunedTrials) {
  const dcmmm::testing::TemporaryFolder folder;
  SweepPlan plan{folder / "s", {parse_search_word("x=interval(0.0,1)")}, SamplerKind::kTpe, 5, 90, AshaOptions{1, 3}};
  fs::create_directories(plan.folder / "locks");
  StudyFile file(plan.journal());
  file.change([](const Study&) { return std::vector{create_study_line("s", false)}; });
  run_worker(
      plan,
      [&](const TrialTask& task, const std::function<bool()>&) -> TrialOutcome {
        const double x = std::stod(task.words[0].substr(2));
        const int64_t last = task.number < 3 ? 9 : 2;
        for (int64_t step = 1; step <= last; ++step)
          if (task.report({{step, task.number < 3 ? -1.0 : std::abs(x - 0.2)}}, step == 9))
            return {TrialOutcome::Kind::kPruned, 0, ""};
        return {TrialOutcome::Kind::kComplete, 1.0, ""};
      },
      [] { return false; });
  double distance = 0;
  int64_t pruned = 0;
  for (const Trial& trial : file.refresh().trials()) {
    pruned += trial.state == TrialState::kPruned;
    if (trial.number >= 60) distance += std::abs(trial.values.at("x") - 0.2) / 30;
  }
  EXPECT_GT(pruned, 40);
  EXPECT_LT(distance, 0.12);  // random search: 0.34
}

}  // namespace
}  // namespace dcmmm
