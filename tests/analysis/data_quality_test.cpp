#include "analysis/data_quality.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dcmmm {
namespace {

// Two regions, four weeks of which the last is held out. Region a has no target in week 1, with media beside it; region
// b has no row in week 2.
Panel panel_with_gaps() {
  Panel panel;
  panel.coordinates.regions = {"a", "b"};
  panel.coordinates.weeks = {"0", "1", "2", "3"};
  panel.coordinates.channels = {"tv", "radio"};
  panel.coordinates.controls = {"price"};
  panel.coordinates.target_column = "sales";
  panel.regions = 2;
  panel.target_RT = {4, 0, 6, 8, 2, 2, 0, 4};
  panel.observed_RT = {1, 0, 1, 1, 1, 1, 0, 1};
  panel.media_RTC = {1, 2, 30, 0, 3, 4, 20, 4, /**/ 2, 1, 2, 1, 0, 0, 4, 1};
  panel.controls_RTK = {5, 6, 5, 6, /**/ 7, 7, 7, 8};
  panel.population_R = {0, 0};
  return panel;
}

std::string columns_of(const Panel& panel) {
  std::string out;
  CsvWriter csv(out);
  DataQuality quality(panel.coordinates, 3);
  quality.add(panel);
  quality.write_columns(csv);
  csv.finish();
  return out;
}

TEST(DataQuality, CountsWhatIsMissingColumnByColumn) {
  // Of region a's tv the 30 counts, in the range that its held-out 20 lies in.
  EXPECT_EQ(columns_of(panel_with_gaps()),
            "sales,target,6,2,0,2,4.333333333333333,8,2\n"
            "tv,media,7,1,0,1,8.857142857142858,30,1\n"
            "radio,media,7,1,1,0,1.8571428571428572,4,0\n"
            "price,control,7,1,0,5,6.285714285714286,8,1\n");
}

TEST(DataQuality, CountsRowsWithNeitherTargetNorMediaWhereThePanelMarksThem) {
  Panel panel = panel_with_gaps();
  panel.dark_RT = {0, 0, 0, 0, 0, 0, 1, 0};
  EXPECT_THAT(columns_of(panel), ::testing::AllOf(::testing::HasSubstr("sales,target,6,2,0,"),
                                                  ::testing::HasSubstr("tv,media,8,0,1,0,7.75,30,1\n"),
                                                  ::testing::HasSubstr("price,control,8,0,0,")));
}

}  // namespace
}  // namespace dcmmm
