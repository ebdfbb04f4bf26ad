#include "common/large_vector.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>

#include "common/errors.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

constexpr std::size_t kCount = std::size_t{16} << 20;  // 64 MiB of floats

// KiB of this process that `key` of /proc/self/status counts.
int64_t kibibytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key + ":")) return std::stoll(line.substr(key.size() + 1));
  return -1;
}

class LargeVectors : public ::testing::Test {
 protected:
  void SetUp() override { keep_large_arrays_in(folder_.path()); }
  void TearDown() override { keep_large_arrays_in({}); }

  testing::TemporaryFolder folder_;
};

TEST_F(LargeVectors, AreNoMemoryOfTheProcessOnceTheyAreReleased) {
  const int64_t own = kibibytes("RssAnon"), of_files = kibibytes("RssFile") + kibibytes("RssShmem");
  LargeVector<float> values(kCount);
  std::iota(values.begin(), values.end(), 0.0f);
  EXPECT_LT(kibibytes("RssAnon"), own + 16384);
  EXPECT_GT(kibibytes("RssFile") + kibibytes("RssShmem"), of_files + 60000);
  release_large_arrays(0, 1);
  EXPECT_LT(kibibytes("RssFile") + kibibytes("RssShmem"), of_files + 16384);
  for (const std::size_t place : {std::size_t{0}, std::size_t{12345678}, kCount - 1})
    EXPECT_EQ(values[place], static_cast<float>(place));
}

TEST_F(LargeVectors, ReleaseOnlyThePartThatIsNamed) {
  LargeVector<float> values(kCount, 1.0f);
  const int64_t before = kibibytes("RssFile") + kibibytes("RssShmem");
  release_large_arrays(0.25, 0.5);
  const int64_t after = kibibytes("RssFile") + kibibytes("RssShmem");
  EXPECT_NEAR(static_cast<double>(before - after), 16384, 512);
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0.0), static_cast<double>(kCount));
}

TEST_F(LargeVectors, LeaveNoFileBehindAndKnowTheirOrigin) {
  LargeVector<double> in_file(kCount, 2.0);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  keep_large_arrays_in({});
  LargeVector<double> on_heap(kCount, 3.0);
  std::swap(in_file, on_heap);
  EXPECT_EQ(in_file.back(), 3.0);
  EXPECT_EQ(on_heap.back(), 2.0);
  const LargeVector<double> copy = on_heap;
  EXPECT_EQ(copy, on_heap);
}

TEST_F(LargeVectors, GoBackToTheFolderBefore) {
  const auto missing = folder_.path() / "missing";
  try {
    const LargeArraysIn outer(missing);
    const LargeArraysIn inner(folder_.path());
    LargeVector<double> here(kCount);
    throw std::runtime_error("on the way");
  } catch (const std::runtime_error&) {
  }
  EXPECT_TRUE(keeps_large_arrays_in_files());
  EXPECT_NO_THROW(LargeVector<double>{}.resize(kCount));  // in the fixture's folder again
  keep_large_arrays_in({});
  { const LargeArraysIn while_it_lives(folder_.path()); }
  EXPECT_FALSE(keeps_large_arrays_in_files());
}

TEST_F(LargeVectors, SayWhereThereIsNoRoom) {
  try {
    LargeVector<double> impossible(std::size_t{1} << 45);
    FAIL() << "256 TiB found room";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("Can't keep 268435456 MiB in '"),
                                               ::testing::HasSubstr("trainer.memory_limit")));
  }
  keep_large_arrays_in(folder_.path() / "missing");
  LargeVector<double> nowhere;
  EXPECT_THROW(nowhere.resize(kCount), UserError);
}

}  // namespace
}  // namespace dcmmm
