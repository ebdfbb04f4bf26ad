#include "launch/panel_warnings.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "tests/small_panel.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::small_panel;

constexpr int64_t kRegions = 3, kWeeks = 70, kOrigin = 60;

struct Case {
  Panel panel = small_panel(kRegions, kWeeks, 2, 1);
  std::vector<ChannelIdentification> channels{2};
  ModelOptions model;
  int64_t origin = kOrigin;

  Case() {
    for (double& target : panel.target_RT) target = 10;
    for (ChannelIdentification& channel : channels) channel.local_slope = channel.national_slope = 0.2;
  }
  std::vector<std::string> warnings() const {
    return panel_warnings(panel, channels, model, origin, *make_local_communicator());
  }
};

TEST(PanelWarnings, AreSilentOnAGoodPanel) { EXPECT_THAT(Case().warnings(), IsEmpty()); }

TEST(PanelWarnings, NameChannelsThatDontVaryOrMoveWithTheOthers) {
  Case bad;
  bad.channels[0].local_slope = bad.channels[0].national_slope = std::numeric_limits<double>::quiet_NaN();
  bad.channels[1].collinearity = 0.99;
  const auto& names = bad.panel.coordinates.channels;
  EXPECT_THAT(bad.warnings(), ElementsAre(AllOf(HasSubstr(names[0]), HasSubstr("doesn't vary")),
                                          AllOf(HasSubstr(names[1]), HasSubstr("R2 0.99"))));
}

TEST(PanelWarnings, SayNothingOfChannelsWhereNoRegionIsFitted) {
  Case dropped;
  const double none = std::numeric_limits<double>::quiet_NaN();
  for (ChannelIdentification& channel : dropped.channels) {
    channel.local_slope = channel.national_slope = channel.weeks_on = channel.weeks_varying = none;
  }
  EXPECT_THAT(dropped.warnings(), IsEmpty());
}

TEST(PanelWarnings, CountTargetsAtOrBelowZeroInTheTrainingWeeks) {
  Case bad;
  std::fill(bad.panel.observed_RT.begin(), bad.panel.observed_RT.end(), uint8_t{1});
  bad.panel.target_RT[5] = 0;
  bad.panel.target_RT[kWeeks + 3] = -2;
  bad.panel.target_RT[kWeeks - 1] = -2;  // of the holdout
  bad.panel.target_RT[7] = 0;
  bad.panel.observed_RT[7] = 0;  // not observed
  EXPECT_THAT(bad.warnings(), ElementsAre(HasSubstr("2 of 179 training targets")));
}

TEST(PanelWarnings, SayWhereWeeksAreTooFew) {
  Case bad;
  bad.origin = 51;
  EXPECT_THAT(bad.warnings(), ElementsAre(HasSubstr("51 training weeks are less than a year (52)")));
  bad.origin = 52;
  EXPECT_THAT(bad.warnings(), IsEmpty());
  bad.origin = 11;
  bad.panel.coordinates.step = TimeStep::kMonth;
  EXPECT_THAT(bad.warnings(), ElementsAre(HasSubstr("11 training months are less than a year (12)")));
  bad.origin = 12;
  EXPECT_THAT(bad.warnings(), IsEmpty());
  bad.panel = small_panel(kRegions, 370, 2, 1);
  for (double& target : bad.panel.target_RT) target = 10;
  bad.panel.coordinates.step = TimeStep::kDay;
  bad.origin = 364;
  EXPECT_THAT(bad.warnings(), ElementsAre(HasSubstr("364 training days are less than a year (365)")));
  bad.origin = 365;
  EXPECT_THAT(bad.warnings(), IsEmpty());
}

TEST(PanelWarnings, SayWhereTheHoldoutIsShorterThanTheCarryOver) {
  Case bad;
  bad.model.decay = 0.8;  // .8^14 = .044
  EXPECT_THAT(bad.warnings(), ElementsAre(AllOf(HasSubstr("holdout of 10 weeks"), HasSubstr("holdout_weeks=14"))));
  bad.origin = kWeeks;
  EXPECT_THAT(bad.warnings(), IsEmpty());
}

}  // namespace
}  // namespace dcmmm
