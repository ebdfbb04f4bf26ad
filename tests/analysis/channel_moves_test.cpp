#include "analysis/channel_moves.hpp"

#include <gmock/gmock.h>

#include "analysis/channel_interval.hpp"
#include "analysis/metrics_report.hpp"
#include "common/files.hpp"
#include "tests/analysis/small_run.hpp"

namespace dcmmm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ChannelTotals, AddUpAResultsFile) {
  const TestFolder folder;
  SmallRun run(70);  // more regions than are read at once
  run.write(folder);
  write_text_file(folder / "metrics.json", "{}");  // of an earlier version
  const ChannelTotals found = channel_totals(folder / "results.h5", folder / "metrics.json");
  double predicted = 0, first = 0;
  for (const double value : run.results.predicted_RT) predicted += value;
  for (size_t i = 0; i < run.results.media_RTC.size(); i += 3) first += run.results.media_RTC[i];
  EXPECT_NEAR(found.predicted, predicted, 1e-9 * predicted);
  EXPECT_NEAR(found.share(0), first / predicted, 1e-12);
  EXPECT_EQ(found.channels, run.panel.coordinates.channels);
}

// As the draws' sums, which leave out what is guessed of missing rows.
TEST(ChannelTotals, AreTheSumsThatTheRunKept) {
  const TestFolder folder;
  SmallRun().write(folder);
  RunFacts facts;
  facts.channels = {"channel_0", "channel_1", "channel_2"};
  facts.contribution_C = {25, 50, 0};
  facts.predicted = 250;
  write_text_file(folder / "metrics.json", metrics_json({}, {}, {}, facts));
  const ChannelTotals found = channel_totals(folder / "results.h5", folder / "metrics.json");
  EXPECT_EQ(found.contribution_C, facts.contribution_C);
  EXPECT_EQ(found.share(1), 0.2);
}

class Moves : public ::testing::Test {
 protected:
  Moves() {
    before_.channels = now_.channels = {"tv", "search"};
    before_.predicted = now_.predicted = 1000;
    before_.contribution_C = now_.contribution_C = {100, 50};
    before_.shared.decay_C = now_.shared.decay_C = {0.4, 0.5};
    before_.shared.draws.count = 200;
    for (int draw = 0; draw < 200; ++draw) {
      const double at = draw / 199.0;  // 90 %: 5 to 95 % of the range
      for (const double centre : {100.0, 50.0}) before_.shared.draws.contribution_DC.push_back(centre - 10 + 20 * at);
      for (const double centre : {0.4, 0.5}) before_.shared.draws.decay_DC.push_back(centre - 0.1 + 0.2 * at);
    }
  }
  ChannelTotals before_, now_;
};

TEST_F(Moves, NamesWhatLeftItsInterval) {
  now_.contribution_C[0] = 108.9;  // the interval is 91 to 109
  EXPECT_THAT(moves_table(before_, now_), HasSubstr("All shares and decays stay within"));
  now_.contribution_C[0] = 109.1;
  now_.shared.decay_C[1] = 0.405;
  EXPECT_THAT(moves_table(before_, now_),
              HasSubstr("Beyond the earlier run's interval: the share of tv, the decay of search."));
}

TEST_F(Moves, AreSharesOfThePrediction) {
  now_.predicted = 2000;
  now_.contribution_C = {200, 100};
  EXPECT_THAT(moves_table(before_, now_), HasSubstr("All shares and decays stay within"));
}

TEST_F(Moves, OfAChannelThatIsNotIdentifiedMayBeLarge) {
  before_.shared.follows_demand_C = {1, 0};
  before_.shared.local_slope_C = {0.7, 0.1};
  now_.contribution_C[0] = 690;
  EXPECT_THAT(moves_table(before_, now_), HasSubstr("All shares and decays stay within"));
  now_.contribution_C[0] = 710;
  EXPECT_THAT(moves_table(before_, now_), HasSubstr("the share of tv"));
}

TEST_F(Moves, SayNothingWithoutIntervals) {
  before_.shared.draws = {};
  now_.contribution_C[0] = 900;
  const std::string table = moves_table(before_, now_);
  EXPECT_THAT(table, HasSubstr("has no intervals"));
  EXPECT_THAT(table, Not(HasSubstr("!")));
}

}  // namespace
}  // namespace dcmmm
