// Messages to the user: on stderr, and in the run folder's train.log. Only rank 0 talks.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace dcmmm {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kQuiet };

/// Starts the messages of this process: on rank 0 those from `console_level` on go to stderr, other ranks stay silent.
/// May be called again; a log file stays open.
void start_logging(bool is_rank_zero, LogLevel console_level = LogLevel::kInfo);

/// Also writes every message from kDebug on to `path`, with the time, behind what the file already holds (a resumed
/// run). Nothing on other ranks than 0. Throws UserError when the file can't be opened.
void log_to_file(const std::filesystem::path& path);

/// Flushes and closes the log file.
void stop_logging_to_file();

/// Called before each line on stderr; a progress bar takes itself off the terminal's line with it. Empty: nothing.
void set_before_console_line(std::function<void()> erase);

void log_debug(const std::string& message);
void log_info(const std::string& message);
void log_warning(const std::string& message);
void log_error(const std::string& message);

}  // namespace dcmmm
