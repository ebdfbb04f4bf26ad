#include "likelihood/gate.hpp"

#include <gmock/gmock.h>

#include "likelihood_case.hpp"

namespace dcmmm {
namespace {

using testing::likelihood_case;
using testing::plan_of;

std::vector<ChannelIdentification> gate(const LikelihoodData& data, int64_t chunk = 64) {
  const auto communicator = make_local_communicator();
  return identify_channels(data, RegionLoop(plan_of(data.regions, chunk), *communicator));
}

TEST(Gate, LetsHonestChannelsPass) {
  for (const uint64_t seed : {1, 2, 3}) {
    for (const auto& channel : gate(likelihood_case(20, 110, seed).data)) {
      EXPECT_FALSE(channel.follows_demand) << channel.reason;
      EXPECT_EQ(channel.reason, "");
      EXPECT_EQ(channel.weeks_on, 1.0);
      EXPECT_GT(channel.weeks_varying, 0.5);
      EXPECT_LT(channel.collinearity, 0.1);
    }
  }
}

TEST(Gate, StopsAChannelThatIsSetByLastWeeksDemand) {
  auto sample = likelihood_case(20, 110);
  LikelihoodData& data = sample.data;
  RandomStream random(9, 9);
  for (int64_t r = 0; r < data.regions; ++r)
    for (int64_t t = 0; t < data.weeks; ++t) {
      double demand = 0;
      for (int64_t lag = 1; lag <= 4; ++lag) demand += t >= lag ? data.target_RT[r * data.weeks + t - lag] / 4 : 0.25;
      data.media_RTC[(r * data.weeks + t) * 2] = static_cast<float>(demand * (1 + 0.02 * random.normal()));
    }
  const auto channels = gate(data);
  EXPECT_TRUE(channels[0].follows_demand);
  EXPECT_THAT(channels[0].reason, ::testing::HasSubstr("demand"));
  EXPECT_FALSE(channels[1].follows_demand);
}

TEST(Gate, LetsAChannelPassThatAnotherOneMovesAWeekLater) {
  // Last week's spend on the first channel moves last week's demand, and the second channel this week.
  auto sample = likelihood_case(20, 110);
  LikelihoodData& data = sample.data;
  RandomStream random(9, 9);
  for (int64_t r = 0; r < data.regions; ++r)
    for (int64_t t = 1; t < data.weeks; ++t) {
      const double before = data.media_RTC[(r * data.weeks + t - 1) * 2];
      data.media_RTC[(r * data.weeks + t) * 2 + 1] =
          static_cast<float>(std::pow(before, 0.7) * std::exp(0.1 * random.normal()));
    }
  for (const auto& channel : gate(data)) {
    EXPECT_FALSE(channel.follows_demand) << channel.reason;
    EXPECT_LT(std::abs(channel.demand_slope), 0.15);
  }
}

TEST(Gate, StopsAChannelThatMovesWithTheTargetInsideRegions) {
  auto sample = likelihood_case(20, 110);
  LikelihoodData& data = sample.data;
  for (size_t i = 0; i < data.target_RT.size(); ++i) data.media_RTC[2 * i] = static_cast<float>(data.target_RT[i]);
  const auto channels = gate(data);
  EXPECT_GT(channels[0].local_slope, 0.7);
  EXPECT_TRUE(channels[0].follows_demand);
  EXPECT_FALSE(channels[1].follows_demand);
}

TEST(Gate, SeesCollinearAndSilentChannelsAndDoesNotDependOnChunks) {
  auto sample = likelihood_case(10, 80);
  LikelihoodData& data = sample.data;
  for (size_t i = 0; i < data.media_RTC.size(); i += 2) data.media_RTC[i + 1] = 2 * data.media_RTC[i];
  const auto same = gate(data), chunked = gate(data, 3);
  EXPECT_NEAR(same[0].collinearity, 1.0, 1e-3);
  EXPECT_NEAR(same[0].local_slope, chunked[0].local_slope, 1e-12);
  for (size_t i = 0; i < data.media_RTC.size(); i += 2) data.media_RTC[i] = 0;
  const auto silent = gate(data);
  EXPECT_TRUE(std::isnan(silent[0].local_slope));
  EXPECT_EQ(silent[0].weeks_on, 0.0);
  EXPECT_FALSE(silent[0].follows_demand);
  EXPECT_FALSE(silent[0].is_identified());
  EXPECT_THAT(silent[0].reason, ::testing::HasSubstr("doesn't vary"));
  EXPECT_TRUE(silent[1].is_identified());
}

// What a region does beyond the nation is nothing where it is the nation.
TEST(Gate, SaysNothingOfDemandInASingleRegion) {
  for (const auto& channel : gate(likelihood_case(1, 110).data)) {
    EXPECT_TRUE(std::isnan(channel.demand_slope) && std::isnan(channel.demand_t));
    EXPECT_TRUE(std::isnan(channel.local_slope));
    EXPECT_FALSE(std::isnan(channel.national_slope));
    EXPECT_TRUE(channel.is_identified());
  }
}

}  // namespace
}  // namespace dcmmm
