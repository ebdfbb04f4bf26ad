#include "model/missing_media.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace dcmmm {
namespace {

using ::testing::ElementsAre;

TEST(MissingMedia, ContinuesTheFourWeeksBefore) {
  // Two channels; weeks 1 and 5, 6 have no row.
  std::vector<double> media = {1, 10, 0, 0, 3, 30, 4, 40, 8, 80, 0, 0, 0, 0};
  fill_missing_weeks(media, std::vector<uint8_t>{1, 0, 1, 1, 1, 0, 0}, 2);
  EXPECT_THAT(media, ElementsAre(1, 10, 1, 10, 3, 30, 4, 40, 8, 80, 4, 40, 4.75, 47.5));
}

TEST(MissingMedia, BeforeTheFirstRowIsTheMeanOfTheFirstFour) {
  std::vector<double> media = {0, 0, 2, 4, 6, 8, 100};
  fill_missing_weeks(media, std::vector<uint8_t>{0, 0, 1, 1, 1, 1, 1}, 1);
  EXPECT_THAT(media, ElementsAre(5, 5, 2, 4, 6, 8, 100));
}

TEST(MissingMedia, WhatComesLaterHasNoSay) {
  std::vector<double> whole = {1, 2, 0, 50, 60}, cut = {1, 2, 0};
  fill_missing_weeks(whole, std::vector<uint8_t>{1, 1, 0, 1, 1}, 1);
  fill_missing_weeks(cut, std::vector<uint8_t>{1, 1, 0}, 1);
  EXPECT_EQ(whole[2], cut[2]);
}

TEST(MissingMedia, ARegionWithoutRowsStaysAsItIs) {
  std::vector<double> media = {0, 0};
  fill_missing_weeks(media, std::vector<uint8_t>{0, 0}, 1);
  EXPECT_THAT(media, ElementsAre(0, 0));
}

TEST(MissingMedia, ACellHasARowWithATargetOrAnyMedia) {
  Panel panel;
  panel.regions = 2;
  panel.coordinates.weeks = {"0", "1", "2"};
  panel.coordinates.channels = {"a", "b"};
  panel.observed_RT = {1, 0, 0, 0, 1, 0};
  panel.media_RTC = {0, 0, 0, 3, 0, 0, 1, 0, 2, 2, 0, 0};
  EXPECT_THAT(cells_with_rows(panel, 0, 2), ElementsAre(1, 1, 0, 1, 1, 0));
  EXPECT_THAT(cells_with_rows(panel, 1, 1), ElementsAre(1, 1, 0));
}

TEST(MissingMedia, ADarkWeekIsKnownToHaveNone) {
  Panel panel;
  panel.regions = 1;
  panel.coordinates.weeks = {"0", "1", "2"};
  panel.coordinates.channels = {"a"};
  panel.observed_RT = {1, 0, 0};
  panel.dark_RT = {0, 1, 0};
  panel.media_RTC = {8, 0, 0};
  EXPECT_THAT(cells_with_rows(panel, 0, 1), ElementsAre(1, 1, 0));
  EXPECT_THAT(media_with_missing_rows_filled(panel), ElementsAre(8, 0, 4));
}

}  // namespace
}  // namespace dcmmm
