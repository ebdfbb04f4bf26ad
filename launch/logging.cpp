#include "launch/logging.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

struct Log {
  bool is_rank_zero = true;
  std::shared_ptr<spdlog::sinks::sink> console;
  std::shared_ptr<spdlog::sinks::sink> file;
  std::function<void()> before_console_line;
};

Log& the_log() {
  static Log log;
  return log;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kQuiet:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

void write(spdlog::level::level_enum level, const std::string& message) {
  Log& log = the_log();
  if (!log.is_rank_zero) return;
  if (log.console && log.console->should_log(level)) {
    if (log.before_console_line) log.before_console_line();
    const char* prefix = level == spdlog::level::warn ? "warning: " : level == spdlog::level::err ? "error: " : "";
    log.console->log({"", level, prefix + message});
    log.console->flush();
  }
  if (log.file) {
    log.file->log({"", level, message});
    log.file->flush();  // a killed run's last message is the one that is wanted
  }
}

}  // namespace

void start_logging(bool is_rank_zero, LogLevel console_level) {
  Log& log = the_log();
  log.is_rank_zero = is_rank_zero;
  log.console = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  log.console->set_pattern("%v");
  log.console->set_level(spdlog_level(console_level));
}

void log_to_file(const std::filesystem::path& path) {
  Log& log = the_log();
  if (!log.is_rank_zero) return;
  try {
    log.file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
  } catch (const spdlog::spdlog_ex&) {
    throw UserError(text("Can't write the log '", path.string(),
                         "'. Check that the folder exists and may be written, or set run.dir."));
  }
  log.file->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
}

void stop_logging_to_file() { the_log().file.reset(); }

void set_before_console_line(std::function<void()> erase) { the_log().before_console_line = std::move(erase); }

void log_debug(const std::string& message) { write(spdlog::level::debug, message); }
void log_info(const std::string& message) { write(spdlog::level::info, message); }
void log_warning(const std::string& message) { write(spdlog::level::warn, message); }
void log_error(const std::string& message) { write(spdlog::level::err, message); }

}  // namespace dcmmm
