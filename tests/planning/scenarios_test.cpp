#include "planning/scenarios.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "common/csv_field.hpp"
#include "common/errors.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

TEST(Scenarios, OutcomesAreNeverBelowZeroButGainsMayBe) {
  // A few draws that lie far apart: Student's t alone would reach below 0.
  const std::vector<double> draws = {1, 2, 30};
  const Expected outcome = expected(draws, 0.9), gain = expected(draws, 0.9, -HUGE_VAL);
  EXPECT_EQ(outcome.mean, 11);
  EXPECT_EQ(outcome.interval.lower, 0);
  EXPECT_LT(gain.interval.lower, -30);
  EXPECT_EQ(outcome.interval.upper, gain.interval.upper);
}

FittedRun run_of(std::vector<std::string> regions) {
  FittedRun out;
  out.regions = std::move(regions);
  out.channels = {"tv", "owned"};
  out.weeks = {"1"};
  out.horizon = 1;
  out.has_price_C = {1, 0};
  for (size_t r = 0; r < out.regions.size(); ++r) out.today_RCH.insert(out.today_RCH.end(), {10, 0});
  return out;
}

std::vector<Scenario> read(const std::string& rows, const FittedRun& run) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "mine.csv") << "scenario,channel,region,spend\n" << rows;
  return read_scenarios(folder / "mine.csv", run);
}

TEST(Scenarios, ReadsNamesAsThePlansOwnFilesWriteThem) {
  const FittedRun run = run_of({"=cmd", "a,b", "'=cmd()", "=cmd()"});
  ASSERT_EQ(csv_field("=cmd"), "'=cmd");
  for (const char* first : {"=cmd", "'=cmd"}) {
    // A name that really begins with the ' is itself.
    const auto found =
        read(std::string("mine,tv,") + first + ",1\nmine,tv,\"a,b\",2\nmine,tv,'=cmd(),3\nmine,tv,=cmd(),4\n", run);
    ASSERT_EQ(found.size(), 1);
    EXPECT_EQ(found[0].spend_RCH, std::vector<double>({1, 0, 2, 0, 3, 0, 4, 0}));
  }
}

TEST(Scenarios, NothingIsSpentOnWhatHasNoPrice) {
  const FittedRun run = run_of({"north"});
  EXPECT_EQ(read("mine,owned,north,0\n", run)[0].spend_RCH, run.today_RCH);
  try {
    read("mine,owned,north,3\n", run);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("line 2, column 'spend': '3'"),
                                               ::testing::HasSubstr("never cost anything"),
                                               ::testing::HasSubstr("plan.cost={owned: PRICE}")));
  }
}

}  // namespace
}  // namespace dcmmm
