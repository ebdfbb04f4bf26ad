#include "analysis/results_file.hpp"

#include <gtest/gtest.h>

#include "common/errors.hpp"
#include "tests/analysis/small_run.hpp"
#include "tests/distributed/world.hpp"

namespace dcmmm {
namespace {

/// Rank 0's folder, the same on every rank.
struct SharedFolder {
  SharedFolder() {
    if (testing::world().rank() == 0) own.emplace();
    if (own) path = (*own / "").string();
    testing::world().broadcast(path);
  }
  ~SharedFolder() { testing::world().barrier(); }  // nobody may still read when rank 0 removes it
  std::optional<TestFolder> own;
  std::string path;
};

TEST(ResultsFile, IsWrittenByRanksWithDifferentNumbersOfBlocks) {
  auto& world = testing::world();
  const SharedFolder folder;
  SmallRun run(7, 9);
  ResultsWriter writer(folder.path + "results.h5", run.panel.coordinates, run.shared, world);
  // Rank r owns regions r, r + size, ...: one block each; ranks beyond the seventh would own none.
  for (int64_t region = world.rank(); region < 7; region += world.size())
    writer.append(regions_of(run.results, region, 1));
  writer.finish();
  expect_equal(ResultsReader(folder.path + "results.h5").read(0, 7), run.results);
}

TEST(ResultsFile, IsWrittenWhenOneRankHasEverything) {
  auto& world = testing::world();
  const SharedFolder folder;
  SmallRun run(4, 5, 2, 0);
  ResultsWriter writer(folder.path + "results.h5", run.panel.coordinates, run.shared, world);
  if (world.rank() == world.size() - 1) {
    writer.append(regions_of(run.results, 0, 3));
    writer.append(regions_of(run.results, 3, 1));
  }
  writer.finish();
  expect_equal(ResultsReader(folder.path + "results.h5").read(0, 4), run.results);
}

TEST(ResultsFile, FailsOnEveryRankWhereItCannotBeWritten) {
  const SharedFolder folder;
  SmallRun run;
  EXPECT_THROW(ResultsWriter(folder.path + "missing/results.h5", run.panel.coordinates, run.shared, testing::world()),
               UserError);
}

}  // namespace
}  // namespace dcmmm
