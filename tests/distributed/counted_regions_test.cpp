// A large panel whose search begins with a sample, on ranks of which some have no regions.
#include <gtest/gtest.h>

#include "likelihood/likelihood_fit.hpp"
#include "tests/distributed/world.hpp"
#include "tests/likelihood/likelihood_case.hpp"

namespace dcmmm {
namespace {

TEST(CountedRegions, RanksWithoutRegionsFollow) {
  const int64_t kRegions = 4100, kWeeks = 28;
  LikelihoodOptions options;
  options.drift = Drift::kNone;
  options.sample_regions = 40;
  const auto fit = [&](int64_t mine, Communicator& communicator) {
    const RegionLoop loop(testing::plan_of(mine, 64), communicator);
    return fit_likelihood(testing::likelihood_case(mine, kWeeks).data, options, {std::nullopt}, kRegions, 0, loop, {});
  };
  const LikelihoodFit found = fit(testing::world().rank() == 0 ? kRegions : 0, testing::world());
  EXPECT_FALSE(found.data.on_sample);
  const auto alone = make_local_communicator();
  const LikelihoodFit expected = fit(kRegions, *alone);
  EXPECT_LT((found.members[0].mode.linear - expected.members[0].mode.linear).cwiseAbs().maxCoeff(), 1e-9);
}

}  // namespace
}  // namespace dcmmm
