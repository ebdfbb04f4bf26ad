// Errors that end a command, each with the exit code that a user's script can rely on.
#pragma once

#include <stdexcept>
#include <string>

namespace dcmmm {

/// Exit codes of every command, beside 1 (a defect, or no memory) and 6 (a rank is late: comm/watchdog.hpp). 0 done; 2
/// the user's input or config is wrong; 3 numerical failure; 4 a file is damaged; 5 stopped by a signal after a
/// checkpoint was written.
enum class ExitCode : int { kDone = 0, kUserError = 2, kNumericalFailure = 3, kDamagedFile = 4, kStopped = 5 };

/// Base of the errors below. The message says the value, what was expected and what to do next; it is printed once.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// The user's input or config is wrong (exit 2).
class UserError : public Error {
 public:
  explicit UserError(const std::string& message) : Error(ExitCode::kUserError, message) {}
};

/// Non-finite loss after the retries (exit 3).
class NumericalError : public Error {
 public:
  explicit NumericalError(const std::string& message) : Error(ExitCode::kNumericalFailure, message) {}
};

/// A file is truncated, altered or not of the expected kind (exit 4).
class DamagedFileError : public Error {
 public:
  explicit DamagedFileError(const std::string& message) : Error(ExitCode::kDamagedFile, message) {}
};

}  // namespace dcmmm
