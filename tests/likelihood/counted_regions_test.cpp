// Panels of more regions than a search needs: a sample leads to where the fit of all of them begins.
#include "likelihood/counted_regions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "comm/communicator.hpp"
#include "likelihood/likelihood_fit.hpp"
#include "tests/likelihood/likelihood_case.hpp"

namespace dcmmm {
namespace {

TEST(CountedRegions, AreTheSampleAndThoseThatDecideTheComponents) {
  const int64_t kRegions = 500;
  auto sample = testing::likelihood_case(kRegions, 20);
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(kRegions, 64), *communicator);
  LikelihoodOptions options;
  options.sample_regions = 30;
  count_sample(sample.data, 100, options, kRegions, loop);
  int64_t counted = 0;
  for (int64_t r = 0; r < kRegions; ++r) {
    counted += sample.data.counts(r);
    if (is_sampled(r, 30, kRegions) || is_sampled(r, 100, kRegions)) {
      EXPECT_TRUE(sample.data.counts(r)) << r;
    }
  }
  EXPECT_GE(counted, 100);
  EXPECT_LT(counted, 200);

  // Hardly any of them usable, all count.
  for (int64_t r = 0; r < kRegions; ++r)
    if (r % 10 != 0) sample.data.size_R[r] = 0;
  count_sample(sample.data, 100, options, kRegions, loop);
  for (int64_t r = 0; r < kRegions; ++r) EXPECT_EQ(sample.data.counts(r), r % 10 == 0);
}

TEST(CountedRegions, OfALargePanelLeadToTheModeOfAllRegions) {
  const int64_t kRegions = 4200, kWeeks = 40;
  auto sample = testing::likelihood_case(kRegions, kWeeks, 3);
  LikelihoodOptions options;
  options.drift = Drift::kNone;
  options.sample_regions = 40;
  // The control of a few regions that no sample has; all of them are looked at.
  const auto is_drawn = [&](int64_t r) {
    return is_sampled(r, 1000, kRegions) || is_sampled(r, options.sample_regions, kRegions);
  };
  std::vector<int64_t> rare;
  for (int64_t r = 2; r < kRegions; ++r)
    if (rare.size() < 8 && !is_drawn(r)) rare.push_back(r);
  for (int64_t r = 0; r < kRegions; ++r) {
    const bool has_it = std::find(rare.begin(), rare.end(), r) != rare.end();
    for (int64_t t = 0; t < kWeeks; ++t) {
      const int64_t cell = r * kWeeks + t;
      const double value = has_it && t % 7 == 3 ? 1.0 : 0.0;
      sample.data.target_RT[cell] += 0.3 * value - 0.02 * sample.data.control_RTK[cell];
      sample.data.control_RTK[cell] = static_cast<float>(value);
    }
  }
  int64_t loud = rare.back() + 1;  // a region that the search doesn't look at
  while (is_drawn(loud)) ++loud;
  RandomStream random(4, 0);
  for (int64_t t = 0; t < kWeeks; ++t) sample.data.target_RT[loud * kWeeks + t] += 0.2 * random.normal();
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(kRegions, 64), *communicator);
  const LikelihoodFit fit = fit_likelihood(sample.data, options, {std::nullopt}, kRegions, 0, loop, {});
  EXPECT_FALSE(fit.data.on_sample);
  EXPECT_GT(fit.data.error_scale_R[loud], 2);
  for (const int64_t r : rare) EXPECT_LT(fit.data.error_scale_R[r], 1.5);  // what they alone have is no outlier
  // All regions asked for it once more, the mode stays where it is.
  const Mode& mode = fit.members[0].mode;
  const Mode again = find_mode(fit.data, options, fit.covariance, mode.shapes, mode.prior_center, 5, loop);
  EXPECT_LT((again.shapes.coordinates - mode.shapes.coordinates).cwiseAbs().maxCoeff(), 2e-3);
  EXPECT_NEAR(mode.linear[2], 0.3, 0.03);  // the control's
  for (int64_t c = 0; c < 2; ++c) {
    EXPECT_NEAR(again.linear[c], mode.linear[c], 1e-3);
    EXPECT_NEAR(mode.shapes.decay(c), sample.truth.decay(c), 0.02);
  }
}

}  // namespace
}  // namespace dcmmm
