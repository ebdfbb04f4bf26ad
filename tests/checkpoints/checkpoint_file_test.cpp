#include "checkpoints/checkpoint_file.hpp"

#include <gmock/gmock.h>

#include "common/errors.hpp"
#include "data/array_file.hpp"
#include "data/inspect.hpp"
#include "tests/checkpoints/sample_checkpoint.hpp"
#include "tests/file_helpers.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {
namespace fs = std::filesystem;
using testing::bytes_of;
using testing::FileSizeLimit;
using ::testing::HasSubstr;
using testing::message_of;
using testing::same_bits;
using testing::sample_checkpoint;
using testing::TemporaryFolder;

void write(const fs::path& path, const Checkpoint& checkpoint) {
  write_checkpoint(path, checkpoint, *make_local_communicator());
}

TEST(CheckpointFile, GivesBackTheSameBitsWholeAndInParts) {
  const TemporaryFolder folder;
  write(folder / "c.h5", sample_checkpoint(80, 11, 0, 11));
  EXPECT_TRUE(same_bits(read_checkpoint(folder / "c.h5"), sample_checkpoint(80, 11, 0, 11)));
  for (const auto& [first, count] : {std::pair{0, 4}, {4, 7}, {10, 1}, {5, 0}, {11, 0}}) {
    EXPECT_TRUE(same_bits(read_checkpoint(folder / "c.h5", first, count), sample_checkpoint(80, 11, first, count)));
  }
  EXPECT_THROW(read_checkpoint(folder / "c.h5", 10, 2), UserError);
  EXPECT_THROW(read_checkpoint(folder / "c.h5", 12), UserError);
}

TEST(CheckpointFile, TwoWritesHoldTheSameBytes) {
  const TemporaryFolder folder;
  write(folder / "a.h5", sample_checkpoint(80, 5, 0, 5));
  write(folder / "b.h5", sample_checkpoint(80, 5, 0, 5));
  EXPECT_TRUE(bytes_of(folder / "a.h5") == bytes_of(folder / "b.h5"));
}

TEST(CheckpointFile, RefusesArraysThatDontFit) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::function<void(Checkpoint&)>& change) {
    Checkpoint checkpoint = sample_checkpoint(1, 4, 0, 4);
    change(checkpoint);
    return message_of<UserError>([&] { write(folder / "c.h5", checkpoint); });
  };
  EXPECT_THAT(refused([](Checkpoint& c) { std::get<0>(c.arrays[0].values).pop_back(); }), HasSubstr("'decay'"));
  EXPECT_THAT(refused([](Checkpoint& c) { c.labels["channel"].push_back("one too many"); }), HasSubstr("'channel'"));
  EXPECT_THAT(refused([](Checkpoint& c) { c.labels["region"].pop_back(); }), HasSubstr("'region'"));
  EXPECT_THAT(refused([](Checkpoint& c) { c.first_region = 1; }), HasSubstr("region 0"));
  EXPECT_THAT(refused([](Checkpoint& c) { c.arrays[2].shape = {3}; }), HasSubstr("other regions"));
  EXPECT_THAT(refused([](Checkpoint& c) { c.arrays[1].name = "decay"; }), HasSubstr("already holds"));
}

TEST(CheckpointFile, NamesAMissingArray) {
  const Checkpoint checkpoint = sample_checkpoint(7, 4, 0, 4);
  EXPECT_EQ(checkpoint.array("level").shape, std::vector<int64_t>{4});
  EXPECT_THAT(message_of<DamagedFileError>([&] { checkpoint.array("slope"); }), HasSubstr("'slope'"));
}

TEST(CheckpointFile, TruncationIsFound) {
  const TemporaryFolder folder;
  write(folder / "c.h5", sample_checkpoint(80, 5, 0, 5));
  for (uintmax_t length = fs::file_size(folder / "c.h5"); length > 0;) {
    length -= std::min<uintmax_t>(length, 499);
    fs::resize_file(folder / "c.h5", length);
    EXPECT_THROW(read_checkpoint(folder / "c.h5"), DamagedFileError) << length;
  }
}

TEST(CheckpointFile, AFullDiskIsAnError) {
  const TemporaryFolder folder;
  for (const rlim_t limit : {0, 3000, 100000}) {
    const FileSizeLimit full(limit);
    EXPECT_THAT(message_of<UserError>([&] { write(folder / "c.h5", sample_checkpoint(1, 4, 0, 4)); }),
                HasSubstr("File too large"));
  }
}

TEST(CheckpointFile, SaysWhatIsWrongWithAFile) {
  const TemporaryFolder folder;
  const fs::path path = folder / "c.h5";
  const auto write_with = [&](const std::string& kind, int64_t version) {
    ArrayFile file = ArrayFile::create(path);
    if (!kind.empty()) file.set_attribute("", "file_kind", kind);
    file.set_attribute("", "format_version", version);
    file.close();
  };
  const auto read = [&] { read_checkpoint(path); };
  EXPECT_THAT(message_of<UserError>(read), HasSubstr("No such file"));
  write_with("dcmmm checkpoint", 2);
  EXPECT_THAT(message_of<UserError>(read), AllOf(HasSubstr("version 2"), HasSubstr("version 1")));
  write_with("dcmmm panel", 1);
  EXPECT_THAT(message_of<UserError>(read), HasSubstr("dcmmm panel"));
  write_with("", 1);
  EXPECT_THAT(message_of<DamagedFileError>(read), HasSubstr("not a file of dcmmm"));
  write_with("dcmmm checkpoint", 1);
  EXPECT_THAT(message_of<DamagedFileError>(read), HasSubstr("'step'"));
}

TEST(CheckpointFile, IsDescribed) {
  const TemporaryFolder folder;
  Checkpoint checkpoint = sample_checkpoint(80, 5, 0, 5);
  checkpoint.config = "run:\n  seed: 1\n";
  write(folder / "c.h5", checkpoint);
  const std::string description = describe_file(folder / "c.h5");
  for (const char* part :
       {"\n  channel: Fernsehen, Ströer\n", "\n  state (member, region, channel) 3 x 5 x 2 float64\n",
        "\n  updates () int64\n", "\n  config:\n    run:\n      seed: 1\n", "\n  step: 80\n"}) {
    EXPECT_THAT(description, HasSubstr(part));
  }
}

}  // namespace
}  // namespace dcmmm
