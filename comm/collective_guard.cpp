#include "comm/collective_guard.hpp"

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

constexpr int kOtherError = 1;  // not an Error: no exit code of its own

[[noreturn]] void throw_error(int code, const std::string& message) {
  switch (static_cast<ExitCode>(code)) {
    case ExitCode::kUserError: throw UserError(message);
    case ExitCode::kNumericalFailure: throw NumericalError(message);
    case ExitCode::kDamagedFile: throw DamagedFileError(message);
    default: break;
  }
  if (code == kOtherError) throw std::runtime_error(message);
  throw Error(static_cast<ExitCode>(code), message);
}

}  // namespace

void on_every_rank(Communicator& communicator, const std::function<void()>& work) {
  // A failing rank brings one record [code, length of the message, its bytes as numbers]: all_gather carries only doubles.
  std::vector<double> record;
  const auto note = [&](int code, const std::string& message) {
    record = {static_cast<double>(code), static_cast<double>(message.size())};
    for (const char c : message) record.push_back(static_cast<unsigned char>(c));
  };
  try {
    work();
  } catch (const Error& error) {
    note(static_cast<int>(error.code()), error.what());
  } catch (const std::exception& error) {
    note(kOtherError, error.what());
  }
  const std::vector<double> records = communicator.all_gather(record);
  if (records.empty()) return;
  std::string message;
  for (size_t i = 0; i < static_cast<size_t>(records[1]); ++i) {
    message += static_cast<char>(static_cast<unsigned char>(records[2 + i]));
  }
  throw_error(static_cast<int>(records[0]), message);
}

void on_rank_zero(Communicator& communicator, const std::function<void()>& work) {
  on_every_rank(communicator, [&] {
    if (communicator.rank() == 0) work();
  });
}

}  // namespace dcmmm
