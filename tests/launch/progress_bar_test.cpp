#include "launch/progress_bar.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

namespace dcmmm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Watched {
  std::ostringstream out;
  double now = 100;
  ProgressBarOptions options(bool is_terminal, bool quiet = false) {
    return {quiet, is_terminal, &out, [this] { return now; }};
  }
  int64_t lines() const {
    const std::string shown = out.str();
    return std::count(shown.begin(), shown.end(), '\n');
  }
};

TEST(ProgressBar, WritesALineAtEachTenthWithoutATerminal) {
  Watched watched;
  ProgressBar bar(0, 200, watched.options(false));
  for (int step = 1; step <= 200; ++step) {
    watched.now += 0.01;
    bar.update(step, 1.0);
  }
  EXPECT_EQ(watched.lines(), 10);
  EXPECT_THAT(watched.out.str(), Not(HasSubstr("\r")));
}

TEST(ProgressBar, WritesALineAfterAWhileWithoutATerminal) {
  Watched watched;
  ProgressBar bar(0, 100000, watched.options(false));
  for (int step = 1; step <= 30; ++step) {
    watched.now += 1;
    bar.update(step, 1.0);
  }
  EXPECT_EQ(watched.lines(), 3);
}

TEST(ProgressBar, ShowsRateLossSkillAndTimeLeft) {
  Watched watched;
  ProgressBar bar(20, 100, watched.options(true));
  watched.now += 10;
  bar.update(60, 0.125, 1.0625);
  EXPECT_THAT(
      watched.out.str(),
      HasSubstr("[##############----------] step 60/100  4.00 steps/s  loss 0.125  validation skill 1.062  10 s left"));
}

TEST(ProgressBar, RedrawsATerminalTenTimesASecondAndErasesItself) {
  Watched watched;
  {
    ProgressBar bar(0, 1000, watched.options(true));
    for (int step = 1; step < 1000; ++step) {
      watched.now += 0.001;
      bar.update(step, 1.0);
    }
    const std::string shown = watched.out.str();
    const auto redraws = std::count(shown.begin(), shown.end(), '\r');
    EXPECT_GE(redraws, 9);
    EXPECT_LE(redraws, 11);
  }
  EXPECT_TRUE(watched.out.str().ends_with("\r\033[K"));
}

TEST(ProgressBar, IsSilentWhenQuiet) {
  Watched watched;
  ProgressBar bar(0, 10, watched.options(true, true));
  for (int step = 1; step <= 10; ++step) bar.update(step, 1.0);
  bar.erase();
  EXPECT_EQ(watched.out.str(), "");
}

}  // namespace
}  // namespace dcmmm
