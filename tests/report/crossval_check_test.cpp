// Which rolling-origin evaluations belong to a run's panel.
#include "report/crossval_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

TEST(CheckCrossval, RefusesTheOneOfAnotherPanel) {
  TemporaryFolder folder;
  Panel panel;
  panel.coordinates.regions = {"=north", "south"};
  panel.coordinates.weeks = {"1", "2"};
  panel.coordinates.channels = panel.coordinates.channel_columns = {"tv"};
  panel.regions = 2;
  panel.target_RT = {1.5, 2, 3, 0};
  panel.observed_RT = {1, 1, 1, 0};
  panel.media_RTC = {1, 1, 1, 1};
  panel.population_R = {0, 0};
  write_panel_file(folder / "panel.h5", panel);
  const PanelFile file(folder / "panel.h5");
  const auto refusal = [&](const std::string& rows) {
    write_text_file(folder / "crossval.csv", "origin,horizon,region,week,actual,predicted,lower,upper\n" + rows);
    try {
      check_crossval(folder.path(), file);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  check_crossval(folder.path(), file);  // nothing tells
  EXPECT_THAT(refusal("1,1,'=north,2,2,5,4,6\n1,1,south,2,,5,4,6\n"), IsEmpty());
  EXPECT_THAT(refusal("1,1,west,2,2,5,4,6\n"), AllOf(HasSubstr("report.crossval"), HasSubstr("a region 'west'")));
  EXPECT_THAT(refusal("1,1,south,3,2,5,4,6\n"), HasSubstr("a week '3'"));
  EXPECT_THAT(refusal("1,1,south,1,4,5,4,6\n"), HasSubstr("region 'south' in week '1' is 4 there and 3 here"));
  EXPECT_THAT(refusal("1,1,south,2,0,5,4,6\n"), HasSubstr("is 0 there and missing here"));
}

}  // namespace
}  // namespace dcmmm
