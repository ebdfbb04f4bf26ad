// Which regions the page shows in detail.
#include "report/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAre;

TEST(RegionsInDetail, AreTheWantedOnesOnceAndTheLargest) {
  const std::vector<std::string> names = {"A", "B", "C", "D"};
  const std::vector<double> sum_R = {1, 4, 3, 2};
  EXPECT_THAT(regions_in_detail(names, sum_R, 2, {}), ElementsAre(1, 2));
  EXPECT_THAT(regions_in_detail(names, sum_R, 2, {"A", "A"}), ElementsAre(0, 1));
  EXPECT_THAT(regions_in_detail(names, sum_R, 1, {"D", "A", "D"}), ElementsAre(0, 3));
  EXPECT_THAT(regions_in_detail(names, sum_R, 9, {"A", "B"}), ElementsAre(0, 1, 2, 3));
  EXPECT_THROW(regions_in_detail(names, sum_R, 2, {"E"}), UserError);
}

}  // namespace
}  // namespace dcmmm
