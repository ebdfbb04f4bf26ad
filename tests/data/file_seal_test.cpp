#include "data/file_seal.hpp"

#include <gmock/gmock.h>

#include "tests/file_helpers.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {
namespace fs = std::filesystem;
using testing::bytes_of;
using testing::FileSizeLimit;
using testing::flip_bit;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

/// A file of `bytes` letters behind an empty block.
void write_behind_block(const fs::path& path, size_t bytes) {
  write_text_file(path, std::string(kSealBytes, '\0') + std::string(bytes, 'x'));
}

TEST(FileSeal, GuardsAllButTheNumbers) {
  const TemporaryFolder folder;
  const fs::path path = folder / "f";
  write_behind_block(path, 1000);
  seal_file(path, {{kSealBytes + 600, kSealBytes + 700}, {kSealBytes + 100, kSealBytes + 200}});
  for (size_t i = 0; i < kSealBytes + 1000; i += i < 400 ? 1 : 25) {
    flip_bit(path, i, 3);
    const SealCheck seal = check_seal(path);
    const size_t at = i - kSealBytes;
    const bool is_number = i >= kSealBytes && ((at >= 100 && at < 200) || (at >= 600 && at < 700));
    if (i < 13) {
      EXPECT_FALSE(seal.is_sealed) << i;
    } else {
      EXPECT_TRUE(seal.is_sealed) << i;
      EXPECT_EQ(seal.problem.empty(), is_number) << i;
    }
    flip_bit(path, i, 3);
  }
  EXPECT_EQ(check_seal(path).problem, "");
}

TEST(FileSeal, ListsOnlyAsManyRunsAsItHasRoomFor) {
  const TemporaryFolder folder;
  const fs::path path = folder / "f";
  write_behind_block(path, 3000);
  std::vector<ByteRange> runs;
  // Run i is [10 i, 10 i + 1 + i / 40), so the last ones are the longest.
  for (uint64_t i = 0; i < 300; ++i) runs.push_back({kSealBytes + 10 * i, kSealBytes + 10 * i + 1 + i / 40});
  seal_file(path, runs);
  EXPECT_EQ(fs::file_size(path), kSealBytes + 3000);
  EXPECT_EQ(check_seal(path).problem, "");
  flip_bit(path, kSealBytes + 2990, 0);
  EXPECT_EQ(check_seal(path).problem, "");
  flip_bit(path, kSealBytes, 0);
  EXPECT_THAT(check_seal(path).problem, HasSubstr("metadata"));
}

TEST(FileSeal, FindsOtherLengths) {
  const TemporaryFolder folder;
  const fs::path path = folder / "f";
  write_behind_block(path, 100);
  seal_file(path, {{kSealBytes, kSealBytes + 100}});
  for (const uint64_t length : {kSealBytes + 101, kSealBytes + 99, kSealBytes, kSealBytes - 1, uint64_t{20}}) {
    fs::resize_file(path, length);
    EXPECT_TRUE(check_seal(path).is_sealed);
    EXPECT_THAT(check_seal(path).problem, HasSubstr("bytes")) << length;
  }
}

TEST(FileSeal, AFileWithoutOneHasNoProblem) {
  const TemporaryFolder folder;
  write_behind_block(folder / "f", 100);
  EXPECT_FALSE(check_seal(folder / "f").is_sealed);
  EXPECT_EQ(check_seal(folder / "f").problem, "");
  write_text_file(folder / "empty", "");
  EXPECT_FALSE(check_seal(folder / "empty").is_sealed);
}

TEST(FileSeal, SaysWhyItCantBeWritten) {
  const TemporaryFolder folder;
  write_behind_block(folder / "f", 100);
  EXPECT_THAT(message_of<UserError>([&] { seal_file(folder / "gone", {}); }), HasSubstr("No such file"));
  const FileSizeLimit full(100);
  EXPECT_THAT(message_of<UserError>([&] { seal_file(folder / "f", {}); }), HasSubstr("File too large"));
}

}  // namespace
}  // namespace dcmmm
