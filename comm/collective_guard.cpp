#include "comm/collective_guard.hpp"

#include <filesystem>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#include "common/errors.hpp"
#include "common/files.hpp"

namespace dcmmm {
namespace {

constexpr const char* kOutOfMemory = "!";

// A caught error as text that can travel: one character for the kind, then the message.
std::string caught(const std::function<void()>& work) {
  try {
    work();
    return "";
  } catch (const Error& error) {
    return static_cast<char>('0' + static_cast<int>(error.code())) + std::string(error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return static_cast<char>('0' + static_cast<int>(ExitCode::kUserError)) + describe(error);
  } catch (const std::bad_alloc&) {
    return kOutOfMemory;
  } catch (const std::exception& error) {
    return std::string("-") + error.what();
  }
}

[[noreturn]] void throw_again(const std::string& failure) {
  if (failure == kOutOfMemory) throw std::bad_alloc();
  const std::string message = failure.substr(1);
  if (failure[0] == '-') throw std::runtime_error(message);
  switch (const auto code = static_cast<ExitCode>(failure[0] - '0')) {
    case ExitCode::kUserError:
      throw UserError(message);
    case ExitCode::kNumericalFailure:
      throw NumericalError(message);
    case ExitCode::kDamagedFile:
      throw DamagedFileError(message);
    default:
      throw Error(code, message);
  }
}

}  // namespace

void on_rank_zero(Communicator& communicator, const std::function<void()>& work) {
  std::string failure;
  if (communicator.rank() == 0) failure = caught(work);
  communicator.broadcast(failure);
  if (!failure.empty()) throw_again(failure);
}

void agree(Communicator& communicator, const std::function<void()>& work) {
  std::string failure = caught(work);
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  double lowest = failure.empty() ? kNone : -static_cast<double>(communicator.rank());
  communicator.all_reduce_max({&lowest, 1});
  if (lowest == kNone) return;
  communicator.broadcast(failure, static_cast<int>(-lowest));
  throw_again(failure);
}

}  // namespace dcmmm
