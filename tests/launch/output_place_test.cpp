#include "launch/output_place.hpp"

#include <gmock/gmock.h>

#include <iostream>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(OutputPlace, FilesInFoldersAreFine) {
  const testing::TemporaryFolder folder;
  for (const fs::path& output : {folder / "new.csv", fs::path("new.csv"), fs::path("/dev/shm/new.csv")})
    EXPECT_NO_THROW(check_place_of(output)) << output;
}

// Whatever the shell opened as such: a file would take the name's place.
TEST(OutputPlace, StreamsAreNoFiles) {
  const testing::TemporaryFolder folder;
  fs::create_directory_symlink("/dev", folder / "alias");
  for (const fs::path& output : {fs::path("/dev/stdout"), fs::path("/dev/fd/1"), fs::path("/dev/null"),
                                 fs::path("/proc/self/fd/1"), folder / "alias/stdout"})
    EXPECT_THAT([&] { check_place_of(output); }, ThrowsMessage<UserError>(HasSubstr("Give it a file's name")));
}

TEST(OutputPlace, MissingFoldersAreNamed) {
  const testing::TemporaryFolder folder;
  write_text_file(folder / "file", "");
  EXPECT_THAT([&] { check_place_of(folder / "no/new.csv"); },
              ThrowsMessage<UserError>(HasSubstr("there is no folder '" + (folder / "no").string() + "'. Make it")));
  EXPECT_THAT([&] { check_place_of(folder / "file/new.csv"); }, ThrowsMessage<UserError>(HasSubstr("is no folder")));
}

TEST(OutputPlaceDeathTest, FoldersThatMayNotBeWrittenAreNamed) {
  const testing::TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms(0555));
  const auto check = [&] {
    if (::setuid(65534) != 0 && ::geteuid() == 0) std::exit(3);  // root may write everywhere
    try {
      check_place_of(folder / "new.csv");
    } catch (const UserError& error) {
      std::cerr << error.what();
      std::exit(2);
    }
    std::exit(0);
  };
  EXPECT_EXIT(check(), ::testing::ExitedWithCode(2), "may not be written .Permission denied.*output=FILE");
  fs::permissions(folder.path(), fs::perms(0755));
}

}  // namespace
}  // namespace dcmmm
