// Every system call of a write fails once, in every way: what stands at a file's own name is the old file or the new
// one.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iostream>

#include "checkpoints/checkpoint_store.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "data/panel_file.hpp"
#include "tests/checkpoints/sample_checkpoint.hpp"
#include "tests/faults/injector.hpp"
#include "tests/file_helpers.hpp"
#include "tests/small_panel.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {
namespace fs = std::filesystem;
using testing::bytes_of;
using testing::Fault;
using ::testing::IsEmpty;
using testing::same_bits;
using testing::sample_checkpoint;
using testing::small_panel;
using testing::TemporaryFolder;

// How a child process ended that did the work under one fault.
enum class End { kDone, kRefused, kKilled, kOther };

End end_with(const Fault& fault, const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    testing::set_faults({fault});
    alarm(20);  // a call that never ends is no end
    int code = 1;
    try {
      work();
      code = 0;
    } catch (const UserError& error) {
      const std::string message = error.what();
      code = message.find("Can't") != message.npos && message.find(" 0x") == message.npos ? 2 : 1;
      if (code == 1) std::cerr << "unexpected message: " << message << std::endl;
    } catch (const std::exception& error) {
      std::cerr << "unexpected error: " << error.what() << std::endl;
    }
    _exit(code);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGKILL ? End::kKilled : End::kOther;
  return WEXITSTATUS(status) == 0 ? End::kDone : WEXITSTATUS(status) == 2 ? End::kRefused : End::kOther;
}

// How many calls of this kind the work makes.
int calls_of(const std::string& at, const std::function<void()>& work) {
  testing::set_faults({Fault{.at = at, .file = "", .what = "kill", .nth = 1 << 30}});
  work();
  const int calls = testing::calls_seen();
  testing::set_faults({});
  return calls;
}

// Every fault at every call: `fresh` sets the folder up, `work` runs under the fault, `check` sees what is left.
int each_fault(const std::function<void()>& fresh, const std::function<void()>& work,
               const std::function<void(End)>& check) {
  int faults = 0;
  for (const char* at : {"write", "sync", "rename", "open"}) {
    fresh();
    const int calls = calls_of(at, work);
    for (const char* what : {"kill", "eio", "enospc", "eacces", "short"}) {
      if (std::string(what) == "short" && std::string(at) != "write") continue;
      for (int nth = 1; nth <= calls; ++nth) {
        SCOPED_TRACE(::testing::Message() << what << " at " << at << " " << nth << " of " << calls);
        fresh();
        const Fault fault{.at = at, .file = "", .what = what, .nth = nth, .rank = 0, .lasting = nth % 2 == 0};
        const End end = end_with(fault, work);
        EXPECT_NE(end, End::kOther);
        EXPECT_EQ(end == End::kKilled, std::string(what) == "kill");
        check(end);
        ++faults;
        if (::testing::Test::HasFailure()) return faults;  // the rest would say the same
      }
    }
  }
  std::cout << faults << " faults\n";
  return faults;
}

TEST(FileFaults, ASaveLosesNoCheckpoint) {
  const TemporaryFolder folder;
  const auto communicator = make_local_communicator();
  std::vector<std::string> warnings;
  const auto store = [&](int keep) {
    return CheckpointStore(folder / "c", keep, [&](const std::string& line) { warnings.push_back(line); });
  };
  const auto save = [&](int64_t step) { store(1).save(sample_checkpoint(step, 4, 0, 4), *communicator); };
  const auto check = [&](End end) {
    const auto newest = store(1).newest(*communicator);
    ASSERT_TRUE(newest.has_value());
    const Checkpoint found = read_checkpoint(*newest);
    EXPECT_TRUE(found.step == 40 || (found.step == 20 && end != End::kDone)) << found.step;
    EXPECT_TRUE(same_bits(found, sample_checkpoint(found.step, 4, 0, 4)));
    EXPECT_THAT(warnings, IsEmpty());
    save(60);
    EXPECT_EQ(read_checkpoint(*store(1).newest(*communicator)).step, 60);
  };
  const auto fresh = [&] {
    fs::remove_all(folder / "c");
    save(20);
  };
  EXPECT_GT(each_fault(
                fresh, [&] { save(40); }, check),
            100);
}

TEST(FileFaults, ATextIsTheOldOneOrTheNewOne) {
  const TemporaryFolder folder;
  const fs::path path = folder / "metrics.json";
  const std::string before(5000, 'a'), after(70000, 'b');
  const auto fresh = [&] { write_text_file(path, before); };
  const auto check = [&](End end) {
    const std::string found = bytes_of(path);
    EXPECT_TRUE(found == after || (found == before && end != End::kDone)) << found.size() << " bytes";
  };
  EXPECT_GT(each_fault(
                fresh, [&] { write_text_file(path, after); }, check),
            15);
}

TEST(FileFaults, APanelIsTheOldOneOrTheNewOne) {
  const TemporaryFolder folder;
  const fs::path path = folder / "p.h5";
  const Panel before = small_panel(3, 4, 2, 1), after = small_panel(20, 30, 3, 2);
  const std::string checksum[] = {(write_panel_file(path, before), PanelFile(path).checksum()),
                                  (write_panel_file(path, after), PanelFile(path).checksum())};
  const auto fresh = [&] { write_panel_file(path, before); };
  const auto check = [&](End end) {
    const PanelFile file(path);
    const bool is_new = file.checksum() == checksum[1];
    EXPECT_TRUE(is_new || (file.checksum() == checksum[0] && end != End::kDone));
    EXPECT_EQ(file.read(0, is_new ? 20 : 3).target_RT, (is_new ? after : before).target_RT);
  };
  EXPECT_GT(each_fault(
                fresh, [&] { write_panel_file(path, after); }, check),
            100);
}

}  // namespace
}  // namespace dcmmm
