#include "report/plan_by_week.hpp"

#include <gtest/gtest.h>

#include <string>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;

class PlanByWeek : public ::testing::Test {
 protected:
  Json of(const std::string& csv) const {
    write_text_file(folder_ / "plan.csv", csv);
    return plan_by_week(folder_ / "plan.csv");
  }

  dcmmm::testing::TemporaryFolder folder_;
};

TEST_F(PlanByWeek, AddsRegionsUp) {
  const Json sums =
      of("channel,region,week,spend_now,spend_plan,lower,upper,extrapolates\n"
         "tv,\"north, west\",2024-01-01,1,10,0,9,0\ntv,\"north, west\",2024-01-08,2,20,0,9,0\n"
         "'=web,\"north, west\",2024-01-08,4,40,0,9,1\ntv,south,2024-01-01,0.5,5,0,9,0\n");
  EXPECT_EQ(sums["channels"], Json({"tv", "=web"}));
  EXPECT_EQ(sums["weeks"], Json({"2024-01-01", "2024-01-08"}));
  EXPECT_EQ(sums["now_CW"], Json({1.5, 2.0, 0.0, 4.0}));
  EXPECT_EQ(sums["plan_CW"], Json({15.0, 20.0, 0.0, 40.0}));
}

TEST_F(PlanByWeek, IsNothingForAPlanWithoutWeeks) {
  EXPECT_TRUE(of("channel,region,week,spend_now,spend_plan\ntv,,,1,2\nweb,,,3,4\n").is_null());
}

TEST_F(PlanByWeek, RefusesOtherTables) {
  EXPECT_THROW(of(""), DamagedFileError);
  EXPECT_THROW(of("channel,week,spend_now\ntv,1,2\n"), DamagedFileError);
  EXPECT_THROW(of("channel,week,spend_now,spend_plan\ntv,1,2\n"), DamagedFileError);
}

}  // namespace
}  // namespace dcmmm
