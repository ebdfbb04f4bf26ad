#include "checkpoints/checkpoint_store.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/errors.hpp"
#include "common/sha256.hpp"
#include "tests/checkpoints/sample_checkpoint.hpp"
#include "tests/file_helpers.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {
namespace fs = std::filesystem;
using testing::bytes_of;
using ::testing::ElementsAre;
using testing::FileSizeLimit;
using testing::flip_bit;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::sample_checkpoint;
using ::testing::SizeIs;
using testing::TemporaryFolder;

/// A store in a folder of its own, with the warnings it gave.
class Store : public ::testing::Test {
 protected:
  void save(int64_t step, int keep = 3) { store(keep).save(sample_checkpoint(step, 4, 0, 4), *communicator); }
  std::string newest() {
    const auto path = store(3).newest(*communicator);
    return path ? path->filename().string() : "none";
  }
  CheckpointStore store(int keep) {
    return CheckpointStore(checkpoints(), keep, [this](const std::string& line) { warnings.push_back(line); });
  }
  fs::path checkpoints() const { return folder / "checkpoints"; }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& item : fs::directory_iterator(checkpoints())) names.push_back(item.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  nlohmann::json manifest() const { return nlohmann::json::parse(bytes_of(checkpoints() / "manifest.json")); }

  TemporaryFolder folder;
  std::unique_ptr<Communicator> communicator = make_local_communicator();
  std::vector<std::string> warnings;
};

TEST_F(Store, KeepsTheNewest) {
  EXPECT_EQ(newest(), "none");
  for (const int64_t step : {20, 40, 60, 80, 1234567}) save(step);
  EXPECT_THAT(files(), ElementsAre("manifest.json", "step_000060.h5", "step_000080.h5", "step_1234567.h5"));
  EXPECT_EQ(newest(), "step_1234567.h5");
  EXPECT_THAT(manifest()["checkpoints"], SizeIs(3));
  const auto last = manifest()["checkpoints"][2];
  EXPECT_EQ(last["sha256"], sha256_of_file(checkpoints() / "step_1234567.h5"));
  EXPECT_EQ(last["bytes"], fs::file_size(checkpoints() / "step_1234567.h5"));
  EXPECT_EQ(read_checkpoint(checkpoints() / "step_000080.h5").step, 80);
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(Store, ReplacesTheSameStep) {
  save(20, 1);
  save(20, 1);
  EXPECT_THAT(files(), ElementsAre("manifest.json", "step_000020.h5"));
  EXPECT_THAT(manifest()["checkpoints"], SizeIs(1));
  EXPECT_EQ(newest(), "step_000020.h5");
}

TEST_F(Store, PassesOverDamagedOnes) {
  for (const int64_t step : {20, 40, 60}) save(step);
  flip_bit(checkpoints() / "step_000060.h5", 3000, 1);
  fs::resize_file(checkpoints() / "step_000040.h5", 100);
  EXPECT_EQ(newest(), "step_000020.h5");
  EXPECT_THAT(files(),
              ElementsAre("manifest.json", "step_000020.h5", "step_000040.h5.damaged", "step_000060.h5.damaged"));
  EXPECT_THAT(warnings, ElementsAre(AllOf(HasSubstr("step_000060.h5"), HasSubstr("SHA-256")),
                                    AllOf(HasSubstr("step_000040.h5"), HasSubstr("100 bytes"))));
  EXPECT_EQ(newest(), "step_000020.h5");
  EXPECT_THAT(warnings, SizeIs(2));
  // The fit goes on and damages the same step again: the earlier one is kept, too.
  save(60);
  fs::resize_file(checkpoints() / "step_000060.h5", 0);
  EXPECT_EQ(newest(), "step_000020.h5");
  EXPECT_TRUE(fs::exists(checkpoints() / "step_000060.h5.damaged"));
  EXPECT_TRUE(fs::exists(checkpoints() / "step_000060.h5.damaged.2"));
}

TEST_F(Store, NoValidOneIsAnErrorEveryTime) {
  save(20);
  fs::resize_file(checkpoints() / "step_000020.h5", 100);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(message_of<DamagedFileError>([&] { newest(); }), HasSubstr("checkpoints"));
  }
}

TEST_F(Store, ADamagedManifestIsSetAside) {
  save(20);
  for (const char* content : {"", "{\"checkpoints\": [{\"file\": \"step_000020.h5\"}]}", "[1, 2", "{}",
                              "{\"format_version\": 1, \"checkpoints\": [{\"file\": \"../x.h5\", \"step\": 1, "
                              "\"bytes\": 1, \"sha256\": \"\"}]}"}) {
    write_text_file(checkpoints() / "manifest.json", content);
    EXPECT_THROW(newest(), DamagedFileError) << content;
    EXPECT_FALSE(fs::exists(checkpoints() / "manifest.json"));
  }
  EXPECT_TRUE(fs::exists(checkpoints() / "manifest.json.damaged.5"));
  EXPECT_THAT(warnings, SizeIs(5));
  save(40);
  EXPECT_EQ(newest(), "step_000040.h5");
}

// A passing error of the disk says nothing about the file.
TEST_F(Store, AManifestThatCantBeReadIsNotSetAside) {
  save(20);
  fs::remove(checkpoints() / "manifest.json");
  fs::create_directory(checkpoints() / "manifest.json");
  EXPECT_THAT(message_of<UserError>([&] { newest(); }), HasSubstr("manifest.json': Is a directory"));
  EXPECT_THAT(files(), ElementsAre("manifest.json", "step_000020.h5"));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(Store, AnotherVersionsManifestIsRefusedAndStays) {
  save(20);
  const std::string later = "{\"format_version\": 2, \"files\": []}";
  write_text_file(checkpoints() / "manifest.json", later);
  EXPECT_THAT(message_of<UserError>([&] { newest(); }), HasSubstr("format version 2"));
  EXPECT_THAT(message_of<UserError>([&] { save(40); }), HasSubstr("format version 2"));
  EXPECT_EQ(bytes_of(checkpoints() / "manifest.json"), later);
  EXPECT_THAT(files(), ElementsAre("manifest.json", "step_000020.h5"));
}

// 600 positions spread over the file: another bit there, or cut off there.
TEST_F(Store, FlippedBytesAndTruncationsAreSetAside) {
  save(20);
  save(40);
  const fs::path path = checkpoints() / "step_000040.h5";
  const std::string whole = bytes_of(path), manifest_before = bytes_of(checkpoints() / "manifest.json");
  size_t tried = 0;
  for (size_t position = 0; position < whole.size(); position += std::max<size_t>(whole.size() / 600, 1), ++tried) {
    write_text_file(path, whole);
    if (tried % 3 == 0)
      fs::resize_file(path, position);
    else
      flip_bit(path, position, static_cast<int>(tried % 8));
    EXPECT_EQ(newest(), "step_000020.h5") << position;
    EXPECT_THAT(warnings, SizeIs(tried + 1));
    // Also where nobody checks the digest first: an error, or the numbers that were written, never a crash.
    const fs::path aside = checkpoints() / "step_000040.h5.damaged";
    try {
      read_checkpoint(aside);
    } catch (const DamagedFileError&) {
    } catch (const UserError&) {  // of another version, by its flipped number
    }
    fs::remove(aside);
  }
  EXPECT_GE(tried, 600U);
  EXPECT_EQ(bytes_of(checkpoints() / "manifest.json"), manifest_before);
}

TEST_F(Store, AWriterKilledAtAnyPointLosesNothingOlder) {
  save(20, 1);
  // Killed while it wrote: a temporary lies around. Killed before the rename: the manifest already tells of step 40.
  write_text_file(checkpoints() / "step_000040.h5.tmp", "half of it");
  auto announced = manifest();
  auto entry = announced["checkpoints"][0];
  entry["file"] = "step_000040.h5";
  entry["step"] = 40;
  announced["checkpoints"].push_back(entry);
  write_text_file(checkpoints() / "manifest.json", announced.dump());
  EXPECT_EQ(newest(), "step_000020.h5");
  EXPECT_THAT(warnings, IsEmpty());
  save(60, 1);
  EXPECT_THAT(files(), ElementsAre("manifest.json", "step_000060.h5"));
  // Killed while it replaced step 60 by another file of the same step: old and new are both in the manifest.
  auto replacing = manifest();
  auto replacement = replacing["checkpoints"][0];
  replacement["sha256"] = std::string(64, '0');
  replacing["checkpoints"].push_back(replacement);
  write_text_file(checkpoints() / "manifest.json", replacing.dump());
  EXPECT_EQ(newest(), "step_000060.h5");
}

TEST_F(Store, AFullDiskKeepsTheEarlierOnes) {
  save(20);
  const std::string before = bytes_of(checkpoints() / "manifest.json");
  {
    const FileSizeLimit full(5000);
    EXPECT_THAT(message_of<UserError>([&] { save(40); }), AllOf(HasSubstr("step_000040"), HasSubstr("File too large")));
  }
  EXPECT_THAT(files(), ElementsAre("manifest.json", "step_000020.h5"));
  EXPECT_EQ(bytes_of(checkpoints() / "manifest.json"), before);
  EXPECT_EQ(newest(), "step_000020.h5");
}

TEST_F(Store, AFolderThatCantBeMadeIsAnError) {
  write_text_file(folder / "checkpoints", "a file in the way");
  EXPECT_THAT(message_of<UserError>([&] { save(20); }), HasSubstr("checkpoints"));
}

}  // namespace
}  // namespace dcmmm
