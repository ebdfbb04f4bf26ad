#include "launch/run_folder.hpp"

#include <gmock/gmock.h>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "launch/folder_mark.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Property;
using ::testing::Throws;

template <class Work>
void expect_user_error(Work work, const std::string& says) {
  EXPECT_THAT(work, Throws<UserError>(Property(&UserError::what, HasSubstr(says))));
}

class RunFolders : public ::testing::Test {
 protected:
  RunFolders() {
    fs::create_directories(run_ / "checkpoints");
    for (const char* name : {"config.yaml", "overrides.yaml", "metrics.json", "panel.h5", "checkpoints/manifest.json",
                             "experiments.csv", "notes.txt"})
      write_text_file(run_ / name, "old");
  }
  RunFolder open() { return open_run_folder(options_, "train", *world_); }
  std::string of(const std::string& name) const { return fs::exists(run_ / name) ? read_text_file(run_ / name) : ""; }

  testing::TemporaryFolder folder_;
  fs::path run_ = folder_ / "run";
  RunFolderOptions options_{run_.string(), false, true, {}};
  std::unique_ptr<Communicator> world_ = make_local_communicator();
};

TEST_F(RunFolders, AnEarlierRunStaysUntilItIsReplaced) {
  RunFolder folder = open();
  EXPECT_NE(folder.path, run_);
  EXPECT_EQ(folder.home(), run_);
  for (const char* name : {"config.yaml", "panel.h5", "train.log"}) write_text_file(folder.path / name, "new");
  for (const char* name : {"config.yaml", "metrics.json", "panel.h5"}) EXPECT_EQ(of(name), "old") << name;
  const fs::path draft = folder.path;
  replace_earlier_run(folder, *world_);
  EXPECT_EQ(folder.path, run_);
  EXPECT_EQ(folder.home(), run_);
  for (const char* name : {"config.yaml", "panel.h5", "train.log"}) EXPECT_EQ(of(name), "new") << name;
  for (const char* name : {"metrics.json", "overrides.yaml", "checkpoints", "experiments.csv"})
    EXPECT_FALSE(fs::exists(run_ / name)) << name;
  EXPECT_EQ(of("notes.txt"), "old");
  EXPECT_FALSE(fs::exists(draft));
  write_text_file(folder.metrics(), "new");
  replace_earlier_run(folder, *world_);
  EXPECT_EQ(of("metrics.json"), "new");
}

TEST_F(RunFolders, ARunThatFailsBeforeLeavesNothing) {
  fs::path draft;
  {
    const RunFolder folder = open();
    draft = folder.path;
    write_text_file(folder.path / "metrics.json", "new");
  }
  EXPECT_FALSE(fs::exists(draft));
  EXPECT_FALSE(fs::exists(run_ / "run.lock"));
  EXPECT_EQ(of("metrics.json"), "old");
  // One that was killed can't clear up after itself.
  fs::create_directories(draft);
  write_text_file(draft / "results.h5", "killed");
  RunFolder folder = open();
  replace_earlier_run(folder, *world_);
  EXPECT_FALSE(fs::exists(run_ / "results.h5"));
}

TEST_F(RunFolders, AFolderWithoutARunIsWrittenAtOnce) {
  fs::remove(run_ / "metrics.json");
  fs::remove_all(run_ / "checkpoints");
  RunFolder folder = open();
  EXPECT_EQ(folder.path, run_);
  replace_earlier_run(folder, *world_);
  EXPECT_EQ(of("panel.h5"), "old");
}

TEST_F(RunFolders, InputsMayNotBeFilesOfTheRunThatIsReplaced) {
  fs::create_symlink(run_ / "panel.h5", folder_ / "link.h5");
  for (const fs::path& input : {run_ / "panel.h5", folder_ / "link.h5", run_ / "plan/plan.csv"}) {
    options_.inputs = {{"data.panel", input}};
    expect_user_error([&] { open(); }, "'data.panel' is '" + input.string());
    EXPECT_EQ(of("metrics.json"), "old");
  }
  options_.inputs = {{"data.panel", run_ / "notes.txt"}, {"data.source", folder_ / "panel.h5"}};
  EXPECT_NO_THROW(open());
}

TEST_F(RunFolders, FilesThatNoRunLeftAreNotReplaced) {
  options_.overwrite = false;
  for (const char* name :
       {"config.yaml", "overrides.yaml", "panel.h5", "experiments.csv", "checkpoints/model.pt", "origins/1"}) {
    fs::remove_all(run_);
    fs::create_directories((run_ / name).parent_path());
    write_text_file(run_ / name, "mine");
    expect_user_error([&] { open(); }, "nothing shows that dcmmm wrote it");
    EXPECT_EQ(of(name), "mine");
    EXPECT_FALSE(fs::exists(run_ / "run.lock"));
  }
  fs::remove_all(run_);
  fs::create_directories(run_);
  for (const char* name : {"panel.h5", "experiments.csv", "notes.txt"}) write_text_file(run_ / name, "mine");
  options_.inputs = {{"data.panel", run_ / "panel.h5"}, {"data.experiments", run_ / "experiments.csv"}};
  EXPECT_NO_THROW(open());  // read, and not written
  options_.inputs = {{"data.panel", folder_ / "panel.h5"}, {"data.source", run_ / "panel.h5"}};
  expect_user_error([&] { open(); }, "holds 'panel.h5'");
}

TEST_F(RunFolders, AStartThatFailedMayBeRepeated) {
  options_.overwrite = false;
  fs::remove_all(run_);
  write_words(open().path, "train", {"trainer.steps=3"});
  for (const char* name : {"train.log", "config.yaml", "panel.h5"}) {
    EXPECT_NO_THROW(open());
    write_text_file(run_ / name, "old");
  }
  EXPECT_NO_THROW(open());
}

TEST_F(RunFolders, AnotherCommandsRunIsNotGoneOnWith) {
  options_.overwrite = false;
  options_.resume = true;
  const auto resume = [&](const std::string& command) { return open_run_folder(options_, command, *world_); };
  EXPECT_TRUE(resume("train").is_finished);  // without a mark: its files tell
  expect_user_error([&] { resume("crossval"); }, "holds what `dcmmm train` made");
  fs::remove(run_ / "metrics.json");
  fs::remove_all(run_ / "checkpoints");
  EXPECT_NO_THROW(resume("crossval"));  // nothing tells
  write_words(run_, "train", {});
  expect_user_error([&] { resume("crossval"); }, "Go on with dcmmm train run.dir=" + run_.string());
  write_words(run_, "crossval", {});
  EXPECT_NO_THROW(resume("crossval"));
  expect_user_error([&] { resume("train"); }, "holds what `dcmmm crossval` made");
  write_text_file(run_ / "overrides.yaml", "[]");
  write_text_file(run_ / "crossval_so_far.json", "{}");
  expect_user_error([&] { resume("train"); }, "holds what `dcmmm crossval` made");
}

TEST_F(RunFolders, WhatIsNoFitIsTold) {
  EXPECT_TRUE(find_run_folder(run_).is_finished);
  expect_user_error([&] { find_run_folder(folder_ / "no", "run.init"); }, "that `dcmmm train` wrote, run.init=DIR");
  write_words(run_, "crossval", {"data.source=a b.csv", "crossval.windows=2", "+run.seed=1", "model=ridge"}, "own");
  expect_user_error([&] { find_run_folder(run_, "run.init"); },
                    "dcmmm train 'data.source=a b.csv' model=ridge --config-dir " + fs::absolute("own").string() +
                        " run.dir=DIR, and give that folder: run.init=DIR");
  write_text_file(run_ / "journal.log", "a sweep's");
  expect_user_error([&] { find_run_folder(run_); }, "dcmmm sweep status dir=" + run_.string());
  expect_user_error([&] { refuse_a_sweep(run_); }, "dcmmm sweep resume dir=" + run_.string());
}

TEST_F(RunFolders, TheFolderOfConfigFilesIsRemembered) {
  write_words(run_, "train", {"model=small"}, "own");
  EXPECT_EQ(maker_of(run_), "train");
  EXPECT_EQ(config_dir_of(run_), fs::absolute("own").string());
  write_words(run_, "train", {"model=small"});
  EXPECT_EQ(config_dir_of(run_), "");
}

TEST_F(RunFolders, OutputsMayNotBeFilesOfARun) {
  fs::create_directory_symlink(run_, folder_ / "alias");
  for (const fs::path& output :
       {run_ / "results.h5", run_ / "panel.h5", run_ / "checkpoints", run_ / "checkpoints/a.csv", run_ / "checkpoints/",
        folder_ / "alias/metrics.json", run_ / "csv/../config.yaml"})
    expect_user_error([&] { refuse_a_runs_file(output); }, "output is '" + output.string());
  for (const fs::path& output : {run_ / "report.html", run_ / "csv", run_ / "csv/panel.h5", run_ / "plan/plan.csv",
                                 run_, folder_ / "panel.h5", fs::path("panel.h5")})
    EXPECT_NO_THROW(refuse_a_runs_file(output)) << output;
  // Config files of one's own make no run.
  write_text_file(folder_ / "config.yaml", "");
  EXPECT_NO_THROW(refuse_a_runs_file(folder_ / "panel.h5"));
}

}  // namespace
}  // namespace dcmmm
