#include "common/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/errors.hpp"
#include "common/random.hpp"
#include "common/sha256.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Files, RefusesToReplaceWhatIsNoFile) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_directory(folder / "folder");
  EXPECT_THAT(error_of([&] { write_text_file(folder / "pipe", "x"); }), HasSubstr("it is a device or a pipe"));
  EXPECT_THAT(error_of([&] { write_text_file(folder / "folder", "x"); }), HasSubstr("it is a folder"));
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
  EXPECT_FALSE(fs::exists(folder / "pipe.tmp"));
}

TEST(Files, OneWritesAtATime) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.txt";
  {
    const PendingFile pending(path);
    EXPECT_THAT(error_of([&] { write_text_file(path, "x"); }), HasSubstr("another process is writing it"));
    EXPECT_TRUE(fs::exists(pending.temporary()));
  }
  EXPECT_FALSE(fs::exists(path));
  write_text_file(path.string() + ".tmp", "what a killed process left");
  write_text_file(path, "whole");
  EXPECT_EQ(read_text_file(path), "whole");
  EXPECT_FALSE(fs::exists(path.string() + ".tmp"));
}

TEST(Files, SaysWhatCannotBeRead) {
  const TemporaryFolder folder;
  for (const auto& read : {std::function<void()>([&] { read_text_file(folder / "none"); }),
                           std::function<void()>([&] { sha256_of_file(folder / "none"); })})
    EXPECT_THAT(error_of(read), HasSubstr("No such file or directory. Check the path"));
  // Neither is an empty file.
  EXPECT_THAT(error_of([&] { read_text_file(folder.path()); }), HasSubstr("Is a directory"));
  EXPECT_THAT(error_of([&] { sha256_of_file("/proc/self/mem"); }), HasSubstr("Can't read '/proc/self/mem'"));
}

}  // namespace
}  // namespace dcmmm
