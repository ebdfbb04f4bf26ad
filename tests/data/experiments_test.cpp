#include "data/experiments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.hpp"
#include "tests/data/table_files.hpp"

namespace dcmmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kHeader = "experiment,channel,regions,first_week,last_week,lift,standard_error\n";

PanelCoordinates names() {
  PanelCoordinates out;
  out.regions = {"North", "South", "West End"};
  out.weeks = {"2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22", "2024-01-29"};
  out.channels = {"TV", "search"};
  out.channel_columns = {"media_tv", "media_search"};
  return out;
}

std::string error_of(const std::string& rows, const std::string& header = kHeader) {
  const TemporaryFolder folder;
  try {
    read_experiments(write_bytes(folder / "tests.csv", header + rows), names(), 4);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ExperimentTable, GivesPlacesOnThePanelsAxes) {
  const TemporaryFolder folder;
  const auto file = write_bytes(folder / "tests.csv", kHeader +
                                                          "spring,TV,West End; North,2024-01-08,2024-01-21,1200.5,80\n"
                                                          "blackout,media_search,*,2024-01-01,2024-01-22,-3,1e2\n");
  const auto tests = read_experiments(file, names(), 4);
  ASSERT_EQ(tests.size(), 2);
  EXPECT_EQ(tests[0].name, "spring");
  EXPECT_EQ(tests[0].channel, 0);
  EXPECT_THAT(tests[0].regions, ElementsAre(0, 2));
  EXPECT_EQ(tests[0].first_week, 1);
  EXPECT_EQ(tests[0].last_week, 2);  // a day inside the week
  EXPECT_EQ(tests[0].lift, 1200.5);
  EXPECT_EQ(tests[0].standard_error, 80);
  EXPECT_EQ(tests[1].channel, 1);
  EXPECT_THAT(tests[1].regions, ElementsAre(0, 1, 2));
  EXPECT_EQ(tests[1].last_week, 3);

  const auto later = experiments_within(tests, 1, 3);
  ASSERT_EQ(later.size(), 1);
  EXPECT_EQ(later[0].first_week, 0);
  EXPECT_EQ(later[0].last_week, 1);
  EXPECT_TRUE(experiments_within(tests, 0, 2).empty());
}

TEST(ExperimentTable, ErrorsNameTheCell) {
  const struct {
    const char* row;
    std::vector<const char*> says;
  } kBad[] = {
      {"a,tv,*,2024-01-01,2024-01-08,1,1\n", {"line 2, column 'channel': 'tv' is no channel", "mean 'TV'?"}},
      {"a,TV,North;Sout,2024-01-01,2024-01-08,1,1\n", {"column 'regions': 'Sout' is no region", "mean 'South'?"}},
      {"a,TV,North;;South,2024-01-01,2024-01-08,1,1\n", {"column 'regions': '' is no region"}},
      {"a,TV,North;North,2024-01-01,2024-01-08,1,1\n", {"column 'regions': 'North' is there twice"}},
      {"a,TV,,2024-01-01,2024-01-08,1,1\n", {"column 'regions': '' is no region", "* for all"}},
      {"a,TV,*,soon,2024-01-08,1,1\n", {"column 'first_week': 'soon' is not a week"}},
      {"a,TV,*,3,2024-01-08,1,1\n", {"line 2: experiment 'a' has an integer as its week"}},
      {"a,TV,*,2023-12-31,2024-01-08,1,1\n", {"'2023-12-31' is not a training week", "2024-01-01 to 2024-01-22"}},
      {"a,TV,*,2024-01-01,2024-01-29,1,1\n", {"column 'last_week': '2024-01-29' is not a training week"}},
      {"a,TV,*,2024-01-15,2024-01-08,1,1\n", {"column 'last_week': '2024-01-08' is before first_week"}},
      {"a,TV,*,2024-01-01,2024-01-08,much,1\n", {"column 'lift': 'much' is not a finite number"}},
      {"a,TV,*,2024-01-01,2024-01-08,1,0\n", {"column 'standard_error': '0' is not above 0"}},
      {"a,TV,*,2024-01-01,2024-01-08,1,inf\n", {"column 'standard_error': 'inf' is not a finite number"}},
      {",TV,*,2024-01-01,2024-01-08,1,1\n", {"column 'experiment': '' is an experiment without a name"}},
      {"", {"no experiments, only a header"}},
  };
  for (const auto& bad : kBad)
    for (const char* says : bad.says) EXPECT_THAT(error_of(bad.row), HasSubstr(says)) << bad.row;
  EXPECT_THAT(error_of("a,TV\n", "experiment,channel\n"), HasSubstr("no column 'regions'"));
}

}  // namespace
}  // namespace dcmmm
