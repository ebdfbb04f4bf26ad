// Workers on a fake trial: what is shared out, what a killed one leaves, and that the number of workers is no matter.
#include "sweep/worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "sweep/trial_process.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Workers : public ::testing::Test {
 protected:
  SweepPlan plan(const std::string& name, SamplerKind sampler, int64_t trials) const {
    SweepPlan out{
        folder_ / name, {parse_search_word("x=interval(0.0,1)"), parse_search_word("k=a,b")}, sampler, 3, trials};
    if (!fs::exists(out.folder)) {
      fs::create_directories(out.folder / "locks");
      StudyFile(out.journal()).change([](const Study&) { return std::vector{create_study_line("s", false)}; });
    }
    return out;
  }
  static TrialOutcome objective(const TrialTask& task, const std::function<bool()>&) {
    ::usleep(1000);
    return {TrialOutcome::Kind::kComplete, std::stod(task.words[0].substr(2)), ""};
  }
  static Study study(const SweepPlan& plan) { return StudyFile(plan.journal()).refresh(); }
  static bool never() { return false; }

  dcmmm::testing::TemporaryFolder folder_;
};

TEST_F(Workers, GiveTheSameResultsHoweverManyThereAre) {
  for (const SamplerKind sampler : {SamplerKind::kRandom, SamplerKind::kSobol}) {
    const std::string name = sampler == SamplerKind::kSobol ? "sobol" : "random";
    const SweepPlan one = plan(name + "1", sampler, 24), four = plan(name + "4", sampler, 24);
    EXPECT_EQ(run_worker(one, objective, never), 24);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { run_worker(four, objective, never); });
    for (std::thread& thread : threads) thread.join();
    const Study a = study(one), b = study(four);
    ASSERT_EQ(b.trials().size(), 24U);
    for (size_t n = 0; n < 24; ++n) {
      EXPECT_EQ(a.trials()[n].values, b.trials()[n].values);
      EXPECT_EQ(a.trials()[n].objective, b.trials()[n].objective);
    }
  }
}

// Each trial writes a line when it ends; workers are killed at odd moments until all trials are done.
TEST_F(Workers, RepeatNoFinishedTrialAndLoseNoneWhenKilled) {
  const SweepPlan shared = plan("killed", SamplerKind::kRandom, 40);
  const auto runner = [&](const TrialTask& task, const std::function<bool()>&) {
    ::usleep(5000);
    return objective(task, never);
  };
  int killed = 0;
  for (int round = 0; finished_trials(shared, study(shared)) < 40; ++round) {
    ASSERT_LT(round, 300);
    const pid_t worker = ::fork();
    if (worker == 0) {
      run_worker(shared, runner, never);
      ::_exit(0);
    }
    ::usleep(30'000 + 7'919 * (round % 13));
    ::kill(worker, SIGKILL);
    int status = 0;
    ::waitpid(worker, &status, 0);
    killed += WIFSIGNALED(status);
  }
  EXPECT_GT(killed, 2);
  const std::string journal = read_text_file(shared.journal());
  for (int64_t id = 0; id < 40; ++id) {
    const std::string end = "\"trial_id\":" + std::to_string(id) + ",\"state\":1";
    const size_t first = journal.find(end);
    EXPECT_NE(first, journal.npos) << id;
    EXPECT_EQ(journal.find(end, first + 1), journal.npos) << id;
  }
  EXPECT_EQ(study(shared).trials().size(), 40U);
}

TEST_F(Workers, LeaveARunningTrialToItsOwnWorker) {
  const SweepPlan shared = plan("held", SamplerKind::kRandom, 2);
  std::vector<int64_t> inner;
  run_worker(
      shared,
      [&](const TrialTask& task, const std::function<bool()>& stop) {
        if (task.number == 0)
          run_worker(
              shared,
              [&](const TrialTask& other, const std::function<bool()>&) {
                inner.push_back(other.number);
                return objective(other, never);
              },
              never);
        return objective(task, stop);
      },
      never);
  EXPECT_EQ(inner, (std::vector<int64_t>{1}));
  EXPECT_EQ(finished_trials(shared, study(shared)), 2);
}

TEST_F(Workers, StopWhenTheStudyIsCancelled) {
  const SweepPlan shared = plan("cancelled", SamplerKind::kRandom, 5);
  const auto runner = [&](const TrialTask& task, const std::function<bool()>& stop) {
    if (task.number == 1) {
      StudyFile(shared.journal()).change([](const Study&) {
        return std::vector{study_attribute_line(kCancelled, true)};
      });
      while (!stop()) ::usleep(10'000);
      return TrialOutcome{TrialOutcome::Kind::kStopped, 0, ""};
    }
    return objective(task, stop);
  };
  EXPECT_EQ(run_worker(shared, runner, never), 1);
  EXPECT_EQ(run_worker(shared, runner, never), 0);
  EXPECT_EQ(study(shared).trials().at(1).state, TrialState::kRunning);
}

// They are asked ten times a second, thousands of them about one journal.
TEST_F(Workers, OpenTheJournalForNewValuesAlone) {
  const SweepPlan shared = plan("values", SamplerKind::kRandom, 1);
  const auto outcome = [&](const TrialTask& task, const std::map<int64_t, double>& known) {
    task.report(known, false);
    const auto size = fs::file_size(shared.journal());
    std::ofstream(shared.journal(), std::ios::app) << "whoever reads this throws\n";
    EXPECT_NO_THROW(task.report(known, false));
    EXPECT_NO_THROW(task.report({}, false));
    EXPECT_ANY_THROW(task.report({{9, 1.0}}, false));
    fs::resize_file(shared.journal(), size);
    return TrialOutcome{TrialOutcome::Kind::kStopped, 0, ""};
  };
  run_worker(
      shared,
      [&](const TrialTask& task, const auto&) {
        return outcome(task, {{1, 0.5}, {2, 0.4}});
      },
      never);
  // Whoever takes it over knows what was told before.
  run_worker(
      shared,
      [&](const TrialTask& task, const auto&) {
        EXPECT_TRUE(task.is_taken_over);
        return outcome(task, {{1, 0.5}, {2, 0.4}, {3, 0.3}});
      },
      never);
  EXPECT_EQ(study(shared).trials().at(0).intermediate, (std::map<int64_t, double>{{1, 0.5}, {2, 0.4}, {3, 0.3}}));
  const std::string journal = read_text_file(shared.journal());
  EXPECT_EQ(journal.find("\"step\":1", journal.find("\"step\":1") + 1), journal.npos);
}

TEST_F(Workers, SayWhyNothingWorks) {
  const SweepPlan shared = plan("failing", SamplerKind::kRandom, 20);
  const auto runner = [](const TrialTask&, const std::function<bool()>&) {
    return TrialOutcome{TrialOutcome::Kind::kFailed, 0, "no such key"};
  };
  try {
    run_worker(shared, runner, never);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no such key"));
  }
  EXPECT_EQ(finished_trials(shared, study(shared)), 5);
}

TEST_F(Workers, RunTrialsAsProcesses) {
  const fs::path out = folder_ / "out.txt";
  EXPECT_EQ(run_trial_process({"/bin/sh", "-c", "echo told; exit 7"}, out, -1, never, SIGTERM), 7);
  EXPECT_EQ(read_text_file(out), "told\n");
  EXPECT_EQ(run_trial_process({"/bin/sh", "-c", "kill -9 $$"}, out, -1, never, SIGTERM), 137);
  EXPECT_EQ(run_trial_process(
                {"/bin/sleep", "60"}, out, -1, [] { return true; }, SIGTERM),
            -1);
  EXPECT_EQ(run_trial_process({"/nowhere"}, out, -1, never, SIGTERM), 127);
}

TEST_F(Workers, GiveATrialsProcessItsDeviceAndNoRank) {
  const fs::path out = folder_ / "out.txt";
  const std::vector<std::string> words = {"/bin/sh", "-c", "echo $CUDA_VISIBLE_DEVICES $OMPI_COMM_WORLD_RANK"};
  ::setenv("CUDA_VISIBLE_DEVICES", "0,7", 1);
  ::setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  EXPECT_EQ(run_trial_process(words, out, -1, never, SIGTERM, "7"), 0);
  EXPECT_EQ(read_text_file(out), "7\n");
  EXPECT_EQ(run_trial_process(words, out, -1, never, SIGTERM), 0);
  EXPECT_EQ(read_text_file(out), "0,7\n");
  ::unsetenv("CUDA_VISIBLE_DEVICES");
  EXPECT_EQ(run_trial_process(words, out, -1, never, SIGTERM, "1"), 0);
  EXPECT_EQ(read_text_file(out), "1\n");
  ::unsetenv("OMPI_COMM_WORLD_RANK");
}

TEST_F(Workers, APullHoldsSeveralTrialsAndLeavesWhatItDidNotEnd) {
  const SweepPlan plan = this->plan("several", SamplerKind::kRandom, 5);
  std::vector<TrialTask> tasks;
  {
    TrialPull pull(plan), other(plan);
    for (int i = 0; i < 4; ++i) tasks.push_back(*pull.next());
    EXPECT_EQ(other.next()->number, 4);
    EXPECT_FALSE(other.next()) << "all trials are in some worker's hands";
    EXPECT_EQ(held_trials(plan, study(plan)), 5);
    pull.end(tasks[2], {TrialOutcome::Kind::kComplete, 0.5, ""});
    pull.end(tasks[0], {TrialOutcome::Kind::kStopped, 0, ""});
    EXPECT_EQ(pull.finished(), 1);
    EXPECT_EQ(held_trials(plan, study(plan)), 3);
    const auto again = other.next();  // the one that was given back
    ASSERT_TRUE(again);
    EXPECT_EQ(again->number, 0);
    EXPECT_TRUE(again->is_taken_over);
  }
  EXPECT_EQ(held_trials(plan, study(plan)), 0);
  EXPECT_EQ(run_worker(plan, objective, never), 4);
  const Study done = study(plan);
  for (const Trial& trial : done.trials()) EXPECT_EQ(trial.state, TrialState::kComplete);
  EXPECT_EQ(done.trials()[2].objective, 0.5);
}

// More running trials than a worker looks at: those that are held are left alone, and all others are found.
TEST_F(Workers, FindWhatWasLeftBehindAmongMany) {
  const SweepPlan shared = plan("many", SamplerKind::kRandom, 130);
  TrialPull holder(shared);
  for (int i = 0; i < 70; ++i) ASSERT_TRUE(holder.next());
  {
    TrialPull dies(shared);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(dies.next());
  }
  std::vector<int64_t> taken_over, begun;
  const auto runner = [&](const TrialTask& task, const std::function<bool()>&) {
    (task.is_taken_over ? taken_over : begun).push_back(task.number);
    return objective(task, never);
  };
  run_worker(shared, runner, never);
  EXPECT_EQ(begun.size(), 10U);
  std::sort(taken_over.begin(), taken_over.end());
  ASSERT_EQ(taken_over.size(), 50U);
  for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(taken_over[static_cast<size_t>(i)], 70 + i);
  EXPECT_EQ(held_trials(shared, study(shared)), 70);
}

}  // namespace
}  // namespace dcmmm
