// Checkpoints written by all ranks of the job, with uneven parts and, on three ranks, one rank without regions.
#include <gmock/gmock.h>

#include "checkpoints/checkpoint_file.hpp"
#include "checkpoints/checkpoint_store.hpp"
#include "comm/collective_guard.hpp"
#include "data/array_file.hpp"
#include "tests/checkpoints/sample_checkpoint.hpp"
#include "tests/distributed/world.hpp"
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
using testing::same_bits;
using testing::sample_checkpoint;
using testing::TemporaryFolder;
using testing::world;

constexpr int64_t kRegions = 11;

/// One folder for all ranks; rank 0's, which goes last.
class Shared {
 public:
  Shared() : path_(folder_.path().string()) { world().broadcast(path_); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { world().barrier(); }
  fs::path operator/(const std::string& name) const { return fs::path(path_) / name; }

 private:
  TemporaryFolder folder_;
  std::string path_;
};

/// This rank's regions: [0, 11) alone; 7 and 4 for two; 7, none and 4 for three.
std::pair<int64_t, int64_t> my_regions() {
  if (world().size() == 1) return {0, kRegions};
  if (world().rank() == 0) return {0, 7};
  if (world().rank() == world().size() - 1) return {7, 4};
  return {kRegions, 0};
}

Checkpoint mine(int64_t step) {
  const auto [first, count] = my_regions();
  return sample_checkpoint(step, kRegions, first, count);
}

TEST(CheckpointRanks, AnyNumberOfRanksWritesTheSameBytes) {
  const Shared folder;
  write_checkpoint(folder / "ranks.h5", mine(80), world());
  const auto alone = world().split(world().rank());
  const std::string own = "alone" + std::to_string(world().rank()) + ".h5";
  write_checkpoint(folder / own, sample_checkpoint(80, kRegions, 0, kRegions), *alone);
  world().barrier();
  EXPECT_TRUE(bytes_of(folder / "ranks.h5") == bytes_of(folder / own));
}

TEST(CheckpointRanks, EveryRankReadsTheWholeAndAnyPart) {
  const Shared folder;
  write_checkpoint(folder / "c.h5", mine(80), world());
  world().barrier();
  EXPECT_TRUE(same_bits(read_checkpoint(folder / "c.h5"), sample_checkpoint(80, kRegions, 0, kRegions)));
  for (int64_t first = 0; first <= kRegions; ++first) {
    EXPECT_TRUE(same_bits(read_checkpoint(folder / "c.h5", first, kRegions - first),
                          sample_checkpoint(80, kRegions, first, kRegions - first)));
  }
}

TEST(CheckpointRanks, AllRanksSeeAnErrorOfOne) {
  const Shared folder;
  const int last = world().size() - 1;
  Checkpoint torn = mine(80);
  if (world().rank() == last) std::get<0>(torn.arrays[0].values).pop_back();
  EXPECT_THAT(message_of<UserError>([&] { write_checkpoint(folder / "c.h5", torn, world()); }), HasSubstr("'decay'"));
  Checkpoint gap = mine(80);
  gap.first_region += 1;
  EXPECT_THAT(message_of<UserError>([&] { write_checkpoint(folder / "c.h5", gap, world()); }), HasSubstr("region 0"));
  if (world().size() > 1) {
    Checkpoint other = mine(world().rank() == last ? 81 : 80);
    EXPECT_THAT(message_of<UserError>([&] { write_checkpoint(folder / "c.h5", other, world()); }),
                HasSubstr("the ranks don't bring the same"));
  }
  EXPECT_THAT(message_of<UserError>([&] { write_checkpoint(folder / "no_folder/c.h5", mine(80), world()); }),
              HasSubstr("no_folder/c.h5"));
}

TEST(CheckpointRanks, AFullDiskOnOneRankIsAnErrorOnAll) {
  const Shared folder;
  const auto write_with_limit = [&](rlim_t limit, int full_rank) {
    std::unique_ptr<FileSizeLimit> full;
    if (world().rank() == full_rank) full = std::make_unique<FileSizeLimit>(limit);
    write_checkpoint(folder / "c.h5", mine(80), world());
  };
  for (const rlim_t limit : {0, 3000, 50000}) {
    EXPECT_THAT(message_of<UserError>([&] { write_with_limit(limit, 0); }), HasSubstr("c.h5")) << limit;
  }
  // The last rank's own regions lie behind the config's 100 kB.
  EXPECT_THAT(message_of<UserError>([&] { write_with_limit(50000, world().size() - 1); }), HasSubstr("c.h5"));
  write_checkpoint(folder / "c.h5", mine(80), world());
  EXPECT_TRUE(same_bits(read_checkpoint(folder / "c.h5"), sample_checkpoint(80, kRegions, 0, kRegions)));
}

TEST(CheckpointRanks, TheStoreAgreesOnTheNewest) {
  const Shared folder;
  int warnings = 0;
  CheckpointStore store(folder / "checkpoints", 2, [&](const std::string&) { ++warnings; });
  EXPECT_FALSE(store.newest(world()).has_value());
  for (const int64_t step : {20, 40, 60}) store.save(mine(step), world());
  EXPECT_EQ(store.newest(world())->filename(), "step_000060.h5");
  on_rank_zero(world(), [&] { flip_bit(folder / "checkpoints/step_000060.h5", 5000, 3); });
  EXPECT_EQ(store.newest(world())->filename(), "step_000040.h5");
  EXPECT_EQ(warnings, world().rank() == 0 ? 1 : 0);
  on_rank_zero(world(), [&] { flip_bit(folder / "checkpoints/step_000040.h5", 5000, 3); });
  EXPECT_THROW(store.newest(world()), DamagedFileError);
}

TEST(ArrayFileRanks, WritesPackedChunksTogether) {
  const Shared folder;
  constexpr int64_t kColumns = 500;
  ArrayFile file = ArrayFile::create(folder / "a.h5", &world());
  file.add_dimension("row", kRegions);
  file.add_dimension("column", kColumns);
  file.add_array("a", ElementType::kFloat64, {"row", "column"}, {.chunk = {3, 100}});  // chunks that two ranks share
  const auto [first, count] = my_regions();
  std::vector<double> values;
  for (int64_t i = first * kColumns; i < (first + count) * kColumns; ++i)
    values.push_back(0.5 * static_cast<double>(i));
  file.write<double>("a", {first, 0}, {count, kColumns}, values);
  file.close();
  world().barrier();
  const auto read = ArrayFile::open(folder / "a.h5").read<double>("a");
  ASSERT_EQ(read.size(), static_cast<size_t>(kRegions * kColumns));
  for (size_t i = 0; i < read.size(); ++i) ASSERT_EQ(read[i], 0.5 * static_cast<double>(i));
}

}  // namespace
}  // namespace dcmmm
