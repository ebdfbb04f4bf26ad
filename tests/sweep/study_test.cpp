// The journal under writers that die and write side by side; the study that it tells of.
#include "sweep/study.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <set>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;

class StudyTest : public ::testing::Test {
 protected:
  SearchSpace space() const {
    return {parse_search_word("lr=tag(log, interval(1e-4,1e-1))"), parse_search_word("n=interval(1,9)"),
            parse_search_word("kind=x,y")};
  }
  fs::path journal() const { return folder_.path() / "journal.log"; }

  dcmmm::testing::TemporaryFolder folder_;
};

TEST_F(StudyTest, ReadsBackWhatItWrote) {
  StudyFile writer(journal()), reader(journal());
  EXPECT_FALSE(reader.refresh().exists());
  writer.change([&](const Study&) {
    return std::vector{create_study_line("s", true), study_attribute_line("k", "v")};
  });
  writer.change([&](const Study&) { return std::vector{create_trial_line(space(), {0.01, 4, 1})}; });
  writer.change([&](const Study& study) {
    EXPECT_EQ(study.trials().size(), 1U);
    return std::vector{create_trial_line(space(), {0.02, 5, 0}), end_trial_line(0, TrialState::kComplete, 1.5),
                       trial_attribute_line(1, "problem", "none"), end_trial_line(1, TrialState::kFailed, {})};
  });
  const Study& study = reader.refresh();
  EXPECT_TRUE(study.maximises());
  EXPECT_EQ(study.attribute("k"), "v");
  ASSERT_EQ(study.trials().size(), 2U);
  EXPECT_EQ(study.trials()[0].values_of(space()), (std::vector<double>{0.01, 4, 1}));
  EXPECT_EQ(study.trials()[0].objective, 1.5);
  EXPECT_EQ(study.trials()[1].state, TrialState::kFailed);
  EXPECT_EQ(study.trials()[1].attributes.at("problem"), "none");
  EXPECT_FALSE(fs::is_symlink(journal().string() + ".lock"));
}

// A journal that came from elsewhere, or was altered: the fuzzer's find.
TEST_F(StudyTest, HasNoValuesWhereOneIsNotTheSpaces) {
  Study study;
  study.apply(create_study_line("s", true));
  study.apply(create_trial_line(space(), {0.01, 4, 1}));
  for (const auto& [name, value] : {std::pair<const char*, double>{"kind", 2},
                                    {"kind", -1},
                                    {"kind", 0.5},
                                    {"kind", 1e300},
                                    {"n", 10},
                                    {"n", 4.5},
                                    {"lr", -0.01},
                                    {"lr", 1}}) {
    JournalLine line = create_trial_line(space(), {0.01, 4, 1});
    line["params"][name] = value;
    study.apply(line);
  }
  EXPECT_TRUE(study.trials()[0].values_of(space()));
  for (size_t i = 1; i < study.trials().size(); ++i) EXPECT_FALSE(study.trials()[i].values_of(space())) << i;
}

TEST_F(StudyTest, IgnoresLinesAboutFinishedTrialsAndOtherStudies) {
  StudyFile file(journal());
  file.change([&](const Study&) {
    JournalLine elsewhere = create_trial_line(space(), {0.01, 1, 0});
    elsewhere["study_id"] = 1;
    return std::vector{create_study_line("s", false),
                       create_study_line("t", false),
                       elsewhere,
                       create_trial_line(space(), {0.01, 2, 0}),
                       end_trial_line(1, TrialState::kComplete, 1.0),
                       end_trial_line(1, TrialState::kComplete, 2.0),
                       end_trial_line(0, TrialState::kComplete, 3.0)};
  });
  ASSERT_EQ(file.refresh().trials().size(), 1U);
  EXPECT_EQ(file.refresh().trials()[0].id, 1);
  EXPECT_EQ(file.refresh().trials()[0].objective, 1.0);
}

// Whatever byte the last write ends at: what stood before it is read, and the next writer goes on behind it.
TEST_F(StudyTest, SurvivesAKillAtAnyByte) {
  StudyFile first(journal());
  first.change([&](const Study&) { return std::vector{create_study_line("s", false)}; });
  first.change([&](const Study&) { return std::vector{create_trial_line(space(), {0.01, 4, 1})}; });
  const std::string before = read_text_file(journal());
  first.change([&](const Study&) { return std::vector{end_trial_line(0, TrialState::kComplete, 1.5)}; });
  const std::string all = read_text_file(journal());
  for (size_t end = before.size(); end < all.size(); ++end) {
    std::ofstream(journal(), std::ios::binary) << all.substr(0, end);
    StudyFile reader(journal());
    ASSERT_EQ(reader.refresh().trials().at(0).state, TrialState::kRunning) << end;
    reader.change([&](const Study&) { return std::vector{end_trial_line(0, TrialState::kComplete, 2.5)}; });
    ASSERT_EQ(StudyFile(journal()).refresh().trials().at(0).objective, 2.5) << end;
    const std::string now = read_text_file(journal());
    ASSERT_EQ(now.substr(0, before.size()), before);
    ASSERT_EQ(std::count(now.begin(), now.end(), '\n'), 3);
  }
}

TEST_F(StudyTest, NamesADamagedLine) {
  StudyFile(journal()).change([&](const Study&) { return std::vector{create_study_line("s", false)}; });
  std::ofstream(journal(), std::ios::app) << "{\"op_code\": 4\n";
  try {
    StudyFile(journal()).refresh();
    FAIL();
  } catch (const DamagedFileError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("line 2"));
  }
}

TEST_F(StudyTest, ReadsWhatPythonWritesForNumbersThatAreNone) {
  StudyFile(journal()).change([&](const Study&) {
    return std::vector{create_study_line("s", false), create_trial_line(space(), {0.01, 4, 1})};
  });
  std::ofstream(journal(), std::ios::app)
      << R"({"op_code": 7, "trial_id": 0, "step": 1, "intermediate_value": NaN})"
      << "\n"
      << R"({"op_code": 7, "trial_id": 0, "step": 2, "intermediate_value": 2.5})"
      << "\n"
      << R"({"op_code": 8, "trial_id": 0, "user_attr": {"say \"NaN\"": [-Infinity, "Infinity"]}})"
      << "\n";
  StudyFile file(journal());
  const Trial& trial = file.refresh().trials().at(0);
  EXPECT_EQ(trial.intermediate, (std::map<int64_t, double>{{2, 2.5}}));
  EXPECT_EQ(trial.attributes.at("say \"NaN\"").dump(), R"([null,"Infinity"])");
}

TEST_F(StudyTest, NamesALineThatLacksWhatItsOperationNeeds) {
  for (const char* line :
       {R"({"op_code": 4, "study_id": 0, "state": 7})", R"({"op_code": 6, "trial_id": 0, "state": -1})",
        R"({"op_code": 2, "study_id": 0})", R"({"op_code": 8, "trial_id": 0})", R"({"op_code": 7, "trial_id": 0})",
        R"({"op_code": 5, "trial_id": 0})"}) {
    fs::remove(journal());
    StudyFile(journal()).change([&](const Study&) {
      return std::vector{create_study_line("s", false), create_trial_line(space(), {0.01, 4, 1})};
    });
    std::ofstream(journal(), std::ios::app) << line << "\n";
    try {
      StudyFile(journal()).refresh();
      ADD_FAILURE() << line;
    } catch (const DamagedFileError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("line 3")) << line;
    }
  }
}

TEST_F(StudyTest, TakesALockThatAKilledProcessLeftAtOnce) {
  fs::create_symlink("./journal.log", journal().string() + ".lock");
  const auto begin = std::chrono::steady_clock::now();
  StudyFile(journal()).change([&](const Study&) { return std::vector{create_study_line("s", false)}; });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  EXPECT_TRUE(StudyFile(journal()).refresh().exists());
}

TEST_F(StudyTest, WaitsForOptunasLocks) {
  const std::string lock = journal().string() + ".lock";
  std::ofstream(journal()).close();
  for (const bool is_link : {true, false}) {
    if (is_link)
      fs::create_symlink(journal(), lock);  // Optuna's target: the path itself
    else
      std::ofstream(lock).close();  // of its other kind of lock
    const pid_t child = ::fork();
    if (child == 0) {
      ::usleep(300'000);
      ::unlink(lock.c_str());
      ::_exit(0);
    }
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t worked = std::clock();
    StudyFile(journal()).change([&](const Study& study) {
      return study.exists() ? std::vector<JournalLine>() : std::vector{create_study_line("s", false)};
    });
    EXPECT_GT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(250));
    EXPECT_LT(std::clock() - worked, CLOCKS_PER_SEC / 10);  // it sleeps meanwhile
    ::waitpid(child, nullptr, 0);
  }
}

// 16 processes, one of them killed again and again while it writes: every trial that a process was told of is there,
// no line is torn, and each number was given to one process.
TEST_F(StudyTest, LosesNothingWithManyWriters) {
  constexpr int kWriters = 16, kTrials = 25;
  StudyFile(journal()).change([&](const Study&) { return std::vector{create_study_line("s", false)}; });
  const auto write = [&](int writer, int trials) {
    StudyFile file(journal());
    for (int i = 0; i < trials; ++i) {
      int64_t id = 0;
      file.change([&](const Study& study) {
        id = static_cast<int64_t>(study.trials().size());
        return std::vector{create_trial_line(space(), {0.01, 1, 0})};
      });
      file.change([&](const Study&) {
        return std::vector{end_trial_line(id, TrialState::kComplete, static_cast<double>(1000 * writer + i))};
      });
    }
  };
  std::vector<pid_t> children;
  for (int writer = 0; writer < kWriters; ++writer) {
    children.push_back(::fork());
    if (children.back() == 0) {
      write(writer, kTrials);
      ::_exit(0);
    }
  }
  for (int kill = 0; kill < 10; ++kill) {
    const pid_t victim = ::fork();
    if (victim == 0) {
      write(500 + kill, 1'000'000);
      ::_exit(0);
    }
    ::usleep(20'000 + 3'700 * kill);
    ::kill(victim, SIGKILL);
    ::waitpid(victim, nullptr, 0);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  std::set<double> objectives;
  StudyFile reader(journal());
  for (const Trial& trial : reader.refresh().trials())
    if (trial.objective && *trial.objective < 500'000) objectives.insert(*trial.objective);
  EXPECT_EQ(objectives.size(), static_cast<size_t>(kWriters * kTrials));
}

}  // namespace
}  // namespace dcmmm
