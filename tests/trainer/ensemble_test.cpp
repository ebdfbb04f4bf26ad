#include "trainer/ensemble.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dcmmm {
namespace {

TEST(EnsembleMember, NumberZeroIsThePlainFit) {
  ModelOptions options;
  options.stiffness = 7;
  const Member plain = member_of(options, 50, 3), first = ensemble_member(options, 50, 3, 0);
  EXPECT_EQ(first.seed, plain.seed);
  EXPECT_EQ(first.stiffness, 7);
  EXPECT_EQ(first.ridge_media, plain.ridge_media);
  EXPECT_EQ(first.media_prior, 0);
  EXPECT_EQ(first.bootstrap_seed, 0u);
}

TEST(EnsembleMember, DrawsAroundTheOptions) {
  ModelOptions options;
  options.stiffness = 7;
  options.ridge = 3;
  std::set<uint64_t> bootstraps;
  std::set<double> decays;
  double below = 0;
  for (int64_t number = 1; number <= 400; ++number) {
    const Member member = ensemble_member(options, 50, 3, number);
    bootstraps.insert(member.bootstrap_seed);
    decays.insert(member.decay);
    EXPECT_EQ(member.origin, 50);
    EXPECT_GT(member.exponent, options.min_exponent);
    EXPECT_TRUE(member.stiffness > 7 * 0.249 && member.stiffness < 14.01) << member.stiffness;
    EXPECT_TRUE(member.ridge > 3 * 0.399 && member.ridge < 4.51) << member.ridge;
    EXPECT_TRUE(member.decay > 0.2 && member.decay < 0.6) << member.decay;
    EXPECT_TRUE(member.media_prior > 0.12 && member.media_prior < 0.4) << member.media_prior;
    below += member.half_saturation < options.half_saturation ? 1 : 0;
  }
  EXPECT_EQ(bootstraps.size(), 400u);
  EXPECT_EQ(decays.size(), 400u);
  EXPECT_NEAR(below / 400, 0.5, 0.08);
}

TEST(EnsembleMember, IsTheSameWhateverElseIsDrawn) {
  const Member once = ensemble_member({}, 50, 3, 5), again = ensemble_member({}, 50, 3, 5);
  EXPECT_EQ(once.exponent, again.exponent);
  EXPECT_EQ(once.bootstrap_seed, again.bootstrap_seed);
  EXPECT_NE(once.bootstrap_seed, ensemble_member({}, 50, 4, 5).bootstrap_seed);
  EXPECT_NE(once.bootstrap_seed, ensemble_member({}, 50, 4, 4).bootstrap_seed);
}

}  // namespace
}  // namespace dcmmm
