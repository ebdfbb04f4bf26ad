#include "trainer/rolling_origin.hpp"

#include <gtest/gtest.h>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

std::vector<int64_t> origins_of(const std::vector<OriginWeeks>& weeks) {
  std::vector<int64_t> out;
  for (const OriginWeeks& origin : weeks) out.push_back(origin.origin);
  return out;
}

std::string message_of(const CrossvalOptions& options, int64_t weeks) {
  try {
    rolling_origins(options, weeks);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(RollingOrigin, EndsWithThePanelByDefault) {
  const auto weeks = rolling_origins({}, 109);
  EXPECT_EQ(origins_of(weeks), (std::vector<int64_t>{77, 85, 93, 101}));
  EXPECT_EQ(weeks[0].first_week, 0);
  EXPECT_EQ(weeks[0].first_forecast, 77);
  EXPECT_EQ(weeks[3].end, 109);
}

TEST(RollingOrigin, KeepsAGapAndAWindow) {
  CrossvalOptions options;
  options.gap = 2;
  options.window = 20;
  options.horizon = 3;
  options.origins = {{30, 15}};
  const auto weeks = rolling_origins(options, 40);
  ASSERT_EQ(weeks.size(), 2u);
  EXPECT_EQ(weeks[0].first_week, 0);  // fewer weeks than the window are there
  EXPECT_EQ(weeks[1].first_week, 10);
  EXPECT_EQ(weeks[1].origin, 30);
  EXPECT_EQ(weeks[1].first_forecast, 32);
  EXPECT_EQ(weeks[1].end, 35);
}

TEST(RollingOrigin, RefusesOriginsThatCanNotBe) {
  CrossvalOptions options;
  options.origins = {{12}};
  EXPECT_NE(message_of(options, 100).find("at least 13 weeks"), std::string::npos);
  options.origins = {{92}};
  EXPECT_EQ(message_of(options, 100), "");
  options.origins = {{93}};
  EXPECT_NE(message_of(options, 100).find("the last origin that is possible is 92"), std::string::npos);
  options.origins = {{50, 50}};
  EXPECT_NE(message_of(options, 100).find("twice"), std::string::npos);
  options.origins = {std::vector<int64_t>()};
  EXPECT_NE(message_of(options, 100).find("empty"), std::string::npos);
  options.origins.reset();
  options.windows = 9;
  EXPECT_NE(message_of(options, 84).find("begin at week 12"), std::string::npos);
  EXPECT_EQ(message_of(options, 85), "");
}

}  // namespace
}  // namespace dcmmm
