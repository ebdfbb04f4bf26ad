#include "launch/plan_options.hpp"

#include <gmock/gmock.h>

#include "common/errors.hpp"
#include "launch/configuration.hpp"
#include "launch/schema.hpp"

namespace dcmmm {
namespace {

using ::testing::HasSubstr;

PlanOptions options_of(const std::vector<std::string>& words) {
  Value config = compose({{std::filesystem::path(DCMMM_SOURCE_DIR) / "configs"}, "config", words});
  check_config(config);
  return plan_options(config);
}

std::string refusal(const std::vector<std::string>& words) {
  try {
    options_of(words);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(PlanOptions, TheConfigsDefaultsAreTheStructs) {
  const PlanOptions found = options_of({}), expected;
  EXPECT_EQ(found.horizon_weeks, expected.horizon_weeks);
  EXPECT_EQ(found.tail_weeks, expected.tail_weeks);
  EXPECT_EQ(found.level, expected.level);
  EXPECT_EQ(found.lower, expected.lower);
  EXPECT_EQ(found.upper, expected.upper);
  EXPECT_EQ(found.cell_lower, expected.cell_lower);
  EXPECT_EQ(found.cell_upper, expected.cell_upper);
  EXPECT_EQ(found.smoothness, expected.smoothness);
  EXPECT_EQ(found.robust, expected.robust);
  EXPECT_EQ(found.quantile, expected.quantile);
  EXPECT_EQ(found.draws, expected.draws);
  EXPECT_EQ(found.starts, expected.starts);
  EXPECT_EQ(found.include_unidentified, expected.include_unidentified);
  EXPECT_EQ(found.cut, expected.cut);
  EXPECT_TRUE(found.channels.empty() && found.groups.empty() && found.locked.empty() && found.cost.empty());
}

TEST(PlanOptions, ReadsLimits) {
  const PlanOptions found = options_of({"plan.channels={tv: {lower: 0.8, max: 5000}, radio: {locked: true}}",
                                        "plan.groups={video: {channels: [tv, web], min: 10, upper: 1.5}}",
                                        "plan.level=all", "plan.cost={tv: 2}", "plan.target_roi=3"});
  EXPECT_EQ(found.channels.at("tv").lower, 0.8);
  EXPECT_EQ(found.channels.at("tv").max, 5000);
  EXPECT_FALSE(found.channels.at("tv").upper.has_value() || found.channels.at("tv").locked);
  EXPECT_TRUE(found.channels.at("radio").locked);
  EXPECT_EQ(found.groups.at("video").channels, (std::vector<std::string>{"tv", "web"}));
  EXPECT_EQ(found.groups.at("video").limits.min, 10);
  EXPECT_EQ(found.groups.at("video").limits.upper, 1.5);
  EXPECT_EQ(found.level, PlanLevel::kAll);
  EXPECT_EQ(found.cost.at("tv"), 2);
  EXPECT_EQ(found.target_roi, 3);
}

TEST(PlanOptions, RefusesEveryBadValueWithItsName) {
  const std::pair<const char*, const char*> kBad[] = {
      {"plan.budget=0", "'plan.budget' is 0"},
      {"plan.budget=much", "'plan.budget' is 'much'"},
      {"plan.target_roi=-1", "'plan.target_roi' is -1"},
      {"plan.target_outcome=0", "'plan.target_outcome' is 0"},
      {"plan.horizon_weeks=0", "'plan.horizon_weeks' is 0"},
      {"plan.horizon_weeks=105", "'plan.horizon_weeks' is 105"},
      {"plan.tail_weeks=-1", "'plan.tail_weeks' is -1"},
      {"plan.level=week", "'plan.level' is 'week'"},
      {"plan.lower=-0.5", "'plan.lower' is -0.5"},
      {"plan.upper=x", "'plan.upper' is 'x'"},
      {"plan.channels=tv", "'plan.channels' is 'tv'"},
      {"plan.channels={tv: 3}", "'plan.channels.tv' is 3, but expected a mapping such as {lower: 0.8, max: 5000}"},
      {"plan.channels={tv: {maxx: 3}}", "Unknown key 'plan.channels.tv.maxx' (value 3)"},
      {"plan.channels={tv: {max: -3}}", "'plan.channels.tv.max' is -3, but expected a number, 0 or more"},
      {"plan.channels={tv: {lower: a}}", "'plan.channels.tv.lower' is 'a', but expected a number, 0 or more"},
      {"plan.channels={tv: {locked: 3}}", "'plan.channels.tv.locked' is 3, but expected true or false"},
      {"plan.groups={video: 3}", "'plan.groups.video' is 3, but expected a mapping"},
      {"plan.groups={video: {max: 3}}", "'plan.groups.video.channels' is missing, but expected a list of channels"},
      {"plan.groups={video: {channels: [], max: 3}}", "'plan.groups.video.channels' is []"},
      {"plan.groups={video: {channels: [{a: 1}]}}", "'plan.groups.video.channels' is {a: 1}, but expected names"},
      {"plan.groups={video: {channels: [tv], locked: true}}", "Unknown key 'plan.groups.video.locked'"},
      {"plan.locked=null", "'plan.locked' is null"},
      {"plan.cell_lower=-1", "'plan.cell_lower' is -1"},
      {"plan.cell_upper=no", "'plan.cell_upper'"},
      {"plan.smoothness=-0.1", "'plan.smoothness' is -0.1"},
      {"plan.objective=median", "'plan.objective' is 'median'"},
      {"plan.quantile=0.5", "'plan.quantile' is 0.5"},
      {"plan.draws=0", "'plan.draws' is 0"},
      {"plan.starts=0", "'plan.starts' is 0"},
      {"plan.include_unidentified=maybe", "'plan.include_unidentified' is 'maybe'"},
      {"plan.cost={tv: a}", "'plan.cost"},
      {"plan.revenue=0", "'plan.revenue' is 0"},
      {"plan.cut=1.5", "'plan.cut' is 1.5"},
  };
  for (const auto& [word, message] : kBad) EXPECT_THAT(refusal({word}), HasSubstr(message)) << word;
  EXPECT_THAT(refusal({"plan.objective=lower", "plan.draws=1"}), HasSubstr("'plan.draws' is 1"));
}

}  // namespace
}  // namespace dcmmm
