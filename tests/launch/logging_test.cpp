#include "launch/logging.hpp"

#include <gmock/gmock.h>

#include "tests/launch/config_folder.hpp"

namespace dcmmm {
namespace {

using testing::ConfigFolder;
using testing::Files;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

TEST(Logging, SplitsConsoleAndFile) {
  const ConfigFolder folder(Files{});
  const auto path = folder.path() / "train.log";
  CaptureStderr();
  int erased = 0;
  start_logging(true, LogLevel::kInfo);
  set_before_console_line([&] { ++erased; });
  log_to_file(path);
  log_debug("details");
  log_info("reading {panel}");
  log_warning("few weeks");
  log_error("too bad");
  stop_logging_to_file();
  log_info("after");
  set_before_console_line({});
  EXPECT_EQ(GetCapturedStderr(), "reading {panel}\nwarning: few weeks\nerror: too bad\nafter\n");
  EXPECT_EQ(erased, 4);
  const std::string file = read_text_file(path);
  EXPECT_THAT(file, ::testing::ContainsRegex("20[0-9][0-9]-[0-9:. -]* debug details\n"));
  EXPECT_THAT(file, HasSubstr(" warning few weeks\n"));
  EXPECT_THAT(file, ::testing::Not(HasSubstr("after")));
}

TEST(Logging, ContinuesAnExistingFile) {
  const ConfigFolder folder(Files{{"train.log", "earlier\n"}});
  start_logging(true, LogLevel::kQuiet);
  log_to_file(folder.path() / "train.log");
  log_info("later");
  stop_logging_to_file();
  EXPECT_THAT(read_text_file(folder.path() / "train.log"), ::testing::StartsWith("earlier\n2"));
}

TEST(Logging, OtherRanksStaySilent) {
  const ConfigFolder folder(Files{});
  CaptureStderr();
  start_logging(false, LogLevel::kDebug);
  log_to_file(folder.path() / "train.log");
  log_error("twice");
  EXPECT_EQ(GetCapturedStderr(), "");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "train.log"));
}

TEST(Logging, RefusesAFileThatCantBeOpened) {
  const ConfigFolder folder(Files{{"file", ""}});
  start_logging(true, LogLevel::kQuiet);
  EXPECT_THROW(log_to_file(folder.path() / "file" / "train.log"), UserError);
}

}  // namespace
}  // namespace dcmmm
